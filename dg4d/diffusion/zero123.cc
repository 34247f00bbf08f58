#include "dg4d/diffusion/zero123.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <ATen/ops/zeros_like.h>
#include <c10/util/Exception.h>

#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/base/status.h"
#include "dg4d/diffusion/score_distillation.h"

namespace dg4d::diffusion {
namespace {

bool Exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

// The conditional half, then the unconditional one, which sees nothing.
at::Tensor WithZeros(const at::Tensor& x) {
  return at::cat({x, at::zeros_like(x)});
}

absl::Status CheckFit(const std::string& folder, const ClipVision& clip,
                      const ClipImages& images,
                      const CameraProjection& projection, const UNet& unet,
                      const VaeConfig& vae) {
  const int64_t width = clip.config().projection;
  const UNetLayout& layout = unet.config().layout;
  const auto misfit = [&](absl::string_view what, int64_t a, int64_t b) {
    return absl::InvalidArgumentError(absl::StrCat(
        folder, ": ", what, " do not fit each other: ", a, " and ", b));
  };
  if (projection.proj.weight.size(0) != width) {
    return misfit("image_encoder and camera projection", width,
                  projection.proj.weight.size(0));
  }
  if (projection.proj.weight.size(1) != width + 4) {
    return misfit("the camera projection's input and a camera's four numbers",
                  projection.proj.weight.size(1), width + 4);
  }
  if (layout.context != width) {
    return misfit("camera projection and unet", width, layout.context);
  }
  if (layout.in_channels != 2 * vae.latent_channels) {
    return misfit("the unet's in_channels and twice the latents'",
                  layout.in_channels, 2 * vae.latent_channels);
  }
  if (images.size != clip.config().image_size) {
    return misfit("feature_extractor and image_encoder", images.size,
                  clip.config().image_size);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Zero123>> Zero123::Load(
    const std::string& folder, const Options& chosen) {
  const LoadOptions options = {
      .variant = chosen.variant, .type = chosen.type, .device = chosen.device};
  LoadOptions vae_options = options;
  if (chosen.vae_type) vae_options.type = chosen.vae_type;
  DG4D_ASSIGN_OR_RETURN(
      auto clip, LoadNetwork<ClipVision>(folder + "/image_encoder", options));
  DG4D_ASSIGN_OR_RETURN(const ClipImages images, ClipImages::Of(folder));
  const bool authors = !Exists(folder + "/clip_camera_projection") &&
                       Exists(folder + "/cc_projection");
  DG4D_ASSIGN_OR_RETURN(
      auto projection,
      LoadNetwork<CameraProjection>(
          folder + (authors ? "/cc_projection" : "/clip_camera_projection"),
          options));
  DG4D_ASSIGN_OR_RETURN(auto vae,
                        LoadNetwork<Vae>(folder + "/vae", vae_options));
  DG4D_ASSIGN_OR_RETURN(auto unet,
                        LoadNetwork<UNet>(folder + "/unet", options));
  DG4D_ASSIGN_OR_RETURN(
      JsonConfig json,
      JsonConfig::Read(folder + "/scheduler/scheduler_config.json"));
  DG4D_ASSIGN_OR_RETURN(const DdimScheduler::Config schedule,
                        DdimScheduler::Config::Parse(std::move(json)));
  DG4D_RETURN_IF_ERROR(
      CheckFit(folder, *clip, images, *projection, *unet, vae->config));
  return std::unique_ptr<Zero123>(new Zero123(
      std::move(clip), images, std::move(projection), std::move(vae),
      std::move(unet), DdimScheduler(schedule), chosen));
}

Zero123::Zero123(std::unique_ptr<ClipVision> clip,
                 const ClipImages& clip_images,
                 std::unique_ptr<CameraProjection> projection,
                 std::unique_ptr<Vae> vae, std::unique_ptr<UNet> unet,
                 DdimScheduler scheduler, const Options& options)
    : clip_(std::move(clip)),
      clip_images_(clip_images),
      projection_(std::move(projection)),
      encoder_(std::move(vae->encode)),
      decoder_(options.decodes
                   ? std::make_unique<VaeDecoder>(std::move(vae->decode))
                   : nullptr),
      scaling_factor_(vae->config.scaling_factor),
      shrinking_(int64_t{1} << (vae->config.widths.size() - 1)),
      latent_channels_(vae->config.latent_channels),
      unet_(std::move(unet)),
      scheduler_(std::move(scheduler)),
      type_(projection_->proj.weight.scalar_type()),
      vae_type_(options.vae_type.value_or(type_)),
      device_(projection_->proj.weight.device()) {}

Zero123::Seen Zero123::See(const at::Tensor& pictures, int64_t size,
                           const std::optional<at::Tensor>& noise) const {
  const at::NoGradGuard no_grad;
  const auto put = [&](const at::Tensor& x, at::ScalarType type) {
    return x.to(x.options().device(device_).dtype(type));
  };
  const at::Tensor small =
      ResizeForDiffusion(pictures.to(at::kCPU, at::kFloat), size);
  const Posterior posterior = encoder_(put(2 * small - 1, vae_type_));
  const at::Tensor latents =
      noise ? posterior.Sample(put(*noise, vae_type_)) : posterior.mean;
  return {.embeddings = (*clip_)(put(clip_images_.FromBytes(small), type_)),
          .latents = latents.to(type_)};
}

at::Tensor Zero123::Encode(const at::Tensor& images,
                           const at::Tensor& noise) const {
  return scaling_factor_ *
         encoder_((2 * images - 1).to(vae_type_))
             .Sample(
                 noise.to(noise.options().device(device_).dtype(vae_type_)));
}

at::Tensor Zero123::Decode(const at::Tensor& latents) const {
  const at::NoGradGuard no_grad;
  TORCH_CHECK(decoder_ != nullptr, "loaded without Options::decodes");
  return ((*decoder_)((latents / scaling_factor_).to(vae_type_)) / 2 + 0.5)
      .to(at::kFloat);
}

at::Tensor Zero123::Denoise(const at::Tensor& noisy, int t, const Seen& seen,
                            const at::Tensor& cameras,
                            double guidance_scale) const {
  const at::NoGradGuard no_grad;
  const at::Tensor context = WithZeros(
      (*projection_)(seen.embeddings, cameras.to(seen.embeddings.options())));
  const at::Tensor latents = noisy.to(seen.latents.options());
  const at::Tensor x =
      at::cat({at::cat({latents, latents}), WithZeros(seen.latents)}, 1);
  const at::Tensor times =
      at::full({x.size(0)}, t, at::TensorOptions(at::kFloat).device(device_));
  const std::vector<at::Tensor> halves =
      (*unet_)(x, times, context).to(at::kFloat).chunk(2, 0);
  return Guide(halves[0], halves[1], guidance_scale);
}

at::Tensor ResizeForDiffusion(const at::Tensor& images, int64_t size) {
  return ResizeForDiffusion(images, size, size);
}

at::Tensor ResizeForDiffusion(const at::Tensor& images, int64_t height,
                              int64_t width) {
  if (images.size(2) == height && images.size(3) == width) return images;
  return at::upsample_bilinear2d(images, {height, width},
                                 /*align_corners=*/false);
}

}  // namespace dg4d::diffusion
