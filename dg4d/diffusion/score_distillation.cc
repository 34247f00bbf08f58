#include "dg4d/diffusion/score_distillation.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/nan_to_num.h>

#include <algorithm>
#include <cmath>

namespace dg4d::diffusion {

int AnnealedTimestep(double progress, double first, double last,
                     int train_steps) {
  // Half to even, as Python rounds.
  const auto t = static_cast<int>(std::nearbyint((1 - progress) * train_steps));
  return std::clamp(t, static_cast<int>(train_steps * first),
                    static_cast<int>(train_steps * last));
}

at::Tensor AddNoise(const at::Tensor& latents, const at::Tensor& noise, int t,
                    const DdimScheduler& scheduler) {
  const Blend blend = scheduler.AddNoise(t);
  return blend.sample * latents + blend.noise * noise;
}

at::Tensor Guide(const at::Tensor& conditional, const at::Tensor& unconditional,
                 double scale) {
  return unconditional + scale * (conditional - unconditional);
}

at::Tensor DistillationGradient(const at::Tensor& output,
                                const at::Tensor& noisy,
                                const at::Tensor& noise, int t,
                                const DdimScheduler& scheduler) {
  const Blend blend = scheduler.Noise(t);
  at::Tensor predicted = blend.output * output.to(at::kFloat);
  if (blend.sample != 0) {
    predicted = predicted + blend.sample * noisy.to(at::kFloat);
  }
  const double weight = 1 - scheduler.SignalShare(t);
  return at::nan_to_num(weight * (predicted - noise.to(at::kFloat)));
}

at::Tensor LossFromGradient(const at::Tensor& value, const at::Tensor& images,
                            const at::Tensor& gradients) {
  const at::Tensor linear = (images * gradients.detach()).sum();
  return value.detach() + (linear - linear.detach());
}

}  // namespace dg4d::diffusion
