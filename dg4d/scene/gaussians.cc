#include "dg4d/scene/gaussians.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <cmath>

#include "absl/strings/str_cat.h"

namespace dg4d {
namespace {

constexpr int kMaxShDegree = 3;

at::Tensor HostFloats(const at::Tensor& tensor) {
  return tensor.detach().to(at::kCPU, at::kFloat).contiguous();
}

bool HasShape(const at::Tensor& tensor, at::IntArrayRef shape) {
  return tensor.defined() && tensor.sizes() == shape;
}

}  // namespace

int Gaussians::sh_degree() const {
  if (!sh.defined()) return 0;
  const double coefficients = static_cast<double>(sh.size(1));
  return static_cast<int>(std::lround(std::sqrt(coefficients))) - 1;
}

Gaussians FrameAt(const Gaussians& canonical, const GaussianFrames& frames,
                  int index) {
  return {.means = frames.means.select(0, index),
          .quaternions = frames.quaternions.select(0, index),
          .log_scales = frames.log_scales.select(0, index),
          .opacity_logits = frames.opacity_logits.select(0, index),
          .sh = canonical.sh};
}

Gaussians InterpolatedFrame(const Gaussians& canonical,
                            const GaussianFrames& frames, double index) {
  const int count = frames.size();
  const double floor = std::floor(index);
  const int row = static_cast<int>(floor - count * std::floor(floor / count));
  const Gaussians a = FrameAt(canonical, frames, row);
  const double t = index - floor;
  if (t == 0) return a;
  const Gaussians b = FrameAt(canonical, frames, (row + 1) % count);
  const auto unit = [](const at::Tensor& q) {
    return q / q.norm(2, {1}, /*keepdim=*/true).clamp_min(1e-12);
  };
  const at::Tensor from = unit(a.quaternions), to = unit(b.quaternions);
  // q and -q are one rotation.
  const at::Tensor sign =
      1 - 2 * ((from * to).sum({1}, /*keepdim=*/true) < 0).to(from.dtype());
  return {.means = a.means.lerp(b.means, t),
          .quaternions = unit(from.lerp(sign * to, t)),
          .log_scales = a.log_scales.lerp(b.log_scales, t),
          .opacity_logits = a.opacity_logits.sigmoid()
                                .lerp(b.opacity_logits.sigmoid(), t)
                                .logit(1e-7),
          .sh = canonical.sh};
}

Gaussians OnHost(const Gaussians& gaussians) {
  return {.means = HostFloats(gaussians.means),
          .quaternions = HostFloats(gaussians.quaternions),
          .log_scales = HostFloats(gaussians.log_scales),
          .opacity_logits = HostFloats(gaussians.opacity_logits),
          .sh = HostFloats(gaussians.sh)};
}

Gaussians UninitializedGaussians(int64_t count, int coefficients) {
  return {.means = at::empty({count, 3}),
          .quaternions = at::empty({count, 4}),
          .log_scales = at::empty({count, 3}),
          .opacity_logits = at::empty({count, 1}),
          .sh = at::empty({count, coefficients, 3})};
}

absl::Status CheckGaussians(const Gaussians& gaussians) {
  const int64_t count = gaussians.size();
  const int degree = gaussians.sh_degree();
  if (!HasShape(gaussians.means, {count, 3}) ||
      !HasShape(gaussians.quaternions, {count, 4}) ||
      !HasShape(gaussians.log_scales, {count, 3}) ||
      !HasShape(gaussians.opacity_logits, {count, 1}) || degree < 0 ||
      degree > kMaxShDegree ||
      !HasShape(gaussians.sh, {count, (degree + 1) * (degree + 1), 3})) {
    return absl::InvalidArgumentError(
        "the tensors of the Gaussians have shapes that do not belong together, "
        "or spherical harmonics of no degree from 0 to 3");
  }
  for (const at::Tensor& tensor :
       {gaussians.means, gaussians.quaternions, gaussians.log_scales,
        gaussians.opacity_logits, gaussians.sh}) {
    const at::Tensor numbers = HostFloats(tensor);
    const float* values = numbers.data_ptr<float>();
    for (int64_t i = 0; i < numbers.numel(); ++i) {
      if (std::isfinite(values[i])) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("Gaussian ", i / (numbers.numel() / count),
                       " has a value that is not finite"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckGaussianFrames(const Gaussians& gaussians,
                                 const GaussianFrames& frames) {
  const int64_t times = frames.size(), count = gaussians.size();
  if (frames.empty() || (HasShape(frames.means, {times, count, 3}) &&
                         HasShape(frames.quaternions, {times, count, 4}) &&
                         HasShape(frames.log_scales, {times, count, 3}) &&
                         HasShape(frames.opacity_logits, {times, count, 1}))) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      "the scene's gaussian_frames do not move its gaussians: their numbers "
      "differ");
}

at::Tensor ShFromRgb(const at::Tensor& rgb) {
  return ((rgb - 0.5) / kSh0).unsqueeze(1);
}

at::Tensor RgbFromSh(const at::Tensor& sh) {
  return (sh.select(1, 0) * kSh0 + 0.5).clamp(0, 1);
}

}  // namespace dg4d
