#ifndef DG4D_DIFFUSION_VIEW_DENOISER_H_
#define DG4D_DIFFUSION_VIEW_DENOISER_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "dg4d/diffusion/scheduler.h"

namespace dg4d::diffusion {

// Knows how the object in a picture looks from elsewhere, as something that
// takes noise off the latents of such views: Zero123, or whatever is to stand
// in for its networks.
class ViewDenoiser {
 public:
  virtual ~ViewDenoiser() = default;

  // What the denoiser knows of pictures.
  struct Seen {
    at::Tensor embeddings;  // [N, X], of CLIP
    at::Tensor latents;     // [N, C, s / 8, s / 8], unscaled
  };

  // Pictures [N, 3, H, W] in [0, 1] over white, H = W, seen at `size` pixels
  // (256 in training). `noise` [N, C, s / 8, s / 8] makes the latents a sample
  // of their distribution, as DreamGaussian has them; without it they are its
  // mean, as in the authors' pipeline.
  virtual Seen See(const at::Tensor& pictures, int64_t size,
                   const std::optional<at::Tensor>& noise) const = 0;

  // Scaled latents of images [B, 3, s, s] in [0, 1]: a sample by `noise`.
  // Differentiable.
  virtual at::Tensor Encode(const at::Tensor& images,
                            const at::Tensor& noise) const = 0;

  // The network's output for noisy latents [B, C, h, w] at time step `t`, for
  // what it has seen (B rows), from cameras [B, 4]: one call for both halves of
  // classifier-free guidance. float32.
  virtual at::Tensor Denoise(const at::Tensor& noisy, int t, const Seen& seen,
                             const at::Tensor& cameras,
                             double guidance_scale) const = 0;

  // Images [B, 3, s, s], about [0, 1], of scaled latents [B, C, s / 8, s / 8].
  virtual at::Tensor Decode(const at::Tensor& latents) const = 0;

  // SDEdit (Meng et al. 2022): latents [B, C, h, w], with `noise` added as
  // much as step `first` of `steps` of the sampler (DDIM) has, sampled to the
  // end. first = 0 starts from noise alone. float32.
  struct Resampling {
    int first = 0;
    int steps = 50;
    double guidance_scale = 5;
  };
  at::Tensor Resample(const at::Tensor& latents, const at::Tensor& noise,
                      const Resampling& resampling, const Seen& seen,
                      const at::Tensor& cameras) const;

  virtual const DdimScheduler& scheduler() const = 0;
  // Pixels for each latent, in either direction.
  virtual int64_t shrinking() const = 0;
  virtual int64_t latent_channels() const = 0;

  // Frees what only See needs.
  virtual void ForgetImageEncoder() {}
};

}  // namespace dg4d::diffusion

#endif  // DG4D_DIFFUSION_VIEW_DENOISER_H_
