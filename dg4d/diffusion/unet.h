#ifndef DG4D_DIFFUSION_UNET_H_
#define DG4D_DIFFUSION_UNET_H_

#include <ATen/core/Tensor.h>

#include "absl/status/statusor.h"
#include "dg4d/diffusion/json_config.h"
#include "dg4d/diffusion/layers.h"
#include "dg4d/diffusion/unet_backbone.h"

namespace dg4d::diffusion {

// The denoising network of latent diffusion (Rombach et al. 2022) and of
// Zero-1-to-3 (Liu et al. 2023): diffusers' UNet2DConditionModel.
struct UNetConfig {
  UNetLayout layout;

  static absl::StatusOr<UNetConfig> Parse(JsonConfig json);
};

class UNet {
 public:
  using Config = UNetConfig;
  static constexpr auto ParseConfig = &UNetConfig::Parse;

  UNet(const UNetConfig& config, const Weights& weights);

  // What the network predicts of the noisy latents x [B, in_channels, h, w]
  // (h, w multiples of 8) at `timesteps` [B] (float32), looking at `context`
  // [B, M, cross_attention_dim]: [B, out_channels, h, w].
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& timesteps,
                        const at::Tensor& context) const;

  const UNetConfig& config() const { return config_; }

 private:
  int64_t width() const { return config_.layout.widths.front(); }

  UNetConfig config_;
  EmbeddingMlp time_embedding_;
  UNetBackbone<ResnetBlock, SpatialTransformer> backbone_;
};

}  // namespace dg4d::diffusion

#endif  // DG4D_DIFFUSION_UNET_H_
