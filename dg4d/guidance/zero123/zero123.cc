#include "dg4d/diffusion/zero123.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/base/random.h"
#include "dg4d/base/status.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/run_context.h"
#include "dg4d/diffusion/score_distillation.h"

namespace dg4d::zero123 {

using diffusion::DdimScheduler;

constexpr int64_t kPixelsPerLatent = 8;

// Score distillation from Zero-1-to-3: makes renderings look like other views
// of the object in the picture. The loss is
//
//   1 / (2 B) sum |z - stop(z - w (noise_hat - noise))|^2
//
// over the latents z of B views, as in DreamGaussian: its sum over latents,
// divided by the number of views.
class Zero123 final : public Guidance {
 public:
  struct Options {
    std::string path;
    std::string variant;
    std::string precision = "auto";
    int image_size = 256;
    double guidance_scale = 5;
    std::string times = "annealed";
    double first_time = 0.02;
    double last_time = 0.98;
    std::string condition = "frames";
    std::string condition_latents = "mean";
    int micro_batch = 8;

    template <typename V>
    void Visit(V& v) {
      v("path", path,
        "Folder of Zero123 weights in the diffusers layout, as "
        "zero123-xl-diffusers.");
      v("variant", variant,
        "Which of several weight files: fp16 for NAME.fp16.safetensors.");
      v("precision", precision, {"auto", "float32", "float16", "bfloat16"},
        "What the networks compute in; auto: float16 on a GPU, float32 on the "
        "CPU.");
      v("image_size", image_size,
        "Pixels that views are resized to; 256 is what the published weights "
        "were trained at.");
      v("guidance_scale", guidance_scale,
        "Classifier-free guidance: 1 is none, more exaggerates the picture.");
      v("times", times, {"annealed", "random"},
        "Noise from much to little as the stage goes on, or any at any time.");
      v("first_time", first_time, "Least noise, as a share of the schedule.");
      v("last_time", last_time, "Most noise, as a share of the schedule.");
      v("condition", condition, {"frames", "reference"},
        "What views are views of: the video's frame of their time, or always "
        "the reference picture.");
      v("condition_latents", condition_latents, {"mean", "sample"},
        "How the network sees these: the mean of their latents' distribution, "
        "or, as DreamGaussian, a sample of it.");
      v("micro_batch", micro_batch,
        "Views that go through the networks at once. Fewer need less memory; "
        "results stay the same but for rounding.");
    }

    absl::Status Validate() const {
      if (!(0 <= first_time && first_time <= last_time && last_time < 1)) {
        return absl::InvalidArgumentError(
            "first_time and last_time must satisfy 0 <= first_time <= "
            "last_time < 1");
      }
      if (image_size < 64 || image_size % 64 != 0) {
        return absl::InvalidArgumentError(
            "image_size must be a multiple of 64");
      }
      if (micro_batch < 1) {
        return absl::InvalidArgumentError("micro_batch must be at least 1");
      }
      return absl::OkStatus();
    }
  };

  explicit Zero123(Options options) : options_(std::move(options)) {}

  absl::Status Prepare(const Scene& scene, RunContext& context) override {
    if (options_.path.empty()) {
      return absl::InvalidArgumentError(
          "set its option 'path' to a folder of Zero123 weights in the "
          "diffusers layout; 'dg4d doctor --weights=FOLDER' says what a folder "
          "holds");
    }
    DG4D_ASSIGN_OR_RETURN(const at::Tensor pictures, Pictures(scene));
    DG4D_ASSIGN_OR_RETURN(
        model_,
        diffusion::Zero123::Load(options_.path, {.variant = options_.variant,
                                                 .type = Type(context.device()),
                                                 .device = context.device()}));
    if (model_->shrinking() != kPixelsPerLatent) {
      return absl::InvalidArgumentError(
          absl::StrCat(options_.path, "/vae shrinks by ", model_->shrinking(),
                       " where Zero123's shrinks by ", kPixelsPerLatent));
    }
    const int64_t count = pictures.size(0);
    std::optional<at::Tensor> noise;
    if (options_.condition_latents == "sample") {
      at::Generator generator =
          MakeGenerator(context.settings().seed, "zero123 condition");
      noise = Normal(LatentShape(count), generator);
    }
    std::vector<at::Tensor> embeddings, latents;
    for (int64_t i = 0; i < count; i += options_.micro_batch) {
      const int64_t end = std::min<int64_t>(count, i + options_.micro_batch);
      const auto seen = model_->See(
          pictures.slice(0, i, end), options_.image_size,
          noise ? std::optional(noise->slice(0, i, end)) : std::nullopt);
      embeddings.push_back(seen.embeddings);
      latents.push_back(seen.latents);
    }
    seen_ = {.embeddings = at::cat(embeddings), .latents = at::cat(latents)};
    model_->ForgetImageEncoder();
    return absl::OkStatus();
  }

  Draws Draw(const Views& views, double progress,
             at::Generator& generator) const override {
    const int steps = model_->scheduler().config().train_steps;
    const int t =
        options_.times == "annealed"
            ? diffusion::AnnealedTimestep(progress, options_.first_time,
                                          options_.last_time, steps)
            : static_cast<int>(UniformInteger(
                  static_cast<int64_t>(steps * options_.first_time),
                  static_cast<int64_t>(steps * options_.last_time) + 1,
                  generator));
    return {{"timestep", at::tensor(t, at::kLong)},
            {"latent_noise", Normal(LatentShape(views.size()), generator)},
            {"noise", Normal(LatentShape(views.size()), generator)}};
  }

