#include "dg4d/stages/dynamic_gaussians/deformation.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dg4d/base/parallel.h"
#include "dg4d/base/random.h"

namespace dg4d::dynamic_gaussians {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kRowsPerChunk = 4096;

// The network on some rows: activations that the gradients need again.
struct Activations {
  std::vector<at::Tensor> trunk;  // inputs of each trunk layer
  at::Tensor rectified;           // r [M, width]
  at::Tensor residual;            // r + L1 r of each head [M, heads * width]
};

// `layers` as Deformation keeps them, `heads` the sizes of their outputs.
struct Network {
  at::TensorList layers;
  std::vector<int64_t> heads;

  size_t depth() const { return layers.size() / 2 - 2; }
  const at::Tensor& weight(size_t i) const { return layers[2 * i]; }
  const at::Tensor& bias(size_t i) const { return layers[2 * i + 1]; }
  int64_t width() const { return weight(depth()).size(1); }
  int64_t outputs() const { return weight(depth() + 1).size(0); }

  Activations Run(const at::Tensor& input) const {
    Activations activations;
    at::Tensor h = input;
    for (size_t i = 0; i < depth(); ++i) {
      if (i > 0) h = at::relu(h);
      activations.trunk.push_back(h);
      h = at::addmm(bias(i), h, weight(i).t());
    }
    activations.rectified = h.relu_();
    activations.residual =
        at::addmm(bias(depth()), activations.rectified, weight(depth()).t());
    for (size_t head = 0; head < heads.size(); ++head) {
      activations.residual.narrow(1, head * width(), width())
          .add_(activations.rectified);
    }
    return activations;
  }

  // Calls visit(head, first output, number of outputs).
  template <typename Visit>
  void ForEachHead(const Visit& visit) const {
    int64_t first = 0;
    for (size_t head = 0; head < heads.size(); ++head) {
      visit(static_cast<int64_t>(head), first, heads[head]);
      first += heads[head];
    }
  }
};

// The network on rows [M, in], in chunks that threads share; activations are
// made again for the gradients instead of kept.
class NetworkFunction : public torch::autograd::Function<NetworkFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input,
                            at::TensorList layers,
                            const std::vector<int64_t>& heads) {
    const Network network{layers, heads};
    const at::Tensor output =
        at::empty({input.size(0), network.outputs()}, input.options());
    ParallelFor(input.size(0), kRowsPerChunk, [&](int64_t begin, int64_t end) {
      const at::AutoDispatchBelowAutograd below_autograd;
      const Activations activations = network.Run(input.slice(0, begin, end));
      const at::Tensor rows = output.slice(0, begin, end);
      const at::Tensor& weight = network.weight(network.depth() + 1);
      const at::Tensor& bias = network.bias(network.depth() + 1);
      network.ForEachHead([&](int64_t head, int64_t first, int64_t size) {
        rows.narrow(1, first, size)
            .copy_(at::addmm(bias.narrow(0, first, size),
                             activations.residual.narrow(
                                 1, head * network.width(), network.width()),
                             weight.narrow(0, first, size).t()));
      });
    });
    variable_list saved = {input};
    saved.insert(saved.end(), layers.begin(), layers.end());
    context->save_for_backward(saved);
    context->saved_data["heads"] = heads;
    return output;
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& output_gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& input = saved.front();
    const variable_list layers(saved.begin() + 1, saved.end());
    const Network network{layers, context->saved_data["heads"].toIntVector()};
    const at::Tensor gradient = output_gradients.front().contiguous();

    const int64_t chunks = (input.size(0) + kRowsPerChunk - 1) / kRowsPerChunk;
    const at::Tensor input_gradient = at::empty(input.sizes(), input.options());
    std::vector<variable_list> parts(chunks);
    ParallelFor(input.size(0), kRowsPerChunk, [&](int64_t begin, int64_t end) {
      const at::AutoDispatchBelowAutograd below_autograd;
      parts[begin / kRowsPerChunk] = Backward(
          network, input.slice(0, begin, end), gradient.slice(0, begin, end),
          input_gradient.slice(0, begin, end));
    });
    variable_list result = {input_gradient};
    for (size_t i = 0; i < layers.size(); ++i) {
      at::Tensor sum = at::zeros_like(layers[i]);
      for (const variable_list& part : parts) sum += part[i];
      result.push_back(sum);
    }
    result.emplace_back();  // heads
    return result;
  }

 private:
  // Gradients of the layers from some rows; writes that of their input.
  static variable_list Backward(const Network& network, const at::Tensor& input,
                                const at::Tensor& gradient,
                                const at::Tensor& input_gradient) {
    const size_t depth = network.depth();
    const int64_t width = network.width();
    const Activations activations = network.Run(input);
    variable_list gradients(network.layers.size());

    const at::Tensor& last = network.weight(depth + 1);
    gradients[2 * (depth + 1)] = at::empty(last.sizes(), last.options());
    gradients[2 * (depth + 1) + 1] = gradient.sum(0);
    const at::Tensor residual_gradient =
        at::empty(activations.residual.sizes(), gradient.options());
    network.ForEachHead([&](int64_t head, int64_t first, int64_t size) {
      const at::Tensor g = gradient.narrow(1, first, size);
      gradients[2 * (depth + 1)]
          .narrow(0, first, size)
          .copy_(at::mm(g.t(),
                        activations.residual.narrow(1, head * width, width)));
      residual_gradient.narrow(1, head * width, width)
          .copy_(at::mm(g, last.narrow(0, first, size)));
    });
    gradients[2 * depth] = at::mm(residual_gradient.t(), activations.rectified);
    gradients[2 * depth + 1] = residual_gradient.sum(0);
    at::Tensor g = at::mm(residual_gradient, network.weight(depth));
    for (size_t head = 0; head < network.heads.size(); ++head) {
      g += residual_gradient.narrow(1, head * width, width);
    }
    g *= activations.rectified > 0;
    for (size_t i = depth; i-- > 0;) {
      gradients[2 * i] = at::mm(g.t(), activations.trunk[i]);
      gradients[2 * i + 1] = g.sum(0);
      g = at::mm(g, network.weight(i));
      if (i > 0) g *= activations.trunk[i] > 0;
    }
    input_gradient.copy_(g);
    return gradients;
  }
};

