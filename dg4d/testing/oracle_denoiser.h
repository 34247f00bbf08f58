#ifndef DG4D_TESTING_ORACLE_DENOISER_H_
#define DG4D_TESTING_ORACLE_DENOISER_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>

#include "dg4d/diffusion/scheduler.h"
#include "dg4d/diffusion/view_denoiser.h"
#include "dg4d/scene/camera.h"

namespace dg4d {

// The best denoiser there can be of views of an object whose looks are known:
// it stands in for Zero123's networks, so that score distillation can be held
// against the truth without any weights.
//
// To it, views from one camera are normal, with the true view as their mean and
// the same variance for each pixel: E[noise | x_t] has a closed form. Without a
// condition they are normal about grey. It is told cameras as Zero123 is
// (zero123.h), recognises the frames of the object's motion by their pictures,
// and its latents are all pixels of 8x8 blocks, C = 192: nothing is lost.
class OracleDenoiser final : public diffusion::ViewDenoiser {
 public:
  struct Truth {
    // RGB over white, [3, size, size], of frame `frame` from a camera.
    std::function<at::Tensor(const Camera& camera, int frame)> look;
    int frames = 1;
    Camera reference_camera;  // of the pictures that See gets; any size
  };
  struct Prior {
    double deviation = 0.1;  // of views from one camera; images are in [-1, 1]
    double unconditional_deviation = 0.7;
    // Of the samples that Encode takes, as an autoencoder's posterior has it.
    double latent_deviation = 0;
  };

  OracleDenoiser(Truth truth, const Prior& prior);

  // As ViewDenoiser::See; embeddings [N, 1] are numbers of frames.
  Seen See(const at::Tensor& pictures, int64_t size,
           const std::optional<at::Tensor>& noise) const override;
  at::Tensor Encode(const at::Tensor& images,
                    const at::Tensor& noise) const override;
  at::Tensor Decode(const at::Tensor& latents) const override;
  at::Tensor Denoise(const at::Tensor& noisy, int t, const Seen& seen,
                     const at::Tensor& cameras,
                     double guidance_scale) const override;

  const diffusion::DdimScheduler& scheduler() const override {
    return scheduler_;
  }
  int64_t shrinking() const override { return kBlock; }
  int64_t latent_channels() const override { return 3 * kBlock * kBlock; }

  // E[noise | x_t] of views with this mean (latents), and of any views.
  at::Tensor Conditional(const at::Tensor& noisy, int t,
                         const at::Tensor& mean) const;
  at::Tensor Unconditional(const at::Tensor& noisy, int t) const;

  // The true views, as latents, that `cameras` [B, 4] and frames [B, 1] mean:
  // [B, C, size / 8, size / 8].
  at::Tensor Means(const at::Tensor& cameras, const at::Tensor& frames,
                   int64_t size) const;

 private:
  static constexpr int64_t kBlock = 8;

  at::Tensor Look(const Camera& camera, int frame, int64_t size) const;
  at::Tensor Noise(const at::Tensor& noisy, int t, const at::Tensor& mean,
                   double deviation) const;

  Truth truth_;
  Prior prior_;
  diffusion::DdimScheduler scheduler_;
};

}  // namespace dg4d

#endif  // DG4D_TESTING_ORACLE_DENOISER_H_
