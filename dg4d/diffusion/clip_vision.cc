#include "dg4d/diffusion/clip_vision.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/gelu.h>

#include "dg4d/base/status.h"

namespace dg4d::diffusion {

absl::StatusOr<ClipVisionConfig> ClipVisionConfig::Parse(JsonConfig json) {
  json.Enter("vision_config");
  ClipVisionConfig config;
  config.width = json.Integer("hidden_size", 768);
  config.mlp_width = json.Integer("intermediate_size", 3072);
  config.layers = json.Integer("num_hidden_layers", 12);
  config.heads = json.Integer("num_attention_heads", 12);
  config.patch_size = json.Integer("patch_size", 32);
  config.image_size = json.Integer("image_size", 224);
  config.channels = json.Integer("num_channels", 3);
  config.projection = json.Integer("projection_dim", 512);
  config.eps = json.Number("layer_norm_eps", 1e-5);
  const std::string activation = json.Text("hidden_act", "quick_gelu");
  json.Only("hidden_act", {"\"quick_gelu\"", "\"gelu\""});
  config.quick_gelu = activation == "quick_gelu";
  if (config.width % config.heads != 0 ||
      config.image_size % config.patch_size != 0 || config.layers > 100) {
    json.Complain(
        "num_attention_heads must divide hidden_size, patch_size image_size, "
        "and there are at most 100 layers");
  }
  // The rest is about training, text, or how the file was written.
  json.IgnoreTheRest();
  DG4D_RETURN_IF_ERROR(json.Finish());
  return config;
}

ClipVision::Layer::Layer(const Weights& weights, const ClipVisionConfig& config)
    : norm1(weights / "layer_norm1", config.width, config.eps),
      q(weights / "self_attn" / "q_proj", config.width, config.width),
      k(weights / "self_attn" / "k_proj", config.width, config.width),
      v(weights / "self_attn" / "v_proj", config.width, config.width),
      out(weights / "self_attn" / "out_proj", config.width, config.width),
      norm2(weights / "layer_norm2", config.width, config.eps),
      fc1(weights / "mlp" / "fc1", config.width, config.mlp_width),
      fc2(weights / "mlp" / "fc2", config.mlp_width, config.width) {}

ClipVision::ClipVision(const ClipVisionConfig& config, const Weights& weights)
    : config_(config),
      class_embedding_((weights / "vision_model" / "embeddings")
                           .Take("class_embedding", {config.width})),
      patch_embedding_(
          weights / "vision_model" / "embeddings" / "patch_embedding",
          config.channels, config.width,
          {.kernel = {config.patch_size, config.patch_size},
           .stride = config.patch_size,
           .padding = 0,
           .bias = Bias::kNo}),
      position_embedding_(
          (weights / "vision_model" / "embeddings" / "position_embedding")
              .Take("weight", {config.Tokens(), config.width})),
      // Misspelt in every published file.
      pre_norm_(weights / "vision_model" / "pre_layrnorm", config.width,
                config.eps),
      post_norm_(weights / "vision_model" / "post_layernorm", config.width,
                 config.eps),
      projection_(weights / "visual_projection", config.width,
                  config.projection, Bias::kNo) {
  for (int64_t i = 0; i < config.layers; ++i) {
    layers_.emplace_back(weights / "vision_model" / "encoder" / "layers" / i,
                         config);
  }
}

at::Tensor ClipVision::Activation(const at::Tensor& x) const {
  return config_.quick_gelu ? x * (1.702 * x).sigmoid() : at::gelu(x);
}

at::Tensor ClipVision::operator()(const at::Tensor& images) const {
  const at::Tensor patches = TokensOf(patch_embedding_(images));
  const at::Tensor first =
      class_embedding_.expand({images.size(0), 1, config_.width});
  at::Tensor h = pre_norm_(at::cat({first, patches}, 1) + position_embedding_);
  for (const Layer& layer : layers_) {
    const at::Tensor x = layer.norm1(h);
    h = h +
        layer.out(Attend(layer.q(x), layer.k(x), layer.v(x), config_.heads));
    h = h + layer.fc2(Activation(layer.fc1(layer.norm2(h))));
  }
  return projection_(post_norm_(h.select(1, 0)));
}

absl::StatusOr<CameraProjectionConfig> CameraProjectionConfig::Parse(
    JsonConfig json) {
  CameraProjectionConfig config;
  if (json.Has("in_channel") || json.Has("out_channel")) {
    config.embedding = json.Integer("out_channel", 768);
    config.camera = json.Integer("in_channel", 772) - config.embedding;
    if (config.camera < 1) {
      json.Complain("'in_channel' must be larger than 'out_channel'");
    }
  } else {
    config.embedding = json.Integer("embedding_dim", 768);
    config.camera = json.Integer("additional_embeddings", 4);
  }
  json.Ignore({"projection_dim"});
  DG4D_RETURN_IF_ERROR(json.Finish());
  return config;
}

CameraProjection::CameraProjection(const CameraProjectionConfig& config,
                                   const Weights& weights)
    : proj(weights / "proj", config.embedding + config.camera,
           config.embedding) {}

at::Tensor CameraProjection::operator()(const at::Tensor& embeddings,
                                        const at::Tensor& cameras) const {
  return proj(at::cat({embeddings, cameras.to(embeddings.scalar_type())}, 1))
      .unsqueeze(1);
}

}  // namespace dg4d::diffusion