// x, y, z and time of each point at each time: [T, N, 4 or 5].
at::Tensor RawCoordinates(const at::Tensor& points,
                          const std::vector<double>& times, bool cyclic) {
  const int64_t count = points.size(0);
  std::vector<at::Tensor> rows;
  for (const double time : times) {
    std::vector<double> values = {2 * time - 1};
    if (cyclic) {
      values = {std::cos(2 * M_PI * time), std::sin(2 * M_PI * time)};
    }
    rows.push_back(at::cat(
        {points,
         at::tensor(values).to(points.scalar_type()).expand({count, -1})},
        1));
  }
  return at::stack(rows);
}

}  // namespace

Deformation::Deformation(const DeformationShape& shape,
                         at::Generator& generator)
    : shape_(shape) {
  if (shape.move_means) head_sizes_.push_back(3);
  if (shape.move_log_scales) head_sizes_.push_back(3);
  if (shape.move_quaternions) head_sizes_.push_back(4);
  if (shape.move_opacity_logits) head_sizes_.push_back(1);
  TORCH_CHECK(!head_sizes_.empty(), "a deformation that moves nothing");

  int64_t inputs = shape.grid.cyclic_time ? 5 : 4;
  if (shape.use_grid) {
    grid_.emplace(shape.grid, generator);
    inputs = grid_->feature_count();
  }
  for (int i = 0; i < shape.depth; ++i) {
    // Xavier's range for the weights, the usual fan-in range for the bias.
    const double weight_bound = std::sqrt(6.0 / (inputs + shape.width));
    const double bias_bound = 1 / std::sqrt(static_cast<double>(inputs));
    layers_.push_back(
        Uniform({shape.width, inputs}, -weight_bound, weight_bound, generator));
    layers_.push_back(
        Uniform({shape.width}, -bias_bound, bias_bound, generator));
    inputs = shape.width;
  }
  const int64_t rows = static_cast<int64_t>(head_sizes_.size()) * shape.width;
  int64_t outputs = 0;
  for (const int64_t size : head_sizes_) outputs += size;
  layers_.push_back(at::zeros({rows, shape.width}));
  layers_.push_back(at::zeros({rows}));
  layers_.push_back(at::zeros({outputs, shape.width}));
  layers_.push_back(at::zeros({outputs}));
}

Deltas Deformation::operator()(const at::Tensor& points,
                               const std::vector<double>& times) const {
  const at::Tensor features =
      grid_ ? grid_->Sample(points, times)
            : RawCoordinates(points, times, shape_.grid.cyclic_time);
  const at::Tensor output =
      NetworkFunction::apply(features.flatten(0, 1), at::TensorList(layers_),
                             head_sizes_)
          .view({static_cast<int64_t>(times.size()), points.size(0), -1});
  Deltas deltas;
  int64_t first = 0;
  const auto take = [&](bool moves, int64_t size) {
    if (!moves) return at::Tensor();
    first += size;
    return output.narrow(2, first - size, size);
  };
  deltas.means = take(shape_.move_means, 3);
  deltas.log_scales = take(shape_.move_log_scales, 3);
  deltas.quaternions = take(shape_.move_quaternions, 4);
  deltas.opacity_logits = take(shape_.move_opacity_logits, 1);
  return deltas;
}

void Deformation::VisitParameters(const Visitor& visit) {
  if (grid_) {
    constexpr const char* kNames[] = {"xy", "xz", "yz", "xt", "yt", "zt"};
    for (size_t i = 0; i < grid_->planes().size(); ++i) {
      visit(absl::StrCat("grid.", i / 6, ".", kNames[i % 6]),
            grid_->planes()[i]);
    }
  }
  for (size_t i = 0; i < layers_.size(); ++i) {
    visit(absl::StrCat("network.", i / 2, i % 2 == 0 ? ".weight" : ".bias"),
          layers_[i]);
  }
}

}  // namespace dg4d::dynamic_gaussians
