#ifndef DG4D_DIFFUSION_ZERO123_H_
#define DG4D_DIFFUSION_ZERO123_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "dg4d/diffusion/clip_images.h"
#include "dg4d/diffusion/clip_vision.h"
#include "dg4d/diffusion/load_network.h"
#include "dg4d/diffusion/scheduler.h"
#include "dg4d/diffusion/unet.h"
#include "dg4d/diffusion/vae.h"
#include "dg4d/diffusion/view_denoiser.h"

namespace dg4d::diffusion {

// Zero-1-to-3 (Liu et al. 2023): a denoiser of views of the object in a
// picture, told how the camera moved from there. All components of a folder in
// the diffusers layout.
class Zero123 final : public ViewDenoiser {
 public:
  struct Options {
    std::string variant;  // see WeightFolder::Open
    // Of weights and so of what is computed; without: as stored.
    std::optional<at::ScalarType> type;
    at::Device device = at::kCPU;
    // The autoencoder's, which gradients flow through; without: as `type`.
    std::optional<at::ScalarType> vae_type;
    bool decodes = false;  // whether Decode will be asked for
  };

  // Loads image_encoder, clip_camera_projection (or the authors'
  // cc_projection), vae, unet, and the scheduler's configuration. Errors name
  // the file; components that do not fit each other are InvalidArgument.
  static absl::StatusOr<std::unique_ptr<Zero123>> Load(
      const std::string& folder, const Options& options);

  Seen See(const at::Tensor& pictures, int64_t size,
           const std::optional<at::Tensor>& noise) const override;
  at::Tensor Encode(const at::Tensor& images,
                    const at::Tensor& noise) const override;
  at::Tensor Denoise(const at::Tensor& noisy, int t, const Seen& seen,
                     const at::Tensor& cameras,
                     double guidance_scale) const override;
  at::Tensor Decode(const at::Tensor& latents) const override;

  const DdimScheduler& scheduler() const override { return scheduler_; }
  int64_t shrinking() const override { return shrinking_; }
  int64_t latent_channels() const override { return latent_channels_; }
  at::ScalarType type() const { return type_; }

  void ForgetImageEncoder() override { clip_.reset(); }

 private:
  Zero123(std::unique_ptr<ClipVision> clip, const ClipImages& clip_images,
          std::unique_ptr<CameraProjection> projection,
          std::unique_ptr<Vae> vae, std::unique_ptr<UNet> unet,
          DdimScheduler scheduler, const Options& options);

  std::unique_ptr<ClipVision> clip_;
  ClipImages clip_images_;
  std::unique_ptr<CameraProjection> projection_;
  VaeEncoder encoder_;
  std::unique_ptr<VaeDecoder> decoder_;  // null unless asked for
  double scaling_factor_;
  int64_t shrinking_;
  int64_t latent_channels_;
  std::unique_ptr<UNet> unet_;
  DdimScheduler scheduler_;
  at::ScalarType type_;
  at::ScalarType vae_type_;
  at::Device device_;
};

// Bilinear between pixel centres, without antialiasing: [B, C, size, size].
at::Tensor ResizeForDiffusion(const at::Tensor& images, int64_t size);
at::Tensor ResizeForDiffusion(const at::Tensor& images, int64_t height,
                              int64_t width);

}  // namespace dg4d::diffusion

#endif  // DG4D_DIFFUSION_ZERO123_H_
