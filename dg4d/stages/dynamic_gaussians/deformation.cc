#include "dg4d/stages/dynamic_gaussians/deformation.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/addmv.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dg4d/base/parallel.h"
#include "dg4d/base/random.h"

namespace dg4d::dynamic_gaussians {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// How many rows are one thread's work: on a GPU all, for it has its own.
int64_t RowsPerChunk(const at::Tensor& input) {
  return input.is_cpu() ? 4096 : std::max<int64_t>(1, input.size(0));
}

// The number of threads that torch was told to use holds for the thread that
// told it. Left alone, products in threads of ours would be shared among
// others, now so and now so, and their sums with them.
void TakeOverTorchThreads() { at::init_num_threads(); }

// Linear layers with a ReLU between each two: weights [out, in] and biases
// [out] in turn. Rows [M, in] are cut into chunks that threads share;
// activations are made again for the gradients instead of kept.
class PerceptronFunction
    : public torch::autograd::Function<PerceptronFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input,
                            at::TensorList layers) {
    const at::Tensor output =
        at::empty({input.size(0), layers.back().size(0)}, input.options());
    ParallelFor(input.size(0), RowsPerChunk(input),
                [&](int64_t begin, int64_t end) {
                  TakeOverTorchThreads();
                  const at::AutoDispatchBelowAutograd below_autograd;
                  const size_t last = layers.size() / 2 - 1;
                  const at::Tensor rows = output.slice(0, begin, end);
                  rows.copy_(at::addmm(
                      layers[2 * last + 1],
                      InputsOfLayers(layers, input.slice(0, begin, end)).back(),
                      layers[2 * last].t()));
                });
    variable_list saved = {input};
    saved.insert(saved.end(), layers.begin(), layers.end());
    context->save_for_backward(saved);
    return output;
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& output_gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& input = saved.front();
    const variable_list layers(saved.begin() + 1, saved.end());
    const at::Tensor gradient = output_gradients.front().contiguous();

    const int64_t rows_per_chunk = RowsPerChunk(input);
    const int64_t chunks =
        (input.size(0) + rows_per_chunk - 1) / rows_per_chunk;
    const at::Tensor input_gradient = at::empty(input.sizes(), input.options());
    std::vector<variable_list> parts(chunks);
    ParallelFor(input.size(0), rows_per_chunk, [&](int64_t begin, int64_t end) {
      TakeOverTorchThreads();
      const at::AutoDispatchBelowAutograd below_autograd;
      parts[begin / rows_per_chunk] = Backward(
          layers, input.slice(0, begin, end), gradient.slice(0, begin, end),
          input_gradient.slice(0, begin, end));
    });
    variable_list result = {input_gradient};
    for (size_t i = 0; i < layers.size(); ++i) {
      at::Tensor sum = at::zeros_like(layers[i]);
      for (const variable_list& part : parts) sum += part[i];
      result.push_back(sum);
    }
    return result;
  }

 private:
  static std::vector<at::Tensor> InputsOfLayers(at::TensorList layers,
                                                const at::Tensor& rows) {
    std::vector<at::Tensor> inputs = {rows};
    for (size_t i = 0; i + 2 < layers.size(); i += 2) {
      inputs.push_back(
          at::addmm(layers[i + 1], inputs.back(), layers[i].t()).relu_());
    }
    return inputs;
  }

  // Gradients of the layers from some rows; writes that of their input.
  static variable_list Backward(at::TensorList layers, const at::Tensor& rows,
                                const at::Tensor& gradient,
                                const at::Tensor& input_gradient) {
    const std::vector<at::Tensor> inputs = InputsOfLayers(layers, rows);
    variable_list gradients(layers.size());
    at::Tensor g = gradient;
    for (size_t i = inputs.size(); i-- > 0;) {
      gradients[2 * i] = at::mm(g.t(), inputs[i]);
      gradients[2 * i + 1] = g.sum(0);
      g = at::mm(g, layers[2 * i]);
      if (i > 0) g *= inputs[i] > 0;
    }
    input_gradient.copy_(g);
    return gradients;
  }
};

// x, y, z and time of each point at each time: [T, N, 4 or 5].
at::Tensor RawCoordinates(const at::Tensor& points, const at::Tensor& times,
                          bool cyclic) {
  const int64_t count = points.size(0);
  const at::Tensor values =
      cyclic ? at::stack(
                   {(times * (2 * M_PI)).cos(), (times * (2 * M_PI)).sin()}, 1)
             : (times * 2 - 1).unsqueeze(1);
  return at::cat(
      {points.unsqueeze(0).expand({times.numel(), -1, -1}),
       values.to(points.options()).unsqueeze(1).expand({-1, count, -1})},
      2);
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
  head_of_output_ = at::zeros({outputs, rows / shape.width, 1});
  int64_t output = 0;
  for (size_t head = 0; head < head_sizes_.size(); ++head) {
    for (int64_t i = 0; i < head_sizes_[head]; ++i) {
      head_of_output_[output++][static_cast<int64_t>(head)] = 1;
    }
  }
  layers_.push_back(at::zeros({rows, shape.width}));
  layers_.push_back(at::zeros({rows}));
  layers_.push_back(at::zeros({outputs, shape.width}));
  layers_.push_back(at::zeros({outputs}));
}

std::pair<at::Tensor, at::Tensor> Deformation::HeadByHead() const {
  const at::Tensor& first_weights = layers_[layers_.size() - 4];
  const at::Tensor& first_biases = layers_[layers_.size() - 3];
  const at::Tensor& last_weights = layers_[layers_.size() - 2];
  std::vector<at::Tensor> weights, biases;
  int64_t output_of_head = 0;
  for (size_t head = 0; head < head_sizes_.size(); ++head) {
    const int64_t row = static_cast<int64_t>(head) * shape_.width;
    const at::Tensor last =
        last_weights.narrow(0, output_of_head, head_sizes_[head]);
    weights.push_back(last +
                      at::mm(last, first_weights.narrow(0, row, shape_.width)));
    biases.push_back(last.mv(first_biases.narrow(0, row, shape_.width)));
    output_of_head += head_sizes_[head];
  }
  return {at::cat(weights), at::cat(biases) + layers_.back()};
}

std::pair<at::Tensor, at::Tensor> Deformation::AllHeads() const {
  const at::Tensor& first_weights = layers_[layers_.size() - 4];
  const at::Tensor& first_biases = layers_[layers_.size() - 3];
  const at::Tensor& last_weights = layers_[layers_.size() - 2];
  // L2 of all heads as one matrix, zero where an output is not of a head.
  const at::Tensor last =
      (last_weights.unsqueeze(1) * head_of_output_.to(last_weights.options()))
          .flatten(1);
  return {at::addmm(last_weights, last, first_weights),
          at::addmv(layers_.back(), last, first_biases)};
}

Deltas Deformation::operator()(const at::Tensor& points,
                               const at::Tensor& times) const {
  const at::Tensor features =
      grid_ ? grid_->Sample(points, times)
            : RawCoordinates(points, times, shape_.grid.cyclic_time);
  // A head is linear in r = ReLU(h): L2 (r + L1 r + b1) + b2 is M r + c, which
  // costs a row far less than its two layers would.
  std::vector<at::Tensor> layers(layers_.begin(), layers_.end() - 4);
  const auto [weights, biases] = points.is_cpu() ? HeadByHead() : AllHeads();
  layers.push_back(weights);
  layers.push_back(biases);
  const at::Tensor output =
      PerceptronFunction::apply(features.flatten(0, 1), at::TensorList(layers))
          .view({times.numel(), points.size(0), -1});
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
