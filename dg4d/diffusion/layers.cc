#include "dg4d/diffusion/layers.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/conv3d.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/upsample_nearest2d.h>

#include <cmath>

namespace dg4d::diffusion {
namespace {

std::vector<int64_t> KernelShape(int64_t in, int64_t out,
                                 const std::vector<int64_t>& kernel) {
  std::vector<int64_t> shape = {out, in};
  shape.insert(shape.end(), kernel.begin(), kernel.end());
  return shape;
}

at::Tensor TakeBias(const Weights& weights, int64_t size, Bias bias) {
  return bias == Bias::kYes ? weights.Take("bias", {size}) : at::Tensor();
}

}  // namespace

Linear::Linear(const Weights& weights, int64_t in, int64_t out, Bias with_bias,
               Stored stored)
    : weight(stored == Stored::kMatrix
                 ? weights.Take("weight", {out, in})
                 : weights.Take("weight", {out, in, 1, 1}).view({out, in})),
      bias(TakeBias(weights, out, with_bias)) {}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  return at::linear(x, weight, bias);
}

Conv::Conv(const Weights& weights, int64_t in, int64_t out)
    : Conv(weights, in, out, Options{}) {}

Conv::Conv(const Weights& weights, int64_t in, int64_t out,
           const Options& options)
    : weight(weights.Take("weight", KernelShape(in, out, options.kernel))),
      bias(TakeBias(weights, out, options.bias)) {
  for (const int64_t side : options.kernel) {
    stride.push_back(options.stride);
    padding.push_back(options.padding.value_or(side / 2));
  }
}

at::Tensor Conv::operator()(const at::Tensor& x) const {
  // Before and after a single frame there are zeros: where a kernel reaches
  // along time alone, only its middle counts.
  const bool alone = weight.dim() == 5 && x.size(2) == 1 && weight.size(2) == 3;
  if (alone && weight.size(3) == 1 && weight.size(4) == 1) {
    return at::conv2d(x.squeeze(2), weight.select(2, 1), bias).unsqueeze(2);
  }
  return weight.dim() == 4 ? at::conv2d(x, weight, bias, stride, padding)
                           : at::conv3d(x, weight, bias, stride, padding);
}

GroupNorm::GroupNorm(const Weights& weights, int64_t channels,
                     const Options& options)
    : weight(weights.Take("weight", {channels})),
      bias(weights.Take("bias", {channels})),
      options(options) {}

at::Tensor GroupNorm::operator()(const at::Tensor& x) const {
  return at::group_norm(x, options.groups, weight, bias, options.eps);
}

LayerNorm::LayerNorm(const Weights& weights, int64_t channels, double eps)
    : weight(weights.Take("weight", {channels})),
      bias(weights.Take("bias", {channels})),
      eps(eps) {}

at::Tensor LayerNorm::operator()(const at::Tensor& x) const {
  return at::layer_norm(x, weight.sizes(), weight, bias, eps);
}

at::Tensor Silu(const at::Tensor& x) { return at::silu(x); }

at::Tensor Attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                  int64_t heads) {
  const int64_t d = q.size(2) / heads;
  const auto split = [&](const at::Tensor& x) {
    return x.reshape({x.size(0), x.size(1), heads, d}).transpose(1, 2);
  };
  return at::scaled_dot_product_attention(split(q), split(k), split(v))
      .transpose(1, 2)
      .reshape(q.sizes());
}

at::Tensor SinusoidalEmbedding(const at::Tensor& positions, int64_t size) {
  const int64_t half = size / 2;
  // Rounded as where the networks were trained: a last digit more or less is
  // visible at position 1000.
  const at::Tensor frequencies =
      (at::arange(half, positions.options().dtype(at::kFloat)) *
       -std::log(10000.0) / half)
          .exp();
  const at::Tensor angles =
      positions.to(at::kFloat).unsqueeze(1) * frequencies.unsqueeze(0);
  return at::cat({angles.cos(), angles.sin()}, 1);
}

EmbeddingMlp::EmbeddingMlp(const Weights& weights, int64_t in, int64_t hidden,
                           int64_t out)
    : linear_1(weights / "linear_1", in, hidden),
      linear_2(weights / "linear_2", hidden, out) {}

at::Tensor EmbeddingMlp::operator()(const at::Tensor& x) const {
  return linear_2(Silu(linear_1(x.to(linear_1.weight.scalar_type()))));
}

ResnetBlock::ResnetBlock(const Weights& weights, const Options& options)
    : norm1(weights / "norm1", options.in, options.norm),
      conv1(weights / "conv1", options.in, options.out),
      norm2(weights / "norm2", options.out, options.norm),
      conv2(weights / "conv2", options.out, options.out) {
  if (options.time > 0) {
    time_emb_proj.emplace(weights / "time_emb_proj", options.time, options.out);
  }
  if (options.in != options.out) {
    conv_shortcut.emplace(weights / "conv_shortcut", options.in, options.out,
                          Conv::Options{.kernel = {1, 1}});
  }
}

