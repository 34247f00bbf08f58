#ifndef DG4D_DIFFUSION_SPATIO_TEMPORAL_H_
#define DG4D_DIFFUSION_SPATIO_TEMPORAL_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "dg4d/diffusion/layers.h"

namespace dg4d::diffusion {

// Layers of Stable Video Diffusion (Blattmann et al. 2023): each is a layer of
// the image network, then one along time, then a learned blend of both. Images
// are [B F, C, h, w], the Condition::frames = F frames of a sample in a row.

// share * spatial + (1 - share) * temporal, share = sigmoid(mix_factor).
struct TimeMixer {
  // The autoencoder's factors mean the temporal share.
  enum class Share { kSpatial, kTemporal };

  TimeMixer(const Weights& weights, Share share);
  at::Tensor operator()(const at::Tensor& spatial,
                        const at::Tensor& temporal) const;

  at::Tensor mix_factor;  // [1]
  Share share;
};

struct SpatioTemporalResnetBlock {
  SpatioTemporalResnetBlock(
      const Weights& weights, const ResnetBlock::Options& options,
      TimeMixer::Share share = TimeMixer::Share::kSpatial);
  at::Tensor operator()(const at::Tensor& x, const Condition& condition) const;

  ResnetBlock spatial;
  // Its like over [B, C, F, h, w], with kernels of three frames.
  GroupNorm norm1;
  Conv conv1;
  std::optional<Linear> time_emb_proj;
  GroupNorm norm2;
  Conv conv2;
  TimeMixer mixer;
};

// Attention of each pixel over the frames, among feed-forwards.
struct TemporalTransformerBlock {
  TemporalTransformerBlock(const Weights& weights,
                           const TransformerOptions& options);
  // x [B F, N, C]
  at::Tensor operator()(const at::Tensor& x, const Condition& condition) const;

  LayerNorm norm_in;
  FeedForward ff_in;
  LayerNorm norm1, norm2, norm3;
  Attention self, cross;
  FeedForward ff;
};

// Pixels attend to each other and the context, then along time, where every
// sample looks at the context of its first frame.
//
// Condition::interleave_time_context gives row b N + p of the temporal batch
// the context of sample (b N + p) mod B instead of b's: what diffusers before
// 0.28 did. It matters with classifier-free guidance alone (B = 2): half of the
// pixels of either sample then look at the other's context.
struct SpatioTemporalTransformer {
  SpatioTemporalTransformer(const Weights& weights,
                            const TransformerOptions& options);
  at::Tensor operator()(const at::Tensor& x, const Condition& condition) const;

  GroupNorm norm;
  Linear proj_in;
  EmbeddingMlp time_pos_embed;
  std::vector<TransformerBlock> blocks;
  std::vector<TemporalTransformerBlock> temporal_blocks;
  TimeMixer mixer;
  Linear proj_out;
};

}  // namespace dg4d::diffusion

#endif  // DG4D_DIFFUSION_SPATIO_TEMPORAL_H_
