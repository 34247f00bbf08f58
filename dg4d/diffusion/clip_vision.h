#ifndef DG4D_DIFFUSION_CLIP_VISION_H_
#define DG4D_DIFFUSION_CLIP_VISION_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "dg4d/diffusion/json_config.h"
#include "dg4d/diffusion/layers.h"

namespace dg4d::diffusion {

// The image half of CLIP (Radford et al. 2021), a vision transformer
// (Dosovitskiy et al. 2021): transformers' CLIPVisionModelWithProjection.
struct ClipVisionConfig {
  int64_t width = 768;
  int64_t mlp_width = 3072;
  int64_t layers = 12;
  int64_t heads = 12;
  int64_t patch_size = 32;
  int64_t image_size = 224;
  int64_t channels = 3;
  int64_t projection = 512;
  double eps = 1e-5;
  // x sigmoid(1.702 x) in OpenAI's weights, the exact GELU in LAION's.
  bool quick_gelu = true;

  // Of a file of the encoder alone, or of a whole CLIP model's, where the
  // encoder is `vision_config`.
  static absl::StatusOr<ClipVisionConfig> Parse(JsonConfig json);

  int64_t Tokens() const {
    const int64_t side = image_size / patch_size;
    return side * side + 1;
  }
};

class ClipVision {
 public:
  using Config = ClipVisionConfig;
  static constexpr auto ParseConfig = &ClipVisionConfig::Parse;

  ClipVision(const ClipVisionConfig& config, const Weights& weights);

  // Normalised images [B, 3, image_size, image_size] (see clip_images.h) ->
  // their embeddings [B, projection], not normalised to length one.
  at::Tensor operator()(const at::Tensor& images) const;

  const ClipVisionConfig& config() const { return config_; }
  at::ScalarType type() const { return class_embedding_.scalar_type(); }

 private:
  struct Layer {
    Layer(const Weights& weights, const ClipVisionConfig& config);

    LayerNorm norm1;
    Linear q, k, v, out;
    LayerNorm norm2;
    Linear fc1, fc2;
  };

  at::Tensor Activation(const at::Tensor& x) const;

  ClipVisionConfig config_;
  at::Tensor class_embedding_;  // [D]
  Conv patch_embedding_;
  at::Tensor position_embedding_;  // [tokens, D]
  LayerNorm pre_norm_;
  std::vector<Layer> layers_;
  LayerNorm post_norm_;
  Linear projection_;
};

// Zero-1-to-3's camera: a linear map of an image's CLIP embedding and four
// numbers that say how the camera moved, to one token of context.
struct CameraProjectionConfig {
  int64_t embedding = 768;
  int64_t camera = 4;

  // Of clip_camera_projection folders, and of the authors' cc_projection.
  static absl::StatusOr<CameraProjectionConfig> Parse(JsonConfig json);
};

struct CameraProjection {
  using Config = CameraProjectionConfig;
  static constexpr auto ParseConfig = &CameraProjectionConfig::Parse;

  CameraProjection(const CameraProjectionConfig& config,
                   const Weights& weights);

  // [B, embedding] and [B, 4] -> [B, 1, embedding]
  at::Tensor operator()(const at::Tensor& embeddings,
                        const at::Tensor& cameras) const;

  Linear proj;
};

}  // namespace dg4d::diffusion

#endif  // DG4D_DIFFUSION_CLIP_VISION_H_
