#include "dg4d/testing/oracle_denoiser.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/pixel_shuffle.h>
#include <ATen/ops/pixel_unshuffle.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <utility>
#include <vector>

#include "dg4d/diffusion/score_distillation.h"

namespace dg4d {
namespace {

using diffusion::DdimScheduler;

// Of Zero-1-to-3's folders.
DdimScheduler::Config Schedule() {
  return {.beta_start = 0.00085,
          .beta_end = 0.012,
          .scaled_linear = true,
          .final_alpha_is_one = false,
          .steps_offset = 1};
}

// The camera that Zero123's four numbers stand for.
Camera Moved(const Camera& from, const at::Tensor& numbers) {
  constexpr double kDegrees = 180 / std::numbers::pi;
  const auto number = [&](int i) { return numbers[i].item<double>(); };
  Orbit orbit = OrbitOf(from);
  orbit.elevation_degrees += number(0) * kDegrees;
  orbit.azimuth_degrees += std::atan2(number(1), number(2)) * kDegrees;
  orbit.radius += number(3);
  return OrbitCamera(orbit, from);
}

}  // namespace

OracleDenoiser::OracleDenoiser(Truth truth, const Prior& prior)
    : truth_(std::move(truth)), prior_(prior), scheduler_(Schedule()) {}

at::Tensor OracleDenoiser::Look(const Camera& camera, int frame,
                                int64_t size) const {
  const int side = static_cast<int>(size);
  return truth_.look(camera.WithSize(side, side), frame);
}

OracleDenoiser::Seen OracleDenoiser::See(
    const at::Tensor& pictures, int64_t size,
    const std::optional<at::Tensor>& noise) const {
  const at::NoGradGuard no_grad;
  const at::Tensor small =
      at::upsample_bilinear2d(pictures, {size, size}, /*align_corners=*/false);
  std::vector<at::Tensor> frames;
  for (int frame = 0; frame < truth_.frames; ++frame) {
    frames.push_back(Look(truth_.reference_camera, frame, size));
  }
  std::vector<float> recognised;
  for (int64_t i = 0; i < small.size(0); ++i) {
    double least = std::numeric_limits<double>::infinity();
    float nearest = 0;
    for (int frame = 0; frame < truth_.frames; ++frame) {
      const double apart =
          (small[i] - frames[frame]).square().mean().item<double>();
      if (apart < least) {
        least = apart;
        nearest = static_cast<float>(frame);
      }
    }
    recognised.push_back(nearest);
  }
  return {.embeddings = at::tensor(recognised, at::kFloat).view({-1, 1}),
          .latents = Encode(small, noise ? *noise : at::Tensor())};
}

at::Tensor OracleDenoiser::Encode(const at::Tensor& images,
                                  const at::Tensor& noise) const {
  const at::Tensor mean = at::pixel_unshuffle(2 * images - 1, kBlock);
  if (!noise.defined() || prior_.latent_deviation == 0) return mean;
  return mean + prior_.latent_deviation * noise.to(mean.options());
}

at::Tensor OracleDenoiser::Decode(const at::Tensor& latents) const {
  return at::pixel_shuffle(latents, kBlock) / 2 + 0.5;
}

at::Tensor OracleDenoiser::Noise(const at::Tensor& noisy, int t,
                                 const at::Tensor& mean,
                                 double deviation) const {
  const double share = scheduler_.SignalShare(t);
  const double spread = share * deviation * deviation + 1 - share;
  return std::sqrt(1 - share) / spread * (noisy - std::sqrt(share) * mean);
}

at::Tensor OracleDenoiser::Conditional(const at::Tensor& noisy, int t,
                                       const at::Tensor& mean) const {
  return Noise(noisy, t, mean, prior_.deviation);
}

at::Tensor OracleDenoiser::Unconditional(const at::Tensor& noisy, int t) const {
  return Noise(noisy, t, at::zeros_like(noisy), prior_.unconditional_deviation);
}

at::Tensor OracleDenoiser::Means(const at::Tensor& cameras,
                                 const at::Tensor& frames, int64_t size) const {
  std::vector<at::Tensor> views;
  for (int64_t i = 0; i < cameras.size(0); ++i) {
    views.push_back(
        Look(Moved(truth_.reference_camera, cameras[i]),
             static_cast<int>(std::lround(frames[i][0].item<double>())), size));
  }
  return Encode(at::stack(views), at::Tensor());
}

at::Tensor OracleDenoiser::Denoise(const at::Tensor& noisy, int t,
                                   const Seen& seen, const at::Tensor& cameras,
                                   double guidance_scale) const {
  const at::NoGradGuard no_grad;
  const at::Tensor means =
      Means(cameras, seen.embeddings, noisy.size(3) * kBlock);
  return diffusion::Guide(Conditional(noisy, t, means), Unconditional(noisy, t),
                          guidance_scale);
}

}  // namespace dg4d
