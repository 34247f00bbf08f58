#include "dg4d/diffusion/spatio_temporal.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>

namespace dg4d::diffusion {
namespace {

Conv::Options AlongTime() { return {.kernel = {3, 1, 1}}; }

GroupNorm::Options TemporalNorm(const ResnetBlock::Options& options) {
  return {.groups = options.norm.groups, .eps = options.temporal_eps};
}

// [B F, N, C] as [B N, F, C], samples outermost, and back.
at::Tensor FramesInward(const at::Tensor& x, int64_t frames) {
  return x.view({-1, frames, x.size(1), x.size(2)})
      .transpose(1, 2)
      .reshape({-1, frames, x.size(2)});
}
at::Tensor FramesOutward(const at::Tensor& x, int64_t tokens) {
  return x.view({-1, tokens, x.size(1), x.size(2)})
      .transpose(1, 2)
      .reshape({-1, tokens, x.size(2)});
}

}  // namespace

TimeMixer::TimeMixer(const Weights& weights, Share share)
    : mix_factor(weights.Take("mix_factor", {1})), share(share) {}

at::Tensor TimeMixer::operator()(const at::Tensor& spatial,
                                 const at::Tensor& temporal) const {
  const at::Tensor factor = mix_factor.sigmoid();
  const at::Tensor spatial_share =
      share == Share::kSpatial ? factor : 1 - factor;
  return temporal + spatial_share * (spatial - temporal);
}

SpatioTemporalResnetBlock::SpatioTemporalResnetBlock(
    const Weights& weights, const ResnetBlock::Options& options,
    TimeMixer::Share share)
    : spatial(weights / "spatial_res_block", options),
      norm1(weights / "temporal_res_block" / "norm1", options.out,
            TemporalNorm(options)),
      conv1(weights / "temporal_res_block" / "conv1", options.out, options.out,
            AlongTime()),
      norm2(weights / "temporal_res_block" / "norm2", options.out,
            TemporalNorm(options)),
      conv2(weights / "temporal_res_block" / "conv2", options.out, options.out,
            AlongTime()),
      mixer(weights / "time_mixer", share) {
  if (options.time > 0) {
    time_emb_proj.emplace(weights / "temporal_res_block" / "time_emb_proj",
                          options.time, options.out);
  }
}

at::Tensor SpatioTemporalResnetBlock::operator()(
    const at::Tensor& x, const Condition& condition) const {
  const at::Tensor flat = spatial(x, condition);
  const int64_t frames = condition.frames;
  const at::Tensor clips =
      flat.view({-1, frames, flat.size(1), flat.size(2), flat.size(3)})
          .transpose(1, 2);
  at::Tensor h = conv1(Silu(norm1(clips)));
  if (time_emb_proj) {
    const at::Tensor time = (*time_emb_proj)(Silu(condition.time));
    h = h + time.view({-1, frames, time.size(1)})
                .transpose(1, 2)
                .unsqueeze(3)
                .unsqueeze(4);
  }
  h = clips + conv2(Silu(norm2(h)));
  return mixer(flat, h.transpose(1, 2).reshape(flat.sizes()));
}

TemporalTransformerBlock::TemporalTransformerBlock(
    const Weights& weights, const TransformerOptions& options)
    : norm_in(weights / "norm_in", options.channels),
      ff_in(weights / "ff_in", options.channels),
      norm1(weights / "norm1", options.channels),
      norm2(weights / "norm2", options.channels),
      norm3(weights / "norm3", options.channels),
      self(weights / "attn1",
           {.channels = options.channels, .heads = options.heads}),
      cross(weights / "attn2", {.channels = options.channels,
                                .heads = options.heads,
                                .context = options.context}),
      ff(weights / "ff", options.channels) {}

at::Tensor TemporalTransformerBlock::operator()(
    const at::Tensor& x, const Condition& condition) const {
  const int64_t tokens = x.size(1);
  const at::Tensor& all = condition.context;
  const at::Tensor context =
      all.view({-1, condition.frames, all.size(1), all.size(2)}).select(1, 0);
  // One row for each pixel of each sample.
  const auto rows = [&](const at::Tensor& of_sample) {
    return condition.interleave_time_context
               ? of_sample.repeat({tokens, 1, 1})
               : of_sample.repeat_interleave(tokens, 0);
  };
  at::Tensor h = FramesInward(x, condition.frames);
  h = h + ff_in(norm_in(h));
  h = h + self(norm1(h));
  h = h + (context.size(1) == 1 ? rows(cross(h, context))
                                : cross(norm2(h), rows(context)));
  h = h + ff(norm3(h));
  return FramesOutward(h, tokens);
}

SpatioTemporalTransformer::SpatioTemporalTransformer(
    const Weights& weights, const TransformerOptions& options)
    : norm(weights / "norm", options.channels,
           {.groups = options.groups, .eps = 1e-6}),
      proj_in(weights / "proj_in", options.channels, options.channels),
      time_pos_embed(weights / "time_pos_embed", options.channels,
                     4 * options.channels, options.channels),
      mixer(weights / "time_mixer", TimeMixer::Share::kSpatial),
      proj_out(weights / "proj_out", options.channels, options.channels) {
  for (int64_t i = 0; i < options.layers; ++i) {
    blocks.emplace_back(weights / "transformer_blocks" / i, options);
    temporal_blocks.emplace_back(weights / "temporal_transformer_blocks" / i,
                                 options);
  }
}

at::Tensor SpatioTemporalTransformer::operator()(
    const at::Tensor& x, const Condition& condition) const {
  at::Tensor h = proj_in(TokensOf(norm(x)));
  const int64_t frames = condition.frames;
  const at::Tensor positions = at::arange(frames, x.options().dtype(at::kFloat))
                                   .repeat({x.size(0) / frames});
  const at::Tensor embedding =
      time_pos_embed(SinusoidalEmbedding(positions, x.size(1))).unsqueeze(1);
  for (size_t i = 0; i < blocks.size(); ++i) {
    h = blocks[i](h, condition.context);
    h = mixer(h, temporal_blocks[i](h + embedding, condition));
  }
  return x + ImageOf(proj_out(h), x.size(2), x.size(3));
}

}  // namespace dg4d::diffusion
