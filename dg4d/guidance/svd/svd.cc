#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/mse_loss.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/base/random.h"
#include "dg4d/base/status.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/run_context.h"
#include "dg4d/diffusion/load_network.h"
#include "dg4d/diffusion/video_diffusion.h"
#include "dg4d/diffusion/zero123.h"
#include "dg4d/training/micro_batches.h"

namespace dg4d::svd {

using diffusion::EulerScheduler;
using diffusion::VideoDiffusion;
using diffusion::VideoSampling;

constexpr int64_t kPixelsPerLatent = 8;

// Makes a rendered clip look like a video of the object in the picture, as
// Stable Video Diffusion repaints it: noise is added to the clip's latents and
// taken away again (SDEdit, Meng et al. 2022). The loss is the mean squared
// difference from that, as in DreamGaussian4D's texture stage.
class Svd final : public Guidance {
 public:
  struct Options {
    std::string path = "stable-video-diffusion-img2vid";
    std::string variant;
    std::string precision = "auto";
    int image_size = 512;
    double start_fraction = 0.7;
    VideoSampling sampling;
    std::string condition = "reference";
    bool clamp = true;
    int encode_chunk = 4;
    int decode_chunk = 1;

    template <typename V>
    void Visit(V& v) {
      v("path", path,
        "Folder of weights in the diffusers layout: a path, or the name of a "
        "folder below --weights.");
      v("variant", variant,
        "Which of several weight files: fp16 for NAME.fp16.safetensors.");
      v("precision", precision, {"auto", "float32", "float16", "bfloat16"},
        "What the networks compute in; auto: float16 on a GPU, float32 on the "
        "CPU.");
      v("image_size", image_size, "Pixels that frames are resized to.");
      v("start_fraction", start_fraction,
        "Share of the sampler's steps that is skipped: what is left repaints "
        "the clip, the more the less this is. DreamGaussian4D calls it "
        "strength.");
      sampling.Visit(v);
      v("condition", condition, {"reference", "first_frame"},
        "What the clip is to show: the reference picture, from wherever it is "
        "seen, as DreamGaussian4D has it, or the clip's own first frame.");
      v("clamp", clamp,
        "Whether repainted colours are kept within [0, 1]; the original's are "
        "not.");
      v("encode_chunk", encode_chunk,
        "Frames that are encoded at once, to save memory; results stay the "
        "same but for rounding.");
      v("decode_chunk", decode_chunk,
        "Frames that are decoded at once. The decoder mixes them, so that this "
        "changes results; 0: all.");
    }

    absl::Status Validate() const {
      if (!(start_fraction >= 0 && start_fraction < 1)) {
        return absl::InvalidArgumentError(
            "start_fraction must be at least 0 and below 1");
      }
      if (image_size < 64 || image_size % 64 != 0) {
        return absl::InvalidArgumentError(
            "image_size must be a multiple of 64");
      }
      if (encode_chunk < 1 || decode_chunk < 0) {
        return absl::InvalidArgumentError(
            "encode_chunk must be at least 1 and decode_chunk not negative");
      }
      return sampling.Validate();
    }
  };

  explicit Svd(Options options)
      : options_(std::move(options)),
        encode_chunks_("encode_chunk", options_.encode_chunk) {}

  absl::Status CheckReady(const RunContext& context) const override {
    return Load(context, at::kMeta).status();
  }

  absl::Status Prepare(const Scene& scene, RunContext& context) override {
    if (scene.reference.empty() && scene.video.frames.empty()) {
      return absl::FailedPreconditionError(
          "there is neither a reference picture nor a video");
    }
    DG4D_ASSIGN_OR_RETURN(model_, Load(context, context.device()));
    picture_ = Composite(scene.reference.empty() ? scene.video.frames.front()
                                                 : scene.reference)
                   .unsqueeze(0);
    if (options_.condition == "reference") {
      embedding_ = model_->Embed(picture_);
      model_->ForgetImageEncoder();
    }
    return absl::OkStatus();
  }

  ViewPattern Pattern() const override { return ViewPattern::kClips; }

  Draws Draw(const Views& views, double /*progress*/,
             at::Generator& generator) const override {
    const int64_t size = options_.image_size, side = size / kPixelsPerLatent;
    const int64_t frames = views.frames_per_clip;
    const int64_t clips = views.size() / frames;
    return {
        {"picture_noise", Normal({clips, 3, size, size}, generator)},
        {"noise", Normal({clips, frames, model_->latent_channels(), side, side},
                         generator)}};
  }

