#include "dg4d/diffusion/view_denoiser.h"

#include <ATen/TensorOperators.h>

#include <vector>

#include "dg4d/diffusion/score_distillation.h"

namespace dg4d::diffusion {

at::Tensor ViewDenoiser::Resample(const at::Tensor& latents,
                                  const at::Tensor& noise,
                                  const Resampling& resampling,
                                  const Seen& seen,
                                  const at::Tensor& cameras) const {
  const std::vector<int> times = scheduler().Timesteps(resampling.steps);
  at::Tensor x =
      resampling.first == 0
          ? noise
          : AddNoise(latents, noise, times[resampling.first], scheduler());
  for (size_t i = resampling.first; i < times.size(); ++i) {
    const Blend blend = scheduler().Step(times[i], resampling.steps);
    x = blend.sample * x + blend.output * Denoise(x, times[i], seen, cameras,
                                                  resampling.guidance_scale);
  }
  return x;
}

}  // namespace dg4d::diffusion
