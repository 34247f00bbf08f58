#include "dg4d/stages/dynamic_gaussians/hexplane.h"

#include <ATen/Dispatch.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/roll.h>
#include <ATen/ops/tensor.h>
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
                                const at::Tensor& times, at::TensorList planes,
                                size_t index, bool cyclic_time) {
  const at::Tensor& first = planes[index * kPlanes];
  HexPlaneLevel<Scalar> level;
  level.points = points.size(0);
  level.times = static_cast<int>(times.numel());
  level.space_nodes = static_cast<int>(first.size(1));
  level.time_nodes =
      static_cast<int>(planes[index * kPlanes + kFirstTimePlane].size(0));
  level.features = static_cast<int>(first.size(2));
  level.cyclic_time = cyclic_time;
  level.coordinates = points.const_data_ptr<Scalar>();
  level.time = times.const_data_ptr<double>();
  for (int p = 0; p < kPlanes; ++p) {
    level.planes[p] = planes[index * kPlanes + p].const_data_ptr<Scalar>();
  }
  level.stride = level.features * static_cast<int64_t>(planes.size() / kPlanes);
  return level;
}

class SampleFunction : public torch::autograd::Function<SampleFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& points,
                            at::TensorList planes, const at::Tensor& times,
                            bool cyclic_time) {
    const c10::DeviceGuard guard(points.device());
    const size_t levels = planes.size() / kPlanes;
    const int64_t features = planes.front().size(2);
    const at::Tensor output =
        at::empty({times.numel(), points.size(0),
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
    variable_list saved = {points, times};
    saved.insert(saved.end(), planes.begin(), planes.end());
    context->save_for_backward(saved);
    context->saved_data["cyclic_time"] = cyclic_time;
    context->saved_data["wants_points"] = points.requires_grad();
    return output;
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& output_gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& points = saved[0];
    const at::Tensor& times = saved[1];
    const c10::DeviceGuard guard(points.device());
    const variable_list planes(saved.begin() + 2, saved.end());
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
          const at::Tensor workspace =
              at::empty({HexPlaneWorkspaceBytes(level)},
                        points.options().dtype(at::kByte));
          ThrowIfError(HexPlaneBackwardCuda(level, gradients,
                                            workspace.mutable_data_ptr(),
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

// The weighted regularisers of planes on a GPU.
class RegularisersFunction
    : public torch::autograd::Function<RegularisersFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, at::TensorList planes,
                            const std::vector<double>& weights, bool cyclic) {
    const c10::DeviceGuard guard(planes.front().device());
    const int64_t levels = static_cast<int64_t>(planes.size()) / kPlanes;
    const at::Tensor parts = at::empty({levels, HexPlaneRegulariserParts()},
                                       planes.front().options());
    AT_DISPATCH_FLOATING_TYPES(parts.scalar_type(), "HexPlane", [&] {
      for (int64_t i = 0; i < levels; ++i) {
        ThrowIfError(HexPlaneRegularisersCuda(
            Level<scalar_t>(planes, i, weights, cyclic),
            parts[i].mutable_data_ptr<scalar_t>(), StreamOf(parts)));
      }
    });
    context->save_for_backward(planes.vec());
    context->saved_data["weights"] = weights;
    context->saved_data["cyclic"] = cyclic;
    return parts.sum();
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& upstream) {
    const variable_list planes = context->get_saved_variables();
    const c10::DeviceGuard guard(planes.front().device());
    const auto weights = context->saved_data["weights"].toDoubleVector();
    const bool cyclic = context->saved_data["cyclic"].toBool();
    variable_list gradients;
    for (const at::Tensor& plane : planes) {
      gradients.push_back(at::empty_like(plane));
    }
    AT_DISPATCH_FLOATING_TYPES(planes.front().scalar_type(), "HexPlane", [&] {
      for (size_t i = 0; i < planes.size(); i += kPlanes) {
        scalar_t* pointers[kPlanes];
        for (int p = 0; p < kPlanes; ++p) {
          pointers[p] = gradients[i + p].mutable_data_ptr<scalar_t>();
        }
        ThrowIfError(HexPlaneRegulariserGradientsCuda(
            Level<scalar_t>(planes, i / kPlanes, weights, cyclic),
            upstream.front().const_data_ptr<scalar_t>(), pointers,
            StreamOf(planes.front())));
      }
    });
    gradients.resize(gradients.size() + 2);  // weights, cyclic
    return gradients;
  }

 private:
  template <typename Scalar>
  static HexPlaneRegularisers<Scalar> Level(at::TensorList planes,
                                            int64_t index,
                                            const std::vector<double>& weights,
                                            bool cyclic) {
    const at::Tensor& first = planes[index * kPlanes];
    HexPlaneRegularisers<Scalar> level = {
        .space_nodes = static_cast<int>(first.size(1)),
        .time_nodes =
            static_cast<int>(planes[index * kPlanes + kFirstTimePlane].size(0)),
        .features = static_cast<int>(first.size(2)),
        .cyclic_time = cyclic,
        .space_variation = static_cast<Scalar>(weights[0]),
        .time_roughness = static_cast<Scalar>(weights[1]),
        .time_deviation = static_cast<Scalar>(weights[2])};
    for (int p = 0; p < kPlanes; ++p) {
      level.planes[p] = planes[index * kPlanes + p].const_data_ptr<Scalar>();
    }
    return level;
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
                            const at::Tensor& times) const {
  const c10::Device device = planes_.front().device();
  TORCH_CHECK(points.device() == device && times.device() == device,
              "points are on ", points.device(), ", times on ", times.device(),
              ", the planes on ", device);
  TORCH_CHECK(times.scalar_type() == at::kDouble, "times must be double");
  TORCH_CHECK(points.dim() == 2 && points.size(1) == 3,
              "points must be [N, 3]");
  return SampleFunction::apply(points.contiguous(), at::TensorList(planes_),
                               times.contiguous(), shape_.cyclic_time);
}

at::Tensor HexPlane::Sample(const at::Tensor& points,
                            const std::vector<double>& times) const {
  return Sample(points,
                at::tensor(times, at::kDouble).to(planes_.front().device()));
}

int HexPlane::feature_count() const {
  return shape_.features * static_cast<int>(shape_.level_factors.size());
}

at::Tensor HexPlane::Regularisation(const Weights& weights) const {
  const std::vector<double> all = {
      weights.space_variation, weights.time_roughness, weights.time_deviation};
  if (all == std::vector<double>(3, 0.0)) return {};
  if (planes_.front().is_cuda()) {
    return RegularisersFunction::apply(at::TensorList(planes_), all,
                                       shape_.cyclic_time);
  }
  at::Tensor sum;
  const auto add = [&](double weight, const at::Tensor& value) {
    sum = sum.defined() ? sum + weight * value : weight * value;
  };
  if (all[0] != 0) add(all[0], SpaceVariation());
  if (all[1] != 0) add(all[1], TimeRoughness());
  if (all[2] != 0) add(all[2], TimeDeviation());
  return sum;
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
