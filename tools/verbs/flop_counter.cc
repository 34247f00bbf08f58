#include "tools/verbs/flop_counter.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace dg4d {
namespace {

std::atomic<double> counted = 0;

void Add(double flops) {
  double before = counted;
  while (!counted.compare_exchange_weak(before, before + flops)) {
  }
}

using Inputs = c10::ArrayRef<const c10::IValue>;

at::Tensor TensorAt(const Inputs& inputs, size_t i) {
  return i < inputs.size() && inputs[i].isTensor() ? inputs[i].toTensor()
                                                   : at::Tensor();
}

// 2 x the sizes of the output x what each of its numbers is a sum of.
double OfConvolution(const at::Tensor& input, const at::Tensor& weight,
                     const std::vector<int64_t>& stride,
                     const std::vector<int64_t>& padding) {
  // One number stands for all dimensions.
  const auto of = [](const std::vector<int64_t>& numbers, int64_t d) {
    return numbers.size() == 1 ? numbers[0] : numbers[d];
  };
  double outputs = static_cast<double>(input.size(0) * weight.size(0));
  for (int64_t d = 2; d < input.dim(); ++d) {
    outputs *= static_cast<double>(
        (input.size(d) + 2 * of(padding, d - 2) - weight.size(d)) /
            of(stride, d - 2) +
        1);
  }
  return 2 * outputs * static_cast<double>(weight[0].numel());
}

// a [.., N, K] times [.., K, M].
double OfProduct(const at::Tensor& a, const at::Tensor& b) {
  return 2.0 * static_cast<double>(a.numel()) * static_cast<double>(b.size(-1));
}

double Flops(absl::string_view name, const Inputs& inputs) {
  if (name == "aten::convolution") {
    return OfConvolution(inputs[0].toTensor(), inputs[1].toTensor(),
                         inputs[3].toIntVector(), inputs[4].toIntVector());
  }
  if (name == "aten::convolution_backward") {
    const double once =
        OfConvolution(inputs[1].toTensor(), inputs[2].toTensor(),
                      inputs[4].toIntVector(), inputs[5].toIntVector());
    const auto wanted = inputs.back().toBoolList();
    return once * ((wanted[0] ? 1 : 0) + (wanted[1] ? 1 : 0));
  }
  if (name == "aten::mm" || name == "aten::bmm") {
    return OfProduct(inputs[0].toTensor(), inputs[1].toTensor());
  }
  if (name == "aten::addmm" || name == "aten::baddbmm") {
    return OfProduct(inputs[1].toTensor(), inputs[2].toTensor());
  }
  if (absl::StartsWith(name, "aten::_scaled_dot_product_") &&
      !absl::StrContains(name, "_math")) {
    // Two products forward, five backward.
    const bool backward = absl::StrContains(name, "_backward");
    const size_t first = backward ? 1 : 0;
    const at::Tensor q = TensorAt(inputs, first);
    const at::Tensor k = TensorAt(inputs, first + 1);
    if (!q.defined() || !k.defined()) return 0;
    return (backward ? 5 : 2) * 2.0 * static_cast<double>(q.numel()) *
           static_cast<double>(k.size(-2));
  }
  return 0;
}

std::unique_ptr<at::ObserverContext> Note(const at::RecordFunction& call) {
  const absl::string_view name = call.name();
  // Looked at only where there may be something to count.
  if (absl::StartsWith(name, "aten::")) Add(Flops(name, call.inputs()));
  return nullptr;
}

}  // namespace

FlopCounter::FlopCounter() {
  counted = 0;
  handle_ = at::addGlobalCallback(
      at::RecordFunctionCallback(&Note).needsInputs(true).scopes(
          {at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}));
}

FlopCounter::~FlopCounter() { at::removeCallback(handle_); }

double FlopCounter::Count() const { return counted; }

}  // namespace dg4d