at::Tensor ResnetBlock::operator()(const at::Tensor& x,
                                   const Condition& condition) const {
  at::Tensor h = conv1(Silu(norm1(x)));
  if (time_emb_proj) {
    h = h + (*time_emb_proj)(Silu(condition.time)).unsqueeze(2).unsqueeze(3);
  }
  h = conv2(Silu(norm2(h)));
  return (conv_shortcut ? (*conv_shortcut)(x) : x) + h;
}

Downsample::Downsample(const Weights& weights, int64_t channels,
                       Padding padding)
    : conv(weights / "conv", channels, channels,
           Conv::Options{.stride = 2,
                         .padding = padding == Padding::kAllSides ? 1 : 0}),
      padding(padding) {}

at::Tensor Downsample::operator()(const at::Tensor& x) const {
  return conv(
      padding == Padding::kAllSides ? x : at::constant_pad_nd(x, {0, 1, 0, 1}));
}

Upsample::Upsample(const Weights& weights, int64_t channels)
    : conv(weights / "conv", channels, channels) {}

at::Tensor Upsample::operator()(const at::Tensor& x) const {
  return conv(at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)}));
}

Attention::Attention(const Weights& weights, const Options& options)
    : to_q(weights / "to_q", options.channels, options.channels, options.bias),
      to_k(weights / "to_k",
           options.context > 0 ? options.context : options.channels,
           options.channels, options.bias),
      to_v(weights / "to_v",
           options.context > 0 ? options.context : options.channels,
           options.channels, options.bias),
      to_out(weights / "to_out" / 0, options.channels, options.channels),
      heads(options.heads) {}

at::Tensor Attention::operator()(const at::Tensor& x,
                                 const at::Tensor& context) const {
  if (context.size(1) == 1) return to_out(to_v(context));
  return to_out(Attend(to_q(x), to_k(context), to_v(context), heads));
}

FeedForward::FeedForward(const Weights& weights, int64_t channels)
    : gate_and_value(weights / "net" / 0 / "proj", channels, 8 * channels),
      out(weights / "net" / 2, 4 * channels, channels) {}

at::Tensor FeedForward::operator()(const at::Tensor& x) const {
  const std::vector<at::Tensor> halves = gate_and_value(x).chunk(2, -1);
  return out(halves[0] * at::gelu(halves[1]));
}

TransformerBlock::TransformerBlock(const Weights& weights,
                                   const TransformerOptions& options)
    : norm1(weights / "norm1", options.channels),
      norm2(weights / "norm2", options.channels),
      norm3(weights / "norm3", options.channels),
      self(weights / "attn1",
           {.channels = options.channels, .heads = options.heads}),
      cross(weights / "attn2", {.channels = options.channels,
                                .heads = options.heads,
                                .context = options.context}),
      ff(weights / "ff", options.channels) {}

at::Tensor TransformerBlock::operator()(const at::Tensor& x,
                                        const at::Tensor& context) const {
  at::Tensor h = x + self(norm1(x));
  // A single token needs no queries.
  h = h + cross(context.size(1) == 1 ? h : norm2(h), context);
  return h + ff(norm3(h));
}

SpatialTransformer::SpatialTransformer(const Weights& weights,
                                       const Options& options)
    : norm(weights / "norm", options.channels,
           {.groups = options.groups, .eps = 1e-6}),
      proj_in(weights / "proj_in", options.channels, options.channels,
              Bias::kYes, options.projection),
      proj_out(weights / "proj_out", options.channels, options.channels,
               Bias::kYes, options.projection) {
  for (int64_t i = 0; i < options.layers; ++i) {
    blocks.emplace_back(weights / "transformer_blocks" / i, options);
  }
}

at::Tensor SpatialTransformer::operator()(const at::Tensor& x,
                                          const Condition& condition) const {
  at::Tensor h = proj_in(TokensOf(norm(x)));
  for (const TransformerBlock& block : blocks) h = block(h, condition.context);
  return x + ImageOf(proj_out(h), x.size(2), x.size(3));
}

ImageAttention::ImageAttention(const Weights& weights, int64_t channels,
                               const GroupNorm::Options& norm)
    : group_norm(weights / "group_norm", channels, norm),
      attention(weights,
                {.channels = channels, .heads = 1, .bias = Bias::kYes}) {}

at::Tensor ImageAttention::operator()(const at::Tensor& x) const {
  const at::Tensor h = attention(TokensOf(group_norm(x)));
  return x + ImageOf(h, x.size(2), x.size(3));
}

at::Tensor TokensOf(const at::Tensor& image) {
  return image.flatten(2).transpose(1, 2);
}

at::Tensor ImageOf(const at::Tensor& tokens, int64_t height, int64_t width) {
  return tokens.transpose(1, 2).reshape(
      {tokens.size(0), tokens.size(2), height, width});
}

}  // namespace dg4d::diffusion
