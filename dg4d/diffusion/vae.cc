#include "dg4d/diffusion/vae.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "dg4d/base/status.h"

namespace dg4d::diffusion {
namespace {

void ExpectBlocks(const std::vector<std::string>& types,
                  const std::string& expected, JsonConfig& json) {
  for (const std::string& type : types) {
    if (type != expected) {
      json.Complain(
          absl::StrCat("'", type, "' is not supported, only ", expected));
    }
  }
}

// What both kinds of autoencoder say in the same words.
VaeConfig ParseCommon(JsonConfig& json) {
  VaeConfig config;
  config.in_channels = json.Integer("in_channels", 3);
  config.out_channels = json.Integer("out_channels", 3);
  config.latent_channels = json.Integer("latent_channels", 4);
  const std::vector<std::string> down =
      json.Texts("down_block_types", {"DownEncoderBlock2D"});
  config.widths = json.Integers(
      "block_out_channels", std::vector<int64_t>(down.size(), 64), down.size());
  config.layers = json.Integer("layers_per_block", 1);
  config.scaling_factor = json.Number("scaling_factor", 0.18215);
  config.force_upcast = json.Flag("force_upcast", true);
  ExpectBlocks(down, "DownEncoderBlock2D", json);
  json.Ignore({"sample_size"});
  return config;
}

void Check(const VaeConfig& config, JsonConfig& json) {
  for (const int64_t width : config.widths) {
    if (width % config.groups != 0) {
      json.Complain(absl::StrCat("block_out_channels ", width,
                                 " must be a multiple of ", config.groups,
                                 " groups"));
    }
  }
  if (config.layers > 16) json.Complain("more than 16 layers in a block");
  if (!(config.scaling_factor > 0)) {
    json.Complain("scaling_factor must be positive");
  }
}

}  // namespace

absl::StatusOr<VaeConfig> VaeConfig::Parse(JsonConfig json) {
  VaeConfig config = ParseCommon(json);
  config.groups = json.Integer("norm_num_groups", 32);
  ExpectBlocks(json.Texts("up_block_types", {"UpDecoderBlock2D"}),
               "UpDecoderBlock2D", json);
  json.Only("act_fn", {"\"silu\""});
  json.Only("mid_block_add_attention", {"true"});
  json.Only("use_quant_conv", {"true"});
  json.Only("use_post_quant_conv", {"true"});
  json.Only("shift_factor", {"0"});
  Check(config, json);
  DG4D_RETURN_IF_ERROR(json.Finish());
  return config;
}

absl::StatusOr<VaeConfig> VaeConfig::ParseTemporal(JsonConfig json) {
  VaeConfig config = ParseCommon(json);
  Check(config, json);
  DG4D_RETURN_IF_ERROR(json.Finish());
  return config;
}

at::Tensor Posterior::Sample(const at::Tensor& noise) const {
  return mean + (0.5 * log_variance).exp() * noise;
}

VaeEncoder::VaeEncoder(const VaeConfig& config, const Weights& weights)
    : conv_in_(weights / "encoder" / "conv_in", config.in_channels,
               config.widths.front()),
      attention_(weights / "encoder" / "mid_block" / "attentions" / 0,
                 config.widths.back(), config.Norm()),
      conv_norm_out_(weights / "encoder" / "conv_norm_out",
                     config.widths.back(), config.Norm()),
      conv_out_(weights / "encoder" / "conv_out", config.widths.back(),
                2 * config.latent_channels),
      quant_conv_(weights / "quant_conv", 2 * config.latent_channels,
                  2 * config.latent_channels, {.kernel = {1, 1}}) {
  const auto block = [&](int64_t in, int64_t out) {
    return ResnetBlock::Options{.in = in, .out = out, .norm = config.Norm()};
  };
  int64_t width = config.widths.front();
  for (size_t i = 0; i < config.widths.size(); ++i) {
    Level& level = levels_.emplace_back();
    const Weights here = weights / "encoder" / "down_blocks" / i;
    for (int64_t j = 0; j < config.layers; ++j) {
      level.blocks.emplace_back(here / "resnets" / j,
                                block(width, config.widths[i]));
      width = config.widths[i];
    }
    if (i + 1 < config.widths.size()) {
      level.downsample.emplace(here / "downsamplers" / 0, width,
                               Downsample::Padding::kOneSide);
    }
  }
  for (int64_t j = 0; j < 2; ++j) {
    mid_.emplace_back(weights / "encoder" / "mid_block" / "resnets" / j,
                      block(width, width));
  }
}

Posterior VaeEncoder::operator()(const at::Tensor& images) const {
  at::Tensor h = conv_in_(images);
  for (const Level& level : levels_) {
    for (const ResnetBlock& block : level.blocks) h = block(h, {});
    if (level.downsample) h = (*level.downsample)(h);
  }
  h = mid_[1](attention_(mid_[0](h, {})), {});
  h = quant_conv_(conv_out_(Silu(conv_norm_out_(h))));
  const std::vector<at::Tensor> moments = h.chunk(2, 1);
  return {.mean = moments[0], .log_variance = moments[1].clamp(-30, 20)};
}

VaeDecoder::VaeDecoder(const VaeConfig& config, const Weights& weights)
    : post_quant_conv_(weights / "post_quant_conv", config.latent_channels,
                       config.latent_channels, {.kernel = {1, 1}}),
      backbone_(config, weights / "decoder") {}

at::Tensor VaeDecoder::operator()(const at::Tensor& latents) const {
  return backbone_(post_quant_conv_(latents), {});
}

}  // namespace dg4d::diffusion
