#include "dg4d/diffusion/video_unet.h"

#include <ATen/TensorOperators.h>

#include <string>
#include <vector>

#include "dg4d/base/status.h"

namespace dg4d::diffusion {

absl::StatusOr<VideoUNetConfig> VideoUNetConfig::Parse(JsonConfig json) {
  constexpr char kDown[] = "DownBlockSpatioTemporal";
  constexpr char kDownAttention[] = "CrossAttnDownBlockSpatioTemporal";
  constexpr char kUp[] = "UpBlockSpatioTemporal";
  constexpr char kUpAttention[] = "CrossAttnUpBlockSpatioTemporal";
  VideoUNetConfig config;
  UNetLayout& layout = config.layout;
  layout.in_channels = json.Integer("in_channels", 8);
  layout.out_channels = json.Integer("out_channels", 4);
  const std::vector<std::string> down =
      json.Texts("down_block_types",
                 {kDownAttention, kDownAttention, kDownAttention, kDown});
  const std::vector<std::string> up = json.Texts(
      "up_block_types", {kUp, kUpAttention, kUpAttention, kUpAttention});
  layout.widths =
      json.Integers("block_out_channels", {320, 640, 1280, 1280}, down.size());
  layout.down_attention = AttentionOf(down, kDownAttention, kDown, json);
  layout.up_attention = AttentionOf(up, kUpAttention, kUp, json);
  layout.layers = json.Integer("layers_per_block", 2);
  layout.transformer_layers = json.Integer("transformer_layers_per_block", 1);
  // No shape tells the number of heads, and the library's default is not what
  // any published network has.
  json.Require("num_attention_heads");
  layout.heads = json.Integers(
      "num_attention_heads", std::vector<int64_t>(down.size(), 1), down.size());
  layout.context = json.Integer("cross_attention_dim", 1024);
  layout.projection = Stored::kMatrix;
  // As the published networks were trained; they stand in no file.
  layout.down_attention_eps = layout.up_eps = 1e-6;
  layout.down_eps = layout.mid_eps = 1e-5;
  config.added_id_width = json.Integer("addition_time_embed_dim", 256);
  config.added_width =
      json.Integer("projection_class_embeddings_input_dim", 768);
  config.frames = json.Integer("num_frames", 25);
  if (config.added_width != 3 * config.added_id_width) {
    json.Complain(
        "'projection_class_embeddings_input_dim' must be thrice "
        "'addition_time_embed_dim'");
  }
  json.Ignore({"sample_size"});
  layout.Check(json);
  DG4D_RETURN_IF_ERROR(json.Finish());
  return config;
}

VideoUNet::VideoUNet(const VideoUNetConfig& config, const Weights& weights)
    : width_(config.layout.widths.front()),
      added_id_width_(config.added_id_width),
      time_embedding_(weights / "time_embedding", width_,
                      config.layout.TimeWidth(), config.layout.TimeWidth()),
      add_embedding_(weights / "add_embedding", config.added_width,
                     config.layout.TimeWidth(), config.layout.TimeWidth()),
      backbone_(weights, config.layout) {}

at::Tensor VideoUNet::operator()(const Inputs& inputs) const {
  const int64_t samples = inputs.x.size(0), frames = inputs.x.size(1);
  const at::Tensor time =
      time_embedding_(SinusoidalEmbedding(inputs.timesteps, width_));
  const at::Tensor added = add_embedding_(
      SinusoidalEmbedding(inputs.added_ids.flatten(), added_id_width_)
          .view({samples, -1}));
  const at::Tensor out =
      backbone_(inputs.x.flatten(0, 1),
                {.time = (time + added).repeat_interleave(frames, 0),
                 .context = inputs.context.repeat_interleave(frames, 0),
                 .frames = frames,
                 .interleave_time_context = inputs.interleave_time_context});
  return out.view({samples, frames, out.size(1), out.size(2), out.size(3)});
}

}  // namespace dg4d::diffusion
