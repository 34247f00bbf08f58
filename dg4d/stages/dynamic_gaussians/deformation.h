#ifndef DG4D_STAGES_DYNAMIC_GAUSSIANS_DEFORMATION_H_
#define DG4D_STAGES_DYNAMIC_GAUSSIANS_DEFORMATION_H_

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dg4d/stages/dynamic_gaussians/hexplane.h"

namespace dg4d::dynamic_gaussians {

// What the deformation adds to each raw parameter of Gaussians. A part that is
// switched off is undefined: nothing is added.
struct Deltas {
  at::Tensor means;           // [T, N, 3], world units
  at::Tensor log_scales;      // [T, N, 3]
  at::Tensor quaternions;     // [T, N, 4]
  at::Tensor opacity_logits;  // [T, N, 1]
};

// Which parameters move, and how the network that moves them is built.
struct DeformationShape {
  HexPlaneShape grid;
  // Whether the network sees the HexPlane's features, or x, y, z and t as they
  // are (then t as its cosine and sine where time is cyclic).
  bool use_grid = true;
  int width = 64;
  int depth = 1;  // linear layers of the trunk, a ReLU between each two
  bool move_means = true;
  bool move_log_scales = true;
  bool move_quaternions = true;
  bool move_opacity_logits = false;
};

// The deformation network of 4D Gaussian splatting (Wu et al. 2024) as
// DreamGaussian4D uses it: HexPlane, a trunk, and for each parameter a head
//   r = ReLU(h),  out = L2 (r + L1 r),
// whose L1 and L2 start at zero, so that nothing moves at first.
class Deformation {
 public:
  // At least one part must move; features of a level at most 256.
  Deformation(const DeformationShape& shape, at::Generator& generator);

  // The deltas of N points (in [-1, 1]^3) at each of `times` (double [T], in
  // [0, 1], where the points are). Differentiable in the parameters and in
  // `points` [N, 3].
  Deltas operator()(const at::Tensor& points, const at::Tensor& times) const;

  // Calls `visit(name, tensor)` for each parameter; it may be replaced.
  // "grid..." are the HexPlane's, "network..." the rest.
  using Visitor = std::function<void(const std::string&, at::Tensor&)>;
  void VisitParameters(const Visitor& visit);

  // Null where use_grid is false.
  const HexPlane* grid() const { return grid_ ? &*grid_ : nullptr; }

  // Takes what is no parameter to `device`; the parameters are the visitor's.
  void MoveConstants(c10::Device device) {
    head_of_output_ = head_of_output_.to(device);
  }

 private:
  // The heads as one linear layer after the ReLU, weights and biases: the same
  // numbers, in many small products (whose bytes are those of earlier versions)
  // or few large ones.
  std::pair<at::Tensor, at::Tensor> HeadByHead() const;
  std::pair<at::Tensor, at::Tensor> AllHeads() const;

  DeformationShape shape_;
  std::vector<int64_t> head_sizes_;
  at::Tensor head_of_output_;  // [outputs, heads, 1], 0 or 1
  std::optional<HexPlane> grid_;
  // weight [out, in] and bias [out] of: `depth` trunk layers; the heads' L1
  // one below the other [heads * width, width]; their L2 [sum of sizes, width].
  std::vector<at::Tensor> layers_;
};

}  // namespace dg4d::dynamic_gaussians

#endif  // DG4D_STAGES_DYNAMIC_GAUSSIANS_DEFORMATION_H_
