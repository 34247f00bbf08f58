#include "dg4d/diffusion/video_diffusion.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/base/status.h"
#include "dg4d/diffusion/pillow_resize.h"

namespace dg4d::diffusion {
namespace {

// [1, 3, H, W] in [0, 1] on the CPU -> [H, W, 3] of bytes.
at::Tensor Bytes(const at::Tensor& picture) {
  return (picture.to(at::kCPU, at::kFloat) * 255)
      .clamp(0, 255)
      .to(at::kByte)[0]
      .permute({1, 2, 0})
      .contiguous();
}

at::Tensor FromBytes(const at::Tensor& bytes) {
  return bytes.to(at::kFloat).permute({2, 0, 1}).unsqueeze(0) / 255;
}

at::Tensor Resized(const at::Tensor& bytes, int64_t height, int64_t width) {
  if (bytes.size(0) == height && bytes.size(1) == width) return bytes;
  const uint8_t* from = bytes.const_data_ptr<uint8_t>();
  const BytePicture picture =
      PillowResize({.height = static_cast<int>(bytes.size(0)),
                    .width = static_cast<int>(bytes.size(1)),
                    .channels = 3,
                    .pixels = {from, from + bytes.numel()}},
                   static_cast<int>(height), static_cast<int>(width),
                   PillowFilter::kLanczos);
  const at::Tensor resized = at::empty({height, width, 3}, at::kByte);
  std::copy(picture.pixels.begin(), picture.pixels.end(),
            resized.mutable_data_ptr<uint8_t>());
  return resized;
}

absl::Status CheckFit(const std::string& folder, const ClipVision& clip,
                      const ClipImages& images, const UNetLayout& layout,
                      const VaeConfig& vae) {
  const auto misfit = [&](absl::string_view what, int64_t a, int64_t b) {
    return absl::InvalidArgumentError(absl::StrCat(
        folder, ": ", what, " do not fit each other: ", a, " and ", b));
  };
  if (layout.context != clip.config().projection) {
    return misfit("image_encoder and unet", clip.config().projection,
                  layout.context);
  }
  if (layout.in_channels != 2 * vae.latent_channels) {
    return misfit("the unet's in_channels and twice the latents'",
                  layout.in_channels, 2 * vae.latent_channels);
  }
  if (images.size != clip.config().image_size) {
    return misfit("feature_extractor and image_encoder", images.size,
                  clip.config().image_size);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status VideoSampling::Validate() const {
  if (steps < 1 || steps > 1000) {
    return absl::InvalidArgumentError("steps must be from 1 to 1000");
  }
  if (!(min_guidance >= 0 && max_guidance >= 0)) {
    return absl::InvalidArgumentError(
        "min_guidance and max_guidance must not be negative");
  }
  if (!(fps > 0 && fps <= 1000)) {
    return absl::InvalidArgumentError("fps must be positive, at most 1000");
  }
  if (!(noise_augmentation >= 0)) {
    return absl::InvalidArgumentError(
        "noise_augmentation must not be negative");
  }
  if (time_context == "mixed" && !batched_guidance) {
    return absl::InvalidArgumentError(
        "time_context: mixed needs batched_guidance: true, for it mixes the "
        "two halves");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<VideoDiffusion>> VideoDiffusion::Load(
    const std::string& folder, const Options& options) {
  const LoadOptions load = {.variant = options.variant,
                            .type = options.type,
                            .device = options.device};
  DG4D_ASSIGN_OR_RETURN(
      auto clip, LoadNetwork<ClipVision>(folder + "/image_encoder", load));
  DG4D_ASSIGN_OR_RETURN(const ClipImages images, ClipImages::Of(folder));
  DG4D_ASSIGN_OR_RETURN(auto vae, LoadNetwork<VideoVae>(folder + "/vae", load));
  std::unique_ptr<VideoVae> exact_vae;
  if (vae->config.force_upcast && load.type != at::kFloat) {
    LoadOptions exact = load;
    exact.type = at::kFloat;
    DG4D_ASSIGN_OR_RETURN(exact_vae,
                          LoadNetwork<VideoVae>(folder + "/vae", exact));
  }
  DG4D_ASSIGN_OR_RETURN(JsonConfig unet_json,
                        JsonConfig::Read(folder + "/unet/config.json"));
  DG4D_ASSIGN_OR_RETURN(const VideoUNetConfig unet_config,
                        VideoUNetConfig::Parse(std::move(unet_json)));
  DG4D_RETURN_IF_ERROR(
      CheckFit(folder, *clip, images, unet_config.layout, vae->config));
  DG4D_ASSIGN_OR_RETURN(auto unet,
                        LoadNetwork<VideoUNet>(folder + "/unet", load));
  DG4D_ASSIGN_OR_RETURN(
      JsonConfig json,
      JsonConfig::Read(folder + "/scheduler/scheduler_config.json"));
  DG4D_ASSIGN_OR_RETURN(const EulerScheduler::Config scheduler,
                        EulerScheduler::Config::Parse(std::move(json)));
  return std::unique_ptr<VideoDiffusion>(new VideoDiffusion(
      std::move(clip), images, std::move(vae), std::move(exact_vae),
      std::move(unet), unet_config.frames, scheduler, options));
}

VideoDiffusion::VideoDiffusion(std::unique_ptr<ClipVision> clip,
                               const ClipImages& clip_images,
                               std::unique_ptr<VideoVae> vae,
                               std::unique_ptr<VideoVae> exact_vae,
                               std::unique_ptr<VideoUNet> unet, int64_t frames,
                               const EulerScheduler::Config& scheduler,
                               const Options& options)
    : clip_(std::move(clip)),
      clip_images_(clip_images),
      config_(vae->config),
      encoder_(std::move(vae->encode)),
      exact_encoder_(
          exact_vae ? std::make_unique<VaeEncoder>(std::move(exact_vae->encode))
                    : nullptr),
      decoder_(std::move(vae->decode)),
      unet_(std::move(unet)),
      frames_(frames),
      scheduler_(scheduler),
      type_(options.type.value_or(clip_->type())),
      device_(options.device) {}

at::Tensor VideoDiffusion::Embed(const at::Tensor& picture) const {
  const at::NoGradGuard no_grad;
  TORCH_CHECK(clip_ != nullptr, "the image encoder is forgotten");
  return (*clip_)(
      clip_images_.Antialiased(FromBytes(Bytes(picture))).to(device_, type_));
}

at::Tensor VideoDiffusion::Latents(const at::Tensor& picture,
                                   const at::Tensor& noise,
                                   const VideoSampling& sampling) const {
  const at::NoGradGuard no_grad;
  const at::Tensor image =
      2 * FromBytes(Resized(Bytes(picture), noise.size(2), noise.size(3))) - 1 +
      sampling.noise_augmentation * noise.to(at::kCPU, at::kFloat);
  const at::Tensor mean = exact_encoder_
                              ? (*exact_encoder_)(image.to(device_)).mean
                              : encoder_(image.to(device_, type_)).mean;
  return mean.to(type_);
}

at::Tensor VideoDiffusion::Encode(const at::Tensor& frames,
                                  int64_t chunk) const {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> latents;
  for (const at::Tensor& part : frames.split(chunk)) {
    latents.push_back(
        encoder_((2 * part - 1).to(device_, type_)).mean.to(at::kFloat));
  }
  return config_.scaling_factor * at::cat(latents);
}

at::Tensor VideoDiffusion::Step(const at::Tensor& x, int i, const Seen& seen,
                                const VideoSampling& sampling) {
  const at::NoGradGuard no_grad;
  TORCH_CHECK(unet_ != nullptr, "the denoising network is forgotten");
  const EulerScheduler schedule = Schedule(sampling);
  const int64_t frames = x.size(1);
  const at::TensorOptions numbers =
      at::TensorOptions(at::kFloat).device(device_);
  const at::Tensor input = (schedule.InputScale(i) * x).to(device_, type_);
  const at::Tensor picture =
      seen.latents.unsqueeze(1).expand(input.sizes()).to(type_);
  const at::Tensor context = seen.embedding.to(device_, type_).unsqueeze(1);
  // As the network knows them: in its own type.
  const at::Tensor ids = at::tensor({sampling.fps - 1, sampling.motion_bucket,
                                     sampling.noise_augmentation})
                             .to(device_, type_)
                             .to(at::kFloat)
                             .unsqueeze(0);
  // Halves that look at each other have other results one by one.
  const bool mixed = sampling.time_context == "mixed";
  // `halves`: 1 where it sees the picture, 0 where it sees nothing.
  const auto predict = [&](const std::vector<int>& halves) {
    std::vector<at::Tensor> xs, contexts;
    for (const int sees : halves) {
      xs.push_back(
          at::cat({input, sees != 0 ? picture : at::zeros_like(picture)}, 2));
      contexts.push_back(sees != 0 ? context : at::zeros_like(context));
    }
    const auto count = static_cast<int64_t>(halves.size());
    return (*unet_)(
               {.x = at::cat(xs),
                .timesteps = at::full({count}, schedule.Timestep(i), numbers),
                .context = at::cat(contexts),
                .added_ids = ids.expand({count, 3}),
                .interleave_time_context = mixed})
        .to(at::kFloat);
  };
  at::Tensor output;
  if (sampling.max_guidance <= 1) {
    output = predict({1});
  } else {
    const at::Tensor scales =
        at::linspace(sampling.min_guidance, sampling.max_guidance, frames,
                     numbers)
            .view({1, frames, 1, 1, 1});
    std::vector<at::Tensor> halves;
    if (sampling.batched_guidance && (mixed || !one_half_at_a_time_)) {
      try {
        halves = predict({0, 1}).chunk(2);
      } catch (const std::exception& error) {
        if (!IsOutOfMemory(error) || mixed) throw;
        one_half_at_a_time_ = true;
      }
    }
    if (halves.empty()) halves = {predict({0}), predict({1})};
    output = halves[0] + scales * (halves[1] - halves[0]);
  }
  const Blend blend = schedule.Step(i);
  return blend.sample * x.to(device_, at::kFloat) + blend.output * output;
}

std::vector<std::string> VideoDiffusion::TakeWarnings() {
  if (!one_half_at_a_time_ || std::exchange(warned_, true)) return {};
  return {
      "memory did not suffice for batched_guidance; the step was done again, "
      "and the run goes on, without it"};
}

at::Tensor VideoDiffusion::Decode(const at::Tensor& latents,
                                  int64_t chunk) const {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> frames;
  for (const at::Tensor& part :
       (latents / config_.scaling_factor).to(device_, type_).split(chunk)) {
    frames.push_back(decoder_(part, part.size(0)).to(at::kFloat));
  }
  return at::cat(frames) / 2 + 0.5;
}

}  // namespace dg4d::diffusion