  at::Tensor Loss(const Views& views, const Draws& draws) override {
    const auto t = static_cast<int>(draws.at("timestep").item<int64_t>());
    const at::Tensor images = views.rgb.detach();
    std::vector<at::Tensor> gradients;
    at::Tensor value = at::zeros({}, images.options());
    for (int64_t i = 0; i < views.size(); i += options_.micro_batch) {
      const int64_t end =
          std::min<int64_t>(views.size(), i + options_.micro_batch);
      const Distilled part = Distil(
          images.slice(0, i, end), Rows(views, i, end), Cameras(views, i, end),
          t, draws.at("latent_noise").slice(0, i, end),
          draws.at("noise").slice(0, i, end));
      value = value + part.value / views.size();
      gradients.push_back(part.gradients / views.size());
    }
    return diffusion::LossFromGradient(value, views.rgb, at::cat(gradients));
  }

 private:
  struct Distilled {
    at::Tensor value;      // of the loss, summed over views
    at::Tensor gradients;  // its derivatives by the images
  };

  std::vector<int64_t> LatentShape(int64_t count) const {
    const int64_t side = options_.image_size / kPixelsPerLatent;
    return {count, model_->latent_channels(), side, side};
  }

  at::ScalarType Type(const at::Device& device) const {
    if (options_.precision == "float16") return at::kHalf;
    if (options_.precision == "bfloat16") return at::kBFloat16;
    if (options_.precision == "float32") return at::kFloat;
    return device.is_cuda() ? at::kHalf : at::kFloat;
  }

  // The pictures that views are views of, over white: [N, 3, H, W].
  absl::StatusOr<at::Tensor> Pictures(const Scene& scene) const {
    std::vector<at::Tensor> pictures;
    if (options_.condition == "frames") {
      for (const Image& frame : scene.video.frames) {
        pictures.push_back(Composite(frame));
      }
    }
    if (pictures.empty()) {
      if (scene.reference.empty()) {
        return absl::FailedPreconditionError(
            "there is neither a video nor a reference picture");
      }
      pictures.push_back(Composite(scene.reference));
    }
    if (pictures.front().size(1) != pictures.front().size(2)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "its pictures must be square, not ", pictures.front().size(2), "x",
          pictures.front().size(1), "; stage preprocess makes them so"));
    }
    return at::stack(pictures);
  }

  // What the views [begin, end) are conditioned on: the nearest frame.
  diffusion::Zero123::Seen Rows(const Views& views, int64_t begin,
                                int64_t end) const {
    const int64_t last = seen_.latents.size(0) - 1;
    std::vector<int64_t> rows;
    for (int64_t i = begin; i < end; ++i) {
      rows.push_back(
          std::clamp<int64_t>(std::llround(views.frames[i]), 0, last));
    }
    const at::Tensor index =
        at::tensor(rows, at::kLong).to(seen_.latents.device());
    return {.embeddings = seen_.embeddings.index_select(0, index),
            .latents = seen_.latents.index_select(0, index)};
  }

  // How the cameras moved from the reference camera, as Zero-1-to-3 was told in
  // training: elevation in radians (positive is downward), sine and cosine of
  // the azimuth, radius.
  at::Tensor Cameras(const Views& views, int64_t begin, int64_t end) const {
    constexpr double kRadians = std::numbers::pi / 180;
    const Orbit from = OrbitOf(views.reference_camera);
    std::vector<float> numbers;
    for (int64_t i = begin; i < end; ++i) {
      const Orbit to = OrbitOf(views.cameras[i]);
      const double azimuth =
          (to.azimuth_degrees - from.azimuth_degrees) * kRadians;
      for (const double number :
           {(to.elevation_degrees - from.elevation_degrees) * kRadians,
            std::sin(azimuth), std::cos(azimuth), to.radius - from.radius}) {
        numbers.push_back(static_cast<float>(number));
      }
    }
    return at::tensor(numbers, at::kFloat).view({end - begin, 4});
  }

  Distilled Distil(const at::Tensor& images,
                   const diffusion::Zero123::Seen& seen,
                   const at::Tensor& cameras, int t,
                   const at::Tensor& latent_noise,
                   const at::Tensor& noise) const {
    const DdimScheduler& scheduler = model_->scheduler();
    const at::AutoGradMode with_gradient(true);
    const at::Tensor leaf = images.clone().requires_grad_();
    const at::Tensor latents = model_->Encode(
        diffusion::ResizeForDiffusion(leaf, options_.image_size), latent_noise);
    const at::Tensor clean = latents.detach().to(at::kFloat);
    const at::Tensor fresh = noise.to(clean.options());
    const at::Tensor noisy = diffusion::AddNoise(clean, fresh, t, scheduler);
    const at::Tensor gradient = diffusion::DistillationGradient(
        model_->Denoise(noisy, t, seen, cameras, options_.guidance_scale),
        noisy, fresh, t, scheduler);
    latents.backward(gradient.to(latents.scalar_type()));
    return {.value = gradient.square().sum() / 2, .gradients = leaf.grad()};
  }

  Options options_;
  std::unique_ptr<diffusion::Zero123> model_;
  diffusion::Zero123::Seen seen_;
};

DG4D_REGISTER(Guidance, Zero123, "zero123",
              "Score distillation from Zero-1-to-3: other views of the object "
              "in the picture.");

}  // namespace dg4d::zero123
