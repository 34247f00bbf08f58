#ifndef DG4D_DIFFUSION_VIDEO_DIFFUSION_H_
#define DG4D_DIFFUSION_VIDEO_DIFFUSION_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dg4d/diffusion/clip_images.h"
#include "dg4d/diffusion/clip_vision.h"
#include "dg4d/diffusion/load_network.h"
#include "dg4d/diffusion/scheduler.h"
#include "dg4d/diffusion/video_unet.h"
#include "dg4d/diffusion/video_vae.h"

namespace dg4d::diffusion {

// How Stable Video Diffusion samples: options of the plugins that use it. The
// defaults are those of diffusers' StableVideoDiffusionPipeline.
struct VideoSampling {
  int steps = 25;
  double min_guidance = 1;
  double max_guidance = 3;
  double fps = 7;
  double motion_bucket = 127;
  double noise_augmentation = 0.02;
  bool batched_guidance = true;
  std::string time_context = "own";

  template <typename V>
  void Visit(V& v) {
    v("steps", steps, "Steps of the sampler from noise to video.");
    v("min_guidance", min_guidance,
      "Classifier-free guidance of the first frame; 1 is none. It grows ...");
    v("max_guidance", max_guidance, "... to this at the last frame.");
    v("fps", fps, "Frames a second of the video, which the network is told.");
    v("motion_bucket", motion_bucket,
      "How much is to move, which the network is told: 1 to 255.");
    v("noise_augmentation", noise_augmentation,
      "Noise added to the picture before the network sees it: the more, the "
      "less the video sticks to it.");
    v("batched_guidance", batched_guidance,
      "Whether the two halves of classifier-free guidance go through the "
      "network together; one after the other needs half the memory.");
    v("time_context", time_context, {"own", "mixed"},
      "What pixels look at along time: their own picture's embedding, or, in "
      "half of the pixels, that of guidance's other half, as diffusers before "
      "0.28 had it.");
  }
  absl::Status Validate() const;
};

// Stable Video Diffusion (Blattmann et al. 2023): videos of F frames that begin
// with a picture. All components of a folder in the diffusers layout.
class VideoDiffusion {
 public:
  struct Options {
    std::string variant;  // see WeightFolder::Open
    // Of weights and so of what is computed; without: as stored.
    std::optional<at::ScalarType> type;
    at::Device device = at::kCPU;
  };

  // Loads image_encoder, vae, unet, and the scheduler's configuration. Errors
  // name the file; components that do not fit each other are InvalidArgument.
  static absl::StatusOr<std::unique_ptr<VideoDiffusion>> Load(
      const std::string& folder, const Options& options);

  // What the network is shown. Pictures [1, 3, H, W] in [0, 1] are cut to 8
  // bits (x * 255 without rounding), as the public programs do.
  struct Seen {
    at::Tensor embedding;  // [1, X]: Embed
    at::Tensor latents;    // [1, 4, h, w]: Latents
  };
  at::Tensor Embed(const at::Tensor& picture) const;
  // Of the picture at the size of `noise` [1, 3, 8 h, 8 w], with `noise` added
  // as sampling.noise_augmentation says: the mean, unscaled. In float32 where
  // the autoencoder's configuration asks for that.
  at::Tensor Latents(const at::Tensor& picture, const at::Tensor& noise,
                     const VideoSampling& sampling) const;

  // Scaled latents of frames [F, 3, H, W] in [0, 1] (their mean), `chunk` at a
  // time. float32, without gradient.
  at::Tensor Encode(const at::Tensor& frames, int64_t chunk) const;

  EulerScheduler Schedule(const VideoSampling& sampling) const {
    return EulerScheduler(scheduler_, sampling.steps);
  }

  // One step of the sampler: latents x [1, F, 4, h, w] of step `i` of
  // Schedule(sampling) to those of step i + 1. float32, without gradient. Where
  // memory does not suffice for both halves of guidance together, does them one
  // after the other, now and in later calls; but with time_context: mixed,
  // where that has other results, the error is thrown on.
  at::Tensor Step(const at::Tensor& x, int i, const Seen& seen,
                  const VideoSampling& sampling);
  // One line if a Step since the last call found that memory does not suffice,
  // else none.
  std::vector<std::string> TakeWarnings();

  // Frames [F, 3, 8 h, 8 w], about [0, 1], of scaled latents [F, 4, h, w],
  // `chunk` frames at a time: the decoder mixes those of a chunk, so that other
  // chunks give other frames.
  at::Tensor Decode(const at::Tensor& latents, int64_t chunk) const;

  // As trained; any number works.
  int64_t frames() const { return frames_; }
  int64_t latent_channels() const { return config_.latent_channels; }
  // Pixels for each latent, in either direction.
  int64_t shrinking() const {
    return int64_t{1} << (config_.widths.size() - 1);
  }

  // Free what only some of the calls need.
  void ForgetImageEncoder() { clip_.reset(); }  // Embed
  void ForgetUNet() { unet_.reset(); }          // Step

 private:
  VideoDiffusion(std::unique_ptr<ClipVision> clip,
                 const ClipImages& clip_images, std::unique_ptr<VideoVae> vae,
                 std::unique_ptr<VideoVae> exact_vae,
                 std::unique_ptr<VideoUNet> unet, int64_t frames,
                 const EulerScheduler::Config& scheduler,
                 const Options& options);

  std::unique_ptr<ClipVision> clip_;
  ClipImages clip_images_;
  VaeConfig config_;
  VaeEncoder encoder_;
  // Of the picture, in float32; null where that is encoder_.
  std::unique_ptr<VaeEncoder> exact_encoder_;
  VideoVaeDecoder decoder_;
  std::unique_ptr<VideoUNet> unet_;
  int64_t frames_;
  EulerScheduler::Config scheduler_;
  at::ScalarType type_;
  at::Device device_;
  bool one_half_at_a_time_ = false;  // memory does not suffice for both
  bool warned_ = false;
};

}  // namespace dg4d::diffusion

#endif  // DG4D_DIFFUSION_VIDEO_DIFFUSION_H_
