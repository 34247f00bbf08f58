#include "dg4d/stages/dynamic_gaussians/hexplane.h"

#include <ATen/Dispatch.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/roll.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/DeviceGuard.h>
#include <torch/csrc/autograd/custom_function.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "dg4d/base/cuda_stream.h"
#include "dg4d/base/random.h"
#include "dg4d/stages/dynamic_gaussians/hexplane_cuda.h"
#include "dg4d/stages/dynamic_gaussians/hexplane_kernel.h"

namespace dg4d::dynamic_gaussians {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int kPlanes = 6;
constexpr int kFirstTimePlane = 3;

void ThrowIfError(const absl::Status& status) {
  TORCH_CHECK(status.ok(), std::string(status.message()));
}

CUstream_st* StreamOf(const at::Tensor& tensor) {
  return static_cast<CUstream_st*>(CurrentCudaStream(tensor.device()));
}

// Level `index` of planes that are saved in a flat list.
template <typename Scalar>
HexPlaneLevel<Scalar> MakeLevel(const at::Tensor& points,
                                const std::vector<double>& times,
                                at::TensorList planes, size_t index,
                                bool cyclic_time) {
  const at::Tensor& first = planes[index * kPlanes];
  HexPlaneLevel<Scalar> level;
  level.points = points.size(0);
  level.times = static_cast<int>(times.size());
  level.space_nodes = static_cast<int>(first.size(1));
  level.time_nodes =
      static_cast<int>(planes[index * kPlanes + kFirstTimePlane].size(0));
  level.features = static_cast<int>(first.size(2));
  level.cyclic_time = cyclic_time;
  level.coordinates = points.const_data_ptr<Scalar>();
  level.time = times.data();
  for (int p = 0; p < kPlanes; ++p) {
    level.planes[p] = planes[index * kPlanes + p].const_data_ptr<Scalar>();
  }
  level.stride = level.features * static_cast<int64_t>(planes.size() / kPlanes);
  return level;
}

class SampleFunction : public torch::autograd::Function<SampleFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& points,
                            at::TensorList planes,
                            const std::vector<double>& times,
                            bool cyclic_time) {
    const c10::DeviceGuard guard(points.device());
    const size_t levels = planes.size() / kPlanes;
    const int64_t features = planes.front().size(2);
    const at::Tensor output =
        at::empty({static_cast<int64_t>(times.size()), points.size(0),
                   features * static_cast<int64_t>(levels)},
                  points.options());
    AT_DISPATCH_FLOATING_TYPES(points.scalar_type(), "HexPlane", [&] {
      for (size_t i = 0; i < levels; ++i) {
        auto level = MakeLevel<scalar_t>(points, times, planes, i, cyclic_time);
        level.output = output.mutable_data_ptr<scalar_t>() + i * features;
        if (points.is_cpu()) {
          HexPlaneForward(level);
        } else {
          ThrowIfError(HexPlaneForwardCuda(level, StreamOf(points)));
        }
      }
    });
    variable_list saved = {points};
    saved.insert(saved.end(), planes.begin(), planes.end());
    context->save_for_backward(saved);
    context->saved_data["times"] = times;
    context->saved_data["cyclic_time"] = cyclic_time;
    context->saved_data["wants_points"] = points.requires_grad();
    return output;
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& output_gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& points = saved.front();
    const c10::DeviceGuard guard(points.device());
    const variable_list planes(saved.begin() + 1, saved.end());
    const auto times = context->saved_data["times"].toDoubleVector();
    const bool cyclic_time = context->saved_data["cyclic_time"].toBool();
    const at::Tensor gradient = output_gradients.front().contiguous();

    at::Tensor points_gradient;
    if (context->saved_data["wants_points"].toBool()) {
      points_gradient = at::zeros_like(points);
    }
    variable_list plane_gradients;
    for (const at::Tensor& plane : planes) {
      plane_gradients.push_back(at::zeros_like(plane));
    }
    AT_DISPATCH_FLOATING_TYPES(points.scalar_type(), "HexPlane", [&] {
      for (size_t i = 0; i < planes.size() / kPlanes; ++i) {
        const auto level =
            MakeLevel<scalar_t>(points, times, planes, i, cyclic_time);
        HexPlaneLevelGradients<scalar_t> gradients;
        gradients.output =
            gradient.const_data_ptr<scalar_t>() + i * level.features;
        for (int p = 0; p < kPlanes; ++p) {
          gradients.planes[p] =
              plane_gradients[i * kPlanes + p].mutable_data_ptr<scalar_t>();
        }
        if (points_gradient.defined()) {
          gradients.coordinates = points_gradient.mutable_data_ptr<scalar_t>();
        }
        if (points.is_cpu()) {
          HexPlaneBackward(level, gradients);
        } else {
          const at::Tensor space =
              at::empty({level.points, level.features}, points.options());
          ThrowIfError(HexPlaneBackwardCuda(level, gradients,
                                            space.mutable_data_ptr<scalar_t>(),
                                            StreamOf(points)));
        }
      }
    });
    variable_list result = {points_gradient};
    result.insert(result.end(), plane_gradients.begin(), plane_gradients.end());
    result.resize(result.size() + 2);  // times, cyclic_time
    return result;
  }
};

