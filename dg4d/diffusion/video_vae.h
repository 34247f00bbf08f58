#ifndef DG4D_DIFFUSION_VIDEO_VAE_H_
#define DG4D_DIFFUSION_VIDEO_VAE_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "dg4d/diffusion/layers.h"
#include "dg4d/diffusion/spatio_temporal.h"
#include "dg4d/diffusion/vae.h"

namespace dg4d::diffusion {

// The autoencoder of Stable Video Diffusion: frames are encoded one by one and
// decoded together: diffusers' AutoencoderKLTemporalDecoder.
class VideoVaeDecoder {
 public:
  VideoVaeDecoder(const VaeConfig& config, const Weights& weights);

  // unscaled latents [B F, 4, h, w] of clips of F = `frames` frames -> images
  // [B F, 3, 8 h, 8 w], about [-1, 1], not clamped. Norms and convolutions
  // along time see these F frames alone, so that decoding a clip in chunks
  // changes it.
  at::Tensor operator()(const at::Tensor& latents, int64_t frames) const;

 private:
  struct Block : SpatioTemporalResnetBlock {
    Block(const Weights& weights, const ResnetBlock::Options& options)
        : SpatioTemporalResnetBlock(weights, options,
                                    TimeMixer::Share::kTemporal) {}
  };

  VaeDecoderBackbone<Block> backbone_;
  Conv time_conv_out_;
};

struct VideoVae {
  using Config = VaeConfig;
  static constexpr auto ParseConfig = &VaeConfig::ParseTemporal;

  VideoVae(const VaeConfig& config, const Weights& weights)
      : config(config), encode(config, weights), decode(config, weights) {}

  VaeConfig config;
  VaeEncoder encode;
  VideoVaeDecoder decode;
};

}  // namespace dg4d::diffusion

#endif  // DG4D_DIFFUSION_VIDEO_VAE_H_
