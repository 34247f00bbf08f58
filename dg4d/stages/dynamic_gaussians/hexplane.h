#ifndef DG4D_STAGES_DYNAMIC_GAUSSIANS_HEXPLANE_H_
#define DG4D_STAGES_DYNAMIC_GAUSSIANS_HEXPLANE_H_

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <vector>

namespace dg4d::dynamic_gaussians {

// A field over space and time as six planes (Cao & Johnson 2023, HexPlane; in
// the product form of Fridovich-Keil et al. 2023, K-Planes): the feature at
// (x, y, z, t) is the product of what bilinear lookup finds in the planes xy,
// xz, yz, xt, yt and zt. Levels of different resolution are concatenated.
struct HexPlaneShape {
  int space_resolution = 32;  // nodes along x, y and z at factor 1; >= 2
  int time_resolution = 12;   // nodes along t, at every level; >= 2
  std::vector<int> level_factors = {1};
  int features = 32;  // a level
  // Whether time 1 is time 0 again: then what is sampled loops without a jump.
  bool cyclic_time = false;
};

class HexPlane {
 public:
  // Space planes start uniform in [0.1, 0.5], time planes at one: nothing
  // depends on time yet.
  HexPlane(HexPlaneShape shape, at::Generator& generator);

  // Features of N points (in [-1, 1]^3; beyond it the border continues) at each
  // of `times` (double [T], in [0, 1]; clamped, or cyclic): [T, N,
  // feature_count()]. Differentiable in the planes and in `points` [N, 3],
  // float or double; all on the device of the planes.
  at::Tensor Sample(const at::Tensor& points, const at::Tensor& times) const;
  // Of times on the host.
  at::Tensor Sample(const at::Tensor& points,
                    const std::vector<double>& times) const;

  int feature_count() const;
  const HexPlaneShape& shape() const { return shape_; }

  // Six tensors a level, in the order xy, xz, yz, xt, yt, zt. Plane (a, b) is
  // [nodes of b, nodes of a, features]. Replace their values as you train.
  std::vector<at::Tensor>& planes() { return planes_; }
  const std::vector<at::Tensor>& planes() const { return planes_; }

  // The sum of the regularisers below, each times a weight. Those of weight 0
  // cost nothing; undefined if all are. On a GPU one launch each way.
  struct Weights {
    double space_variation = 0;
    double time_roughness = 0;
    double time_deviation = 0;
  };
  at::Tensor Regularisation(const Weights& weights) const;

  // Regularisers, each a scalar summed over planes and levels.
  // Space planes: mean squared difference of neighbouring nodes.
  at::Tensor SpaceVariation() const;
  // Time planes: mean squared second difference along time.
  at::Tensor TimeRoughness() const;
  // Time planes: mean absolute difference from one, the static field.
  at::Tensor TimeDeviation() const;

 private:
  HexPlaneShape shape_;
  std::vector<at::Tensor> planes_;
};

}  // namespace dg4d::dynamic_gaussians

#endif  // DG4D_STAGES_DYNAMIC_GAUSSIANS_HEXPLANE_H_