at::Tensor MeanSquare(const at::Tensor& x) { return (x * x).mean(); }

}  // namespace

HexPlane::HexPlane(HexPlaneShape shape, at::Generator& generator)
    : shape_(std::move(shape)) {
  for (const int factor : shape_.level_factors) {
    const int64_t nodes =
        static_cast<int64_t>(shape_.space_resolution) * factor;
    for (int p = 0; p < kFirstTimePlane; ++p) {
      planes_.push_back(
          Uniform({nodes, nodes, shape_.features}, 0.1, 0.5, generator));
    }
    for (int p = kFirstTimePlane; p < kPlanes; ++p) {
      planes_.push_back(
          at::ones({shape_.time_resolution, nodes, shape_.features}));
    }
  }
}

at::Tensor HexPlane::Sample(const at::Tensor& points,
                            const std::vector<double>& times) const {
  TORCH_CHECK(points.device() == planes_.front().device(), "points are on ",
              points.device(), ", the planes on ", planes_.front().device());
  TORCH_CHECK(points.dim() == 2 && points.size(1) == 3,
              "points must be [N, 3]");
  return SampleFunction::apply(points.contiguous(), at::TensorList(planes_),
                               times, shape_.cyclic_time);
}

int HexPlane::feature_count() const {
  return shape_.features * static_cast<int>(shape_.level_factors.size());
}

at::Tensor HexPlane::SpaceVariation() const {
  at::Tensor sum = at::zeros({}, planes_.front().options());
  for (size_t i = 0; i < planes_.size(); ++i) {
    if (i % kPlanes >= kFirstTimePlane) continue;
    for (const int axis : {0, 1}) {
      sum = sum + MeanSquare(planes_[i].diff(1, axis));
    }
  }
  return sum;
}

at::Tensor HexPlane::TimeRoughness() const {
  at::Tensor sum = at::zeros({}, planes_.front().options());
  for (size_t i = 0; i < planes_.size(); ++i) {
    if (i % kPlanes < kFirstTimePlane) continue;
    const at::Tensor& plane = planes_[i];
    if (shape_.cyclic_time) {
      sum = sum + MeanSquare(plane.roll(1, 0) - 2 * plane + plane.roll(-1, 0));
    } else if (plane.size(0) > 2) {
      sum = sum + MeanSquare(plane.diff(2, 0));
    }
  }
  return sum;
}

at::Tensor HexPlane::TimeDeviation() const {
  at::Tensor sum = at::zeros({}, planes_.front().options());
  for (size_t i = 0; i < planes_.size(); ++i) {
    if (i % kPlanes < kFirstTimePlane) continue;
    sum = sum + (planes_[i] - 1).abs().mean();
  }
  return sum;
}

}  // namespace dg4d::dynamic_gaussians
