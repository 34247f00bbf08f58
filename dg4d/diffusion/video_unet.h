#ifndef DG4D_DIFFUSION_VIDEO_UNET_H_
#define DG4D_DIFFUSION_VIDEO_UNET_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "absl/status/statusor.h"
#include "dg4d/diffusion/json_config.h"
#include "dg4d/diffusion/layers.h"
#include "dg4d/diffusion/spatio_temporal.h"
#include "dg4d/diffusion/unet_backbone.h"

namespace dg4d::diffusion {

// The denoising network of Stable Video Diffusion (Blattmann et al. 2023):
// diffusers' UNetSpatioTemporalConditionModel.
struct VideoUNetConfig {
  UNetLayout layout;
  int64_t added_id_width = 256;  // of the embedding of each added number
  int64_t added_width = 768;     // of all of them
  int64_t frames = 25;           // as trained; any number works

  static absl::StatusOr<VideoUNetConfig> Parse(JsonConfig json);
};

class VideoUNet {
 public:
  using Config = VideoUNetConfig;
  static constexpr auto ParseConfig = &VideoUNetConfig::Parse;

  struct Inputs {
    at::Tensor x;          // [B, F, in_channels, h, w]; h, w multiples of 8
    at::Tensor timesteps;  // [B], float32: EulerScheduler::Timestep
    at::Tensor context;    // [B, M, cross_attention_dim]
    // [B, 3]: frames a second less one, motion bucket, noise augmentation.
    at::Tensor added_ids;
    // See SpatioTemporalTransformer.
    bool interleave_time_context = false;
  };

  VideoUNet(const VideoUNetConfig& config, const Weights& weights);

  // -> [B, F, out_channels, h, w]
  at::Tensor operator()(const Inputs& inputs) const;

 private:
  int64_t width_;
  int64_t added_id_width_;
  EmbeddingMlp time_embedding_, add_embedding_;
  UNetBackbone<SpatioTemporalResnetBlock, SpatioTemporalTransformer> backbone_;
};

}  // namespace dg4d::diffusion

#endif  // DG4D_DIFFUSION_VIDEO_UNET_H_
