#include "dg4d/scene/gaussians.h"

#include <ATen/TensorOperators.h>

#include <cmath>

namespace dg4d {

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

at::Tensor ShFromRgb(const at::Tensor& rgb) {
  return ((rgb - 0.5) / kSh0).unsqueeze(1);
}

at::Tensor RgbFromSh(const at::Tensor& sh) {
  return (sh.select(1, 0) * kSh0 + 0.5).clamp(0, 1);
}

}  // namespace dg4d
