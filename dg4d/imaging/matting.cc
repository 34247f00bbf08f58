#include "dg4d/imaging/matting.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/core/ivalue.h>
#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dg4d/base/status.h"

namespace dg4d {
namespace {

constexpr int kMaxSize = 4096;
constexpr int kMaxDepth = 8;  // of tuples in tuples

absl::Status CheckChannels(const char* name,
                           const std::vector<double>& values) {
  if (values.size() == 3) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, " must have three numbers, for red, green and blue"));
}

// What an exception says, without where in LibTorch or in the script it was
// thrown: of several lines, that which names the error.
std::string Reason(const std::exception& error) {
  const auto* of_torch = dynamic_cast<const c10::Error*>(&error);
  absl::string_view text =
      of_torch != nullptr ? of_torch->what_without_backtrace() : error.what();
  for (const absl::string_view mark : {"RuntimeError: ", "Error: "}) {
    if (const size_t at = text.rfind(mark); at != absl::string_view::npos) {
      text.remove_prefix(at + mark.size());
    }
  }
  while (!text.empty() && text.front() == '\n') text.remove_prefix(1);
  return std::string(text.substr(0, text.find('\n')));
}

// The first tensor of what a network gave.
std::optional<at::Tensor> FirstTensor(const c10::IValue& value, int depth = 0) {
  if (value.isTensor()) return value.toTensor();
  if (depth > kMaxDepth) return std::nullopt;
  if (value.isTuple() && !value.toTupleRef().elements().empty()) {
    return FirstTensor(value.toTupleRef().elements()[0], depth + 1);
  }
  if (value.isList() && !value.toListRef().empty()) {
    return FirstTensor(value.toListRef().front(), depth + 1);
  }
  if (value.isGenericDict() && !value.toGenericDict().empty()) {
    return FirstTensor(value.toGenericDict().begin()->value(), depth + 1);
  }
  return std::nullopt;
}

at::Tensor Channels(const std::vector<double>& values) {
  return at::tensor(at::ArrayRef<double>(values), at::kFloat)
      .view({1, 3, 1, 1});
}

}  // namespace

absl::Status MattingOptions::Validate() const {
  if (size < 16 || size > kMaxSize) {
    return absl::InvalidArgumentError(
        absl::StrCat("size must be between 16 and ", kMaxSize, " pixels"));
  }
  DG4D_RETURN_IF_ERROR(CheckChannels("mean", mean));
  DG4D_RETURN_IF_ERROR(CheckChannels("deviation", deviation));
  for (const double value : deviation) {
    if (!(value > 0)) {
      return absl::InvalidArgumentError("deviation must be positive");
    }
  }
  return absl::OkStatus();
}

struct Matting::Network {
  mutable torch::jit::Module module;
  c10::Device device;
  at::ScalarType type = at::kFloat;
};

Matting::Matting(MattingOptions options, std::unique_ptr<Network> network)
    : options_(std::move(options)), network_(std::move(network)) {}
Matting::Matting(Matting&&) noexcept = default;
Matting& Matting::operator=(Matting&&) noexcept = default;
Matting::~Matting() = default;

absl::StatusOr<Matting> Matting::Load(const MattingOptions& options,
                                      const c10::Device& device) {
  DG4D_RETURN_IF_ERROR(Annotate(options.Validate(), "matting"));
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(options.network, ignored)) {
    return absl::NotFoundError(absl::StrCat(
        options.network,
        ": there is no such file; matting.network names a TorchScript file"));
  }
  try {
    auto network = std::make_unique<Network>(Network{
        .module = torch::jit::load(options.network, device), .device = device});
    network->module.eval();
    if (!network->module.find_method("forward")) {
      return absl::InvalidArgumentError(
          absl::StrCat(options.network, ": its module has no forward method"));
    }
    for (const at::Tensor& weight : network->module.parameters()) {
      if (weight.is_floating_point()) {
        network->type = weight.scalar_type();
        break;
      }
    }
    return Matting(options, std::move(network));
  } catch (const std::exception& error) {
    const std::string reason = Reason(error);
    if (IsOutOfMemory(error)) {
      return absl::ResourceExhaustedError(
          absl::StrCat(options.network, ": ", reason));
    }
    return absl::InvalidArgumentError(absl::StrCat(
        options.network, ": is no TorchScript network that can be run (",
        reason,
        "); save one in Python with torch.jit.script(network).save(FILE) or "
        "torch.jit.trace"));
  }
}

