#include "dg4d/diffusion/video_vae.h"

namespace dg4d::diffusion {

VideoVaeDecoder::VideoVaeDecoder(const VaeConfig& config,
                                 const Weights& weights)
    : backbone_(config, weights / "decoder"),
      time_conv_out_(weights / "decoder" / "time_conv_out", config.out_channels,
                     config.out_channels, {.kernel = {3, 1, 1}}) {}

at::Tensor VideoVaeDecoder::operator()(const at::Tensor& latents,
                                       int64_t frames) const {
  const at::Tensor images = backbone_(latents, {.frames = frames});
  const at::Tensor clips =
      images.view({-1, frames, images.size(1), images.size(2), images.size(3)})
          .transpose(1, 2);
  return time_conv_out_(clips).transpose(1, 2).reshape(images.sizes());
}

}  // namespace dg4d::diffusion
