#include "dg4d/diffusion/unet.h"

#include <string>
#include <vector>

#include "dg4d/base/status.h"

namespace dg4d::diffusion {

absl::StatusOr<UNetConfig> UNetConfig::Parse(JsonConfig json) {
  UNetConfig config;
  UNetLayout& layout = config.layout;
  layout.in_channels = json.Integer("in_channels", 4);
  layout.out_channels = json.Integer("out_channels", 4);
  const std::vector<std::string> down = json.Texts(
      "down_block_types", {"CrossAttnDownBlock2D", "CrossAttnDownBlock2D",
                           "CrossAttnDownBlock2D", "DownBlock2D"});
  const std::vector<std::string> up = json.Texts(
      "up_block_types", {"UpBlock2D", "CrossAttnUpBlock2D",
                         "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"});
  layout.widths =
      json.Integers("block_out_channels", {320, 640, 1280, 1280}, down.size());
  layout.down_attention =
      AttentionOf(down, "CrossAttnDownBlock2D", "DownBlock2D", json);
  layout.up_attention =
      AttentionOf(up, "CrossAttnUpBlock2D", "UpBlock2D", json);
  layout.layers = json.Integer("layers_per_block", 2);
  layout.transformer_layers = json.Integer("transformer_layers_per_block", 1);
  // The older key means the number of heads too, whatever its name says.
  const std::vector<int64_t> head_dim = json.Integers(
      "attention_head_dim", std::vector<int64_t>(down.size(), 8), down.size());
  layout.heads = json.Integers("num_attention_heads", head_dim, down.size());
  layout.context = json.Integer("cross_attention_dim", 1280);
  layout.projection = json.Flag("use_linear_projection", false)
                          ? Stored::kMatrix
                          : Stored::kConvolution;
  layout.groups = json.Integer("norm_num_groups", 32);
  const double eps = json.Number("norm_eps", 1e-5);
  layout.down_attention_eps = layout.down_eps = eps;
  layout.mid_eps = layout.up_eps = eps;

  json.Only("act_fn", {"\"silu\""});
  json.Only("flip_sin_to_cos", {"true"});
  json.Only("freq_shift", {"0"});
  json.Only("downsample_padding", {"1"});
  json.Only("mid_block_type", {"\"UNetMidBlock2DCrossAttn\""});
  json.Only("mid_block_scale_factor", {"1"});
  json.Only("resnet_time_scale_shift", {"\"default\""});
  json.Only("resnet_out_scale_factor", {"1"});
  json.Only("time_embedding_type", {"\"positional\""});
  json.Only("conv_in_kernel", {"3"});
  json.Only("conv_out_kernel", {"3"});
  json.Only("dropout", {"0"});
  json.Only("attention_type", {"\"default\""});
  json.Only("addition_embed_type_num_heads", {"64"});
  json.Ignore({"sample_size", "upcast_attention"});
  layout.Check(json);
  DG4D_RETURN_IF_ERROR(json.Finish());
  return config;
}

UNet::UNet(const UNetConfig& config, const Weights& weights)
    : config_(config),
      time_embedding_(weights / "time_embedding", width(),
                      config.layout.TimeWidth(), config.layout.TimeWidth()),
      backbone_(weights, config.layout) {}

at::Tensor UNet::operator()(const at::Tensor& x, const at::Tensor& timesteps,
                            const at::Tensor& context) const {
  return backbone_(
      x, {.time = time_embedding_(SinusoidalEmbedding(timesteps, width())),
          .context = context});
}

}  // namespace dg4d::diffusion