absl::StatusOr<at::Tensor> Matting::Alpha(const Image& image) const {
  const at::NoGradGuard no_grad;
  // Every picture goes through the script as it stands: what the executor makes
  // of it after a few runs would round otherwise.
  const torch::jit::GraphOptimizerEnabledGuard as_written(false);
  const auto fails = [&](const auto&... why) {
    return absl::InvalidArgumentError(
        absl::StrCat(options_.network, ": ", why...));
  };
  const Image rgb = {.pixels = image.pixels.narrow(2, 0, 3).contiguous()};
  const at::Tensor seen =
      (Composite(Resize(rgb, options_.size, options_.size)).unsqueeze(0) -
       Channels(options_.mean)) /
      Channels(options_.deviation);
  std::optional<at::Tensor> given;
  try {
    given = FirstTensor(network_->module.forward({seen.to(
        seen.options().device(network_->device).dtype(network_->type))}));
  } catch (const std::exception& error) {
    const std::string reason = Reason(error);
    if (IsOutOfMemory(error)) {
      return absl::ResourceExhaustedError(
          absl::StrCat(options_.network, ": ", reason,
                       "; a smaller matting.size needs less memory"));
    }
    return fails("failed on a picture of ", options_.size, " x ", options_.size,
                 " pixels (matting.size): ", reason);
  }
  if (!given.has_value() || !given->defined()) {
    return fails("gives no tensor where the object's opacity should be");
  }
  const int64_t d = given->dim();
  if (d < 2 || d > 4 || given->numel() == 0 ||
      given->numel() != given->size(d - 1) * given->size(d - 2)) {
    return fails(
        "gives a tensor of shape [", absl::StrJoin(given->sizes(), ", "),
        "] where one number a pixel, [1, 1, height, width], should be");
  }
  at::Tensor alpha = given->view({1, 1, given->size(d - 2), given->size(d - 1)})
                         .to(at::kCPU, at::kFloat);
  if (!at::isfinite(alpha).all().item<bool>()) {
    return fails("gives numbers that are not finite");
  }
  if (options_.output == "logit") alpha = alpha.sigmoid();
  if (options_.output == "stretched") {
    const at::Tensor least = alpha.min(), range = alpha.max() - least;
    // Of a picture without an object there is nothing to stretch.
    if (range.item<float>() > 1e-6F) alpha = (alpha - least) / range;
  }
  return at::_upsample_bilinear2d_aa(alpha, {image.height(), image.width()},
                                     /*align_corners=*/false)
      .clamp(0, 1)
      .view({image.height(), image.width()});
}

absl::StatusOr<Image> Matting::CutOut(const Image& image,
                                      const Rectangle& rectangle) const {
  at::Tensor alpha;
  if (rectangle.empty()) {
    DG4D_ASSIGN_OR_RETURN(alpha, Alpha(image));
  } else {
    const int x = std::clamp(rectangle.x, 0, image.width());
    const int y = std::clamp(rectangle.y, 0, image.height());
    const int width = std::clamp(rectangle.width, 0, image.width() - x);
    const int height = std::clamp(rectangle.height, 0, image.height() - y);
    if (width == 0 || height == 0) {
      return absl::InvalidArgumentError("the rectangle is outside the picture");
    }
    const auto inside = [&](const at::Tensor& plane) {
      return plane.narrow(0, y, height).narrow(1, x, width);
    };
    alpha = at::zeros({image.height(), image.width()});
    DG4D_ASSIGN_OR_RETURN(const at::Tensor found,
                          Alpha({.pixels = inside(image.pixels).contiguous()}));
    inside(alpha).copy_(found);
  }
  if (!(alpha.max().item<float>() > 0.5F)) {
    return absl::InvalidArgumentError(absl::StrCat(
        options_.network,
        ": finds no object in the picture; are matting.size, mean, deviation "
        "and output those of the network?"));
  }
  return WithAlpha(image, alpha);
}

}  // namespace dg4d
