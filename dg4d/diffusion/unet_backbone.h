#ifndef DG4D_DIFFUSION_UNET_BACKBONE_H_
#define DG4D_DIFFUSION_UNET_BACKBONE_H_

#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "dg4d/diffusion/json_config.h"
#include "dg4d/diffusion/layers.h"

namespace dg4d::diffusion {

// The U that the image and the video network share (Ronneberger et al. 2015;
// Rombach et al. 2022):
//
//   conv_in ─ down 0 ─ down 1 ─ down 2 ─ down 3 ─┐
//                │        │        │        │   mid
//   conv_out ─ up 3 ── up 2 ─── up 1 ─── up 0 ───┘
//
// Every output on the way down is kept and joined to the channels on the way
// up.
struct UNetLayout {
  int64_t in_channels = 4;
  int64_t out_channels = 4;
  std::vector<int64_t> widths = {320, 640, 1280, 1280};
  int64_t layers = 2;                // of a level on the way down; + 1 up
  std::vector<bool> down_attention;  // does the level look at the context?
  std::vector<bool> up_attention;    // in the order of up_blocks
  std::vector<int64_t> heads;        // by level
  int64_t context = 768;             // width of the context
  int64_t transformer_layers = 1;
  Stored projection = Stored::kConvolution;
  int64_t groups = 32;
  // Of the residual blocks' norms, by place; see spatio_temporal_unet.h.
  double down_attention_eps = 1e-5;
  double down_eps = 1e-5;
  double mid_eps = 1e-5;
  double up_eps = 1e-5;

  int64_t TimeWidth() const { return 4 * widths.front(); }

  // Checks that the groups and heads divide the widths.
  void Check(JsonConfig& json) const;
};

// Which of the levels named by `types` attend: {"CrossAttnDownBlock2D",
// "DownBlock2D"} with `attending` and `plain` of these names. Other names are
// complained about.
std::vector<bool> AttentionOf(const std::vector<std::string>& types,
                              const std::string& attending,
                              const std::string& plain, JsonConfig& json);

// `Block` is ResnetBlock or its spatio-temporal kin, `Transformer` likewise:
// both map (image, Condition) to an image.
template <typename Block, typename Transformer>
class UNetBackbone {
 public:
  UNetBackbone(const Weights& weights, const UNetLayout& layout)
      : conv_in_(weights / "conv_in", layout.in_channels,
                 layout.widths.front()),
        conv_norm_out_(weights / "conv_norm_out", layout.widths.front(),
                       {.groups = layout.groups, .eps = 1e-5}),
        conv_out_(weights / "conv_out", layout.widths.front(),
                  layout.out_channels) {
    const std::vector<int64_t>& widths = layout.widths;
    const auto levels = static_cast<int64_t>(widths.size());
    std::vector<int64_t> skips = {widths[0]};
    int64_t width = widths[0];
    for (int64_t i = 0; i < levels; ++i) {
      Level& level = down_.emplace_back();
      const Weights here = weights / "down_blocks" / i;
      const bool attends = layout.down_attention[i];
      const double eps = attends ? layout.down_attention_eps : layout.down_eps;
      for (int64_t j = 0; j < layout.layers; ++j) {
        level.AddBlock(here, j, width, widths[i], eps, layout);
        if (attends) level.AddAttention(here, j, i, layout);
        width = widths[i];
        skips.push_back(width);
      }
      if (i + 1 < levels) {
        level.downsample.emplace(here / "downsamplers" / 0, width,
                                 Downsample::Padding::kAllSides);
        skips.push_back(width);
      }
    }
    const Weights mid = weights / "mid_block";
    mid_.AddBlock(mid, 0, width, width, layout.mid_eps, layout);
    mid_.AddAttention(mid, 0, levels - 1, layout);
    mid_.AddBlock(mid, 1, width, width, layout.mid_eps, layout);
    for (int64_t i = 0; i < levels; ++i) {
      Level& level = up_.emplace_back();
      const Weights here = weights / "up_blocks" / i;
      const int64_t place = levels - 1 - i;
      for (int64_t j = 0; j <= layout.layers; ++j) {
        level.AddBlock(here, j, width + skips.back(), widths[place],
                       layout.up_eps, layout);
        skips.pop_back();
        width = widths[place];
        if (layout.up_attention[i]) {
          level.AddAttention(here, j, place, layout);
        }
      }
      if (i + 1 < levels) {
        level.upsample.emplace(here / "upsamplers" / 0, width);
      }
    }
  }

  // x [B, in_channels, h, w], h and w multiples of 2 ^ (levels - 1).
  at::Tensor operator()(const at::Tensor& x, const Condition& condition) const {
    at::Tensor h = conv_in_(x);
    std::vector<at::Tensor> skips = {h};
    for (const Level& level : down_) {
      for (size_t j = 0; j < level.blocks.size(); ++j) {
        h = level.Step(j, h, condition);
        skips.push_back(h);
      }
      if (level.downsample) {
        h = (*level.downsample)(h);
        skips.push_back(h);
      }
    }
    h = mid_.Step(0, h, condition);
    h = mid_.blocks[1](h, condition);
    for (const Level& level : up_) {
      for (size_t j = 0; j < level.blocks.size(); ++j) {
        h = level.Step(j, at::cat({h, skips.back()}, 1), condition);
        skips.pop_back();
      }
      if (level.upsample) h = (*level.upsample)(h);
    }
    return conv_out_(Silu(conv_norm_out_(h)));
  }

 private:
  struct Level {
    void AddBlock(const Weights& weights, int64_t index, int64_t in,
                  int64_t out, double eps, const UNetLayout& layout) {
      blocks.emplace_back(
          weights / "resnets" / index,
          ResnetBlock::Options{.in = in,
                               .out = out,
                               .time = layout.TimeWidth(),
                               .norm = {.groups = layout.groups, .eps = eps},
                               .temporal_eps = eps});
    }

    void AddAttention(const Weights& weights, int64_t index, int64_t place,
                      const UNetLayout& layout) {
      attentions.emplace_back(
          weights / "attentions" / index,
          TransformerOptions{.channels = layout.widths[place],
                             .heads = layout.heads[place],
                             .context = layout.context,
                             .projection = layout.projection,
                             .layers = layout.transformer_layers,
                             .groups = layout.groups});
    }

    at::Tensor Step(size_t index, const at::Tensor& x,
                    const Condition& condition) const {
      const at::Tensor h = blocks[index](x, condition);
      return attentions.empty() ? h : attentions[index](h, condition);
    }

    std::vector<Block> blocks;
    std::vector<Transformer> attentions;
    std::optional<Downsample> downsample;
    std::optional<Upsample> upsample;
  };

  Conv conv_in_;
  std::vector<Level> down_;
  Level mid_;
  std::vector<Level> up_;
  GroupNorm conv_norm_out_;
  Conv conv_out_;
};

}  // namespace dg4d::diffusion

#endif  // DG4D_DIFFUSION_UNET_BACKBONE_H_
