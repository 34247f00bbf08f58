#ifndef DG4D_SCENE_GAUSSIANS_H_
#define DG4D_SCENE_GAUSSIANS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/status/status.h"

namespace dg4d {

// Zeroth spherical-harmonic basis function: rgb = 0.5 + kSh0 * coefficient.
inline constexpr double kSh0 = 0.28209479177387814;

// 3D Gaussians (Kerbl et al. 2023) by their raw parameters, float32.
struct Gaussians {
  at::Tensor means;           // [N, 3], world units
  at::Tensor quaternions;     // [N, 4], w x y z, not normalised
  at::Tensor log_scales;      // [N, 3], log of standard deviations
  at::Tensor opacity_logits;  // [N, 1], opacity = sigmoid(logit)
  at::Tensor sh;              // [N, K, 3], K = (degree + 1)^2

  int64_t size() const { return means.defined() ? means.size(0) : 0; }
  int sh_degree() const;
  bool empty() const { return size() == 0; }
};

// Gaussians that move: row i is the same Gaussian at every time. Colours do
// not change with time; they are those of Scene::gaussians.
struct GaussianFrames {
  at::Tensor means;           // [T, N, 3]
  at::Tensor quaternions;     // [T, N, 4]
  at::Tensor log_scales;      // [T, N, 3]
  at::Tensor opacity_logits;  // [T, N, 1]
  // Frame numbers of the video at which the rows stand: 0, 1/s, 2/s, ... for s
  // samples a frame. Increasing.
  std::vector<double> times;

  int size() const { return static_cast<int>(times.size()); }
  bool empty() const { return times.empty(); }
};

// Frame `index` of `frames`, coloured as `canonical`. Shares storage.
Gaussians FrameAt(const Gaussians& canonical, const GaussianFrames& frames,
                  int index);

// What is seen at `index`, a row of `frames` or between two, wrapped round: the
// last row leads back to the first. Means and logarithms of scales are linear
// between rows, so are opacities and, on the shorter way and normalised,
// quaternions. A whole index gives FrameAt.
Gaussians InterpolatedFrame(const Gaussians& canonical,
                            const GaussianFrames& frames, double index);

// `gaussians` as contiguous float32 tensors on the CPU, for whatever reads them
// number by number. Shares storage with those that are that already.
Gaussians OnHost(const Gaussians& gaussians);

// As OnHost gives them, their numbers yet to be written; K is `coefficients`.
Gaussians UninitializedGaussians(int64_t count, int coefficients);

// InvalidArgument, naming the first Gaussian that is wrong, unless the shapes
// agree, K is 1, 4, 9 or 16, and all numbers are finite: what every file format
// of Gaussians asks for.
absl::Status CheckGaussians(const Gaussians& gaussians);

// InvalidArgument unless `frames` are empty or have each of `gaussians` at each
// of their times.
absl::Status CheckGaussianFrames(const Gaussians& gaussians,
                                 const GaussianFrames& frames);

// The spherical-harmonic coefficients of degree 0 for colours `rgb` [N, 3] in
// [0, 1]: [N, 1, 3].
at::Tensor ShFromRgb(const at::Tensor& rgb);

// The view-independent colours: [N, 3], clamped to [0, 1].
at::Tensor RgbFromSh(const at::Tensor& sh);

}  // namespace dg4d

#endif  // DG4D_SCENE_GAUSSIANS_H_
