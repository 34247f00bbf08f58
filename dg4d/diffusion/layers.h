#ifndef DG4D_DIFFUSION_LAYERS_H_
#define DG4D_DIFFUSION_LAYERS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "dg4d/diffusion/weights.h"

namespace dg4d::diffusion {

// The layers that diffusion networks are drawn with. Each takes its tensors in
// its constructor, is called on what flows through it, and never changes.
// Images are [B, C, h, w], tokens [B, N, C]. All compute in the type of their
// weights and are differentiable in what flows; weights need no gradient.

enum class Bias { kYes, kNo };
// A matrix may be stored as the 1 x 1 convolution [out, in, 1, 1].
enum class Stored { kMatrix, kConvolution };

struct Linear {
  Linear(const Weights& weights, int64_t in, int64_t out,
         Bias with_bias = Bias::kYes, Stored stored = Stored::kMatrix);
  at::Tensor operator()(const at::Tensor& x) const;

  at::Tensor weight;  // [out, in]
  at::Tensor bias;    // [out], or undefined
};

// A convolution over images, or, with a kernel of three sides, over volumes
// [B, C, F, h, w].
struct Conv {
  struct Options {
    std::vector<int64_t> kernel = {3, 3};
    int64_t stride = 1;
    // Zeros on all sides; without: so many that stride 1 keeps the size.
    std::optional<int64_t> padding = std::nullopt;
    Bias bias = Bias::kYes;
  };

  Conv(const Weights& weights, int64_t in, int64_t out);  // 3 x 3
  Conv(const Weights& weights, int64_t in, int64_t out, const Options& options);
  at::Tensor operator()(const at::Tensor& x) const;

  at::Tensor weight;  // [out, in, kernel...]
  at::Tensor bias;    // [out], or undefined
  std::vector<int64_t> stride, padding;
};

// Wu and He 2018; over [B, C, ...].
struct GroupNorm {
  struct Options {
    int64_t groups = 32;
    double eps = 1e-5;
  };

  GroupNorm(const Weights& weights, int64_t channels, const Options& options);
  at::Tensor operator()(const at::Tensor& x) const;

  at::Tensor weight, bias;  // [C]
  Options options;
};

// Ba et al. 2016; over the last dimension.
struct LayerNorm {
  LayerNorm(const Weights& weights, int64_t channels, double eps = 1e-5);
  at::Tensor operator()(const at::Tensor& x) const;

  at::Tensor weight, bias;  // [C]
  double eps;
};

// x sigmoid(x), Elfwing et al. 2018.
at::Tensor Silu(const at::Tensor& x);

// softmax(q k^T / sqrt(d)) v for each of `heads` heads (Vaswani et al. 2017):
// q [B, N, C], k and v [B, M, C]; head h owns channels [h d, (h + 1) d).
at::Tensor Attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                  int64_t heads);

// cos and sin of `positions` [B] at `size` / 2 frequencies from 1 down to
// 1 / 10000, cosines first: [B, size], float32.
at::Tensor SinusoidalEmbedding(const at::Tensor& positions, int64_t size);

// linear_1, SiLU, linear_2.
struct EmbeddingMlp {
  EmbeddingMlp(const Weights& weights, int64_t in, int64_t hidden, int64_t out);
  at::Tensor operator()(const at::Tensor& x) const;

  Linear linear_1, linear_2;
};

// What a network is told beside what it works on. One row for each image: B is
// samples times frames, the frames of one sample follow each other.
struct Condition {
  at::Tensor time;     // [B, T], the embedded time step
  at::Tensor context;  // [B, M, X], tokens to look at
  int64_t frames = 1;
  // diffusers before 0.28 gave temporal attention the contexts of a batch in
  // another order than its rows; published results depend on it. See
  // SpatioTemporalTransformer.
  bool interleave_time_context = false;
};

// Two norm-SiLU-convolutions and a shortcut (He et al. 2016), in between the
// embedded time. The building block of all networks here.
struct ResnetBlock {
  struct Options {
    int64_t in;
    int64_t out;
    int64_t time = 0;  // width of Condition::time; 0: none
    GroupNorm::Options norm;
    // Of the temporal half of SpatioTemporalResnetBlock.
    double temporal_eps = 1e-5;
  };

  ResnetBlock(const Weights& weights, const Options& options);
  at::Tensor operator()(const at::Tensor& x, const Condition& condition) const;

  GroupNorm norm1;
  Conv conv1;
  std::optional<Linear> time_emb_proj;
  GroupNorm norm2;
  Conv conv2;
  std::optional<Conv> conv_shortcut;
};

// Halves height and width by a convolution of stride 2.
struct Downsample {
  // Where the zeros stand: kOneSide is right and below only, as autoencoders
  // were trained.
  enum class Padding { kAllSides, kOneSide };

  Downsample(const Weights& weights, int64_t channels, Padding padding);
  at::Tensor operator()(const at::Tensor& x) const;

  Conv conv;
  Padding padding;
};

// Doubles height and width: nearest neighbour, then a convolution.
struct Upsample {
  Upsample(const Weights& weights, int64_t channels);
  at::Tensor operator()(const at::Tensor& x) const;

  Conv conv;
};

// Attention of tokens among themselves, or to a context.
struct Attention {
  struct Options {
    int64_t channels;
    int64_t heads;
    int64_t context = 0;    // width of the context; 0: the tokens themselves
    Bias bias = Bias::kNo;  // of queries, keys and values
  };

  Attention(const Weights& weights, const Options& options);
  at::Tensor operator()(const at::Tensor& x) const { return (*this)(x, x); }
  // Where the context is a single token, every query gets it whole: softmax
  // over one key is 1. Then [B, 1, C], to be added to all tokens.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& context) const;

  Linear to_q, to_k, to_v, to_out;
  int64_t heads;
};

// Linear, a GELU gate (Shazeer 2020), Linear.
struct FeedForward {
  FeedForward(const Weights& weights, int64_t channels);
  at::Tensor operator()(const at::Tensor& x) const;

  Linear gate_and_value, out;
};

struct TransformerOptions {
  int64_t channels;
  int64_t heads;
  int64_t context;
  Stored projection = Stored::kConvolution;
  int64_t layers = 1;
  int64_t groups = 32;
};

// Attention among tokens, attention to the context, feed-forward; each behind
// a LayerNorm and added (Rombach et al. 2022, appendix).
struct TransformerBlock {
  TransformerBlock(const Weights& weights, const TransformerOptions& options);
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& context) const;

  LayerNorm norm1, norm2, norm3;
  Attention self, cross;
  FeedForward ff;
};

// Transformer blocks over the pixels of an image, added to it.
struct SpatialTransformer {
  using Options = TransformerOptions;

  SpatialTransformer(const Weights& weights, const Options& options);
  at::Tensor operator()(const at::Tensor& x, const Condition& condition) const;

  GroupNorm norm;
  Linear proj_in;
  std::vector<TransformerBlock> blocks;
  Linear proj_out;
};

// Attention of an image's pixels with one head, added to it; in autoencoders.
struct ImageAttention {
  ImageAttention(const Weights& weights, int64_t channels,
                 const GroupNorm::Options& norm);
  at::Tensor operator()(const at::Tensor& x) const;

  GroupNorm group_norm;
  Attention attention;
};

// [B, C, h, w] as [B, h w, C], and back.
at::Tensor TokensOf(const at::Tensor& image);
at::Tensor ImageOf(const at::Tensor& tokens, int64_t height, int64_t width);

}  // namespace dg4d::diffusion

#endif  // DG4D_DIFFUSION_LAYERS_H_