  at::Tensor Loss(const Views& views, const Draws& draws) override {
    return at::mse_loss(views.rgb, Repaint(views, draws));
  }

  absl::StatusOr<at::Tensor> Refine(const Views& views,
                                    const Draws& draws) override {
    return Repaint(views, draws);
  }

  std::vector<std::string> TakeWarnings() override {
    std::vector<std::string> all = encode_chunks_.TakeWarnings();
    for (std::string& warning : model_->TakeWarnings()) {
      all.push_back(std::move(warning));
    }
    return all;
  }

 private:
  // On at::kMeta it reads headers and configurations alone.
  absl::StatusOr<std::unique_ptr<VideoDiffusion>> Load(
      const RunContext& context, at::Device device) const {
    DG4D_ASSIGN_OR_RETURN(const std::string folder,
                          context.FindWeights(options_.path));
    DG4D_ASSIGN_OR_RETURN(
        std::unique_ptr<VideoDiffusion> model,
        VideoDiffusion::Load(folder, {.variant = options_.variant,
                                      .type = diffusion::TypeOf(
                                          options_.precision, context.device()),
                                      .device = device}));
    if (model->shrinking() != kPixelsPerLatent) {
      return absl::InvalidArgumentError(absl::StrCat(
          folder, "/vae shrinks by ", model->shrinking(),
          " where Stable Video Diffusion's shrinks by ", kPixelsPerLatent));
    }
    return model;
  }

  // [B, 3, H, W], clip by clip.
  at::Tensor Repaint(const Views& views, const Draws& draws) {
    const at::NoGradGuard no_grad;
    const int64_t frames = views.frames_per_clip;
    std::vector<at::Tensor> clips;
    for (int64_t clip = 0; clip < views.size() / frames; ++clip) {
      const at::Tensor images =
          views.rgb.detach().slice(0, clip * frames, (clip + 1) * frames);
      clips.push_back(RepaintClip(images, draws.at("picture_noise")[clip],
                                  draws.at("noise")[clip]));
    }
    const at::Tensor all = diffusion::ResizeForDiffusion(
        at::cat(clips), views.rgb.size(2), views.rgb.size(3));
    return (options_.clamp ? all.clamp(0, 1) : all)
        .to(views.rgb.device(), views.rgb.scalar_type());
  }

  // Images [F, 3, H, W] -> [F, 3, image_size, image_size].
  at::Tensor RepaintClip(const at::Tensor& images,
                         const at::Tensor& picture_noise,
                         const at::Tensor& noise) {
    const VideoSampling& sampling = options_.sampling;
    const bool own = options_.condition == "first_frame";
    const at::Tensor picture = own ? images.slice(0, 0, 1) : picture_;
    const VideoDiffusion::Seen seen = {
        .embedding = own ? model_->Embed(picture) : embedding_,
        .latents =
            model_->Latents(picture, picture_noise.unsqueeze(0), sampling)};
    const at::Tensor resized =
        diffusion::ResizeForDiffusion(images, options_.image_size);
    std::vector<at::Tensor> latents;
    encode_chunks_.ForEach(resized.size(0), [&](int64_t begin, int64_t end) {
      latents.push_back(
          model_->Encode(resized.slice(0, begin, end), end - begin));
    });
    const at::Tensor clean = at::cat(latents);
    const EulerScheduler schedule = model_->Schedule(sampling);
    const auto first =
        static_cast<int>(sampling.steps * options_.start_fraction);
    const diffusion::Blend blend = schedule.AddNoise(first);
    at::Tensor x =
        (blend.sample * clean + blend.noise * noise.to(clean.device()))
            .unsqueeze(0);
    for (int i = first; i < sampling.steps; ++i) {
      x = model_->Step(x, i, seen, sampling);
    }
    return model_->Decode(
        x[0], options_.decode_chunk > 0 ? options_.decode_chunk : x.size(1));
  }

  Options options_;
  MicroBatches encode_chunks_;
  std::unique_ptr<VideoDiffusion> model_;
  at::Tensor picture_;    // [1, 3, H, W], over white
  at::Tensor embedding_;  // of it
};

DG4D_REGISTER(Guidance, Svd, "svd",
              "Refines clips as Stable Video Diffusion repaints them.");

}  // namespace dg4d::svd
