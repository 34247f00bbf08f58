#ifndef DG4D_DIFFUSION_VAE_H_
#define DG4D_DIFFUSION_VAE_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "dg4d/diffusion/json_config.h"
#include "dg4d/diffusion/layers.h"

namespace dg4d::diffusion {

// The autoencoder of latent diffusion (Rombach et al. 2022): images of 3
// channels in [-1, 1], eight times as wide and high as latents of 4.
struct VaeConfig {
  int64_t in_channels = 3;
  int64_t out_channels = 3;
  int64_t latent_channels = 4;
  std::vector<int64_t> widths = {128, 256, 512, 512};
  int64_t layers = 2;  // of a level of the encoder; the decoder has one more
  int64_t groups = 32;
  // Diffusion works on latents times this.
  double scaling_factor = 0.18215;
  // Encode in float32, whatever the rest runs in.
  bool force_upcast = true;

  // diffusers' AutoencoderKL.
  static absl::StatusOr<VaeConfig> Parse(JsonConfig json);
  // ... and AutoencoderKLTemporalDecoder.
  static absl::StatusOr<VaeConfig> ParseTemporal(JsonConfig json);

  GroupNorm::Options Norm() const { return {.groups = groups, .eps = 1e-6}; }
};

// The distribution of latents that an image is encoded as, unscaled.
struct Posterior {
  at::Tensor mean;  // [B, 4, h, w]
  at::Tensor log_variance;

  // mean + standard deviation * noise; the gradient flows through both.
  at::Tensor Sample(const at::Tensor& noise) const;
};

class VaeEncoder {
 public:
  VaeEncoder(const VaeConfig& config, const Weights& weights);

  // images [B, 3, 8 h, 8 w] in [-1, 1]. Differentiable.
  Posterior operator()(const at::Tensor& images) const;

 private:
  struct Level {
    std::vector<ResnetBlock> blocks;
    std::optional<Downsample> downsample;
  };

  Conv conv_in_;
  std::vector<Level> levels_;
  std::vector<ResnetBlock> mid_;  // two
  ImageAttention attention_;
  GroupNorm conv_norm_out_;
  Conv conv_out_, quant_conv_;
};

// The way from latents to images, upside down the encoder's. `Block` is
// ResnetBlock, or its spatio-temporal kin for videos.
template <typename Block>
class VaeDecoderBackbone {
 public:
  VaeDecoderBackbone(const VaeConfig& config, const Weights& weights)
      : conv_in_(weights / "conv_in", config.latent_channels,
                 config.widths.back()),
        attention_(weights / "mid_block" / "attentions" / 0,
                   config.widths.back(), config.Norm()),
        conv_norm_out_(weights / "conv_norm_out", config.widths.front(),
                       config.Norm()),
        conv_out_(weights / "conv_out", config.widths.front(),
                  config.out_channels) {
    const auto block = [&](int64_t in, int64_t out) {
      return ResnetBlock::Options{.in = in, .out = out, .norm = config.Norm()};
    };
    int64_t width = config.widths.back();
    for (int64_t j = 0; j < 2; ++j) {
      mid_.emplace_back(weights / "mid_block" / "resnets" / j,
                        block(width, width));
    }
    const auto levels = static_cast<int64_t>(config.widths.size());
    for (int64_t i = 0; i < levels; ++i) {
      Level& level = levels_.emplace_back();
      const Weights here = weights / "up_blocks" / i;
      const int64_t out = config.widths[levels - 1 - i];
      for (int64_t j = 0; j <= config.layers; ++j) {
        level.blocks.emplace_back(here / "resnets" / j, block(width, out));
        width = out;
      }
      if (i + 1 < levels) {
        level.upsample.emplace(here / "upsamplers" / 0, width);
      }
    }
  }

  at::Tensor operator()(const at::Tensor& latents,
                        const Condition& condition) const {
    at::Tensor h = mid_[0](conv_in_(latents), condition);
    h = mid_[1](attention_(h), condition);
    for (const Level& level : levels_) {
      for (const Block& block : level.blocks) h = block(h, condition);
      if (level.upsample) h = (*level.upsample)(h);
    }
    return conv_out_(Silu(conv_norm_out_(h)));
  }

 private:
  struct Level {
    std::vector<Block> blocks;
    std::optional<Upsample> upsample;
  };

  Conv conv_in_;
  std::vector<Block> mid_;  // two
  ImageAttention attention_;
  std::vector<Level> levels_;
  GroupNorm conv_norm_out_;
  Conv conv_out_;
};

class VaeDecoder {
 public:
  VaeDecoder(const VaeConfig& config, const Weights& weights);

  // unscaled latents [B, 4, h, w] -> images [B, 3, 8 h, 8 w], about [-1, 1],
  // not clamped.
  at::Tensor operator()(const at::Tensor& latents) const;

 private:
  Conv post_quant_conv_;
  VaeDecoderBackbone<ResnetBlock> backbone_;
};

struct Vae {
  using Config = VaeConfig;
  static constexpr auto ParseConfig = &VaeConfig::Parse;

  Vae(const VaeConfig& config, const Weights& weights)
      : config(config), encode(config, weights), decode(config, weights) {}

  VaeConfig config;
  VaeEncoder encode;
  VaeDecoder decode;
};

}  // namespace dg4d::diffusion

#endif  // DG4D_DIFFUSION_VAE_H_
