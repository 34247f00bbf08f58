#include "dg4d/training/view_distillation.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dg4d/base/random.h"
#include "dg4d/base/status.h"
#include "dg4d/diffusion/load_network.h"
#include "dg4d/diffusion/score_distillation.h"
#include "dg4d/diffusion/zero123.h"

namespace dg4d {
namespace {

using diffusion::DdimScheduler;

constexpr int64_t kPixelsPerLatent = 8;

}  // namespace

absl::Status ViewDistillationOptions::Validate() const {
  if (!(0 <= first_time && first_time <= last_time && last_time < 1)) {
    return absl::InvalidArgumentError(
        "first_time and last_time must satisfy 0 <= first_time <= "
        "last_time < 1");
  }
  for (const double fraction : {first_start_fraction, last_start_fraction}) {
    if (!(fraction >= 0 && fraction < 1)) {
      return absl::InvalidArgumentError(
          "first_start_fraction and last_start_fraction must be at least 0 "
          "and below 1");
    }
  }
  if (refine_steps < 1 || refine_steps > 1000) {
    return absl::InvalidArgumentError("refine_steps must be from 1 to 1000");
  }
  if (image_size < 64 || image_size % 64 != 0) {
    return absl::InvalidArgumentError("image_size must be a multiple of 64");
  }
  if (micro_batch < 0) {
    return absl::InvalidArgumentError("micro_batch must not be negative");
  }
  return absl::OkStatus();
}

// On at::kMeta it reads headers and configurations alone.
absl::StatusOr<std::unique_ptr<diffusion::ViewDenoiser>>
ViewDistillation::LoadZero123(const RunContext& context,
                              at::Device device) const {
  DG4D_ASSIGN_OR_RETURN(const std::string folder,
                        context.FindWeights(options_.path));
  const at::ScalarType type =
      diffusion::TypeOf(options_.precision, context.device());
  DG4D_ASSIGN_OR_RETURN(
      std::unique_ptr<diffusion::ViewDenoiser> model,
      diffusion::Zero123::Load(
          folder, {.variant = options_.variant,
                   .type = type,
                   .device = device,
                   .vae_type = options_.vae_precision == "auto"
                                   ? type
                                   : diffusion::TypeOf(options_.vae_precision,
                                                       context.device()),
                   .decodes = refines()}));
  if (model->shrinking() != kPixelsPerLatent) {
    return absl::InvalidArgumentError(
        absl::StrCat(folder, "/vae shrinks by ", model->shrinking(),
                     " where Zero123's shrinks by ", kPixelsPerLatent));
  }
  return model;
}

absl::Status ViewDistillation::CheckReady(const RunContext& context) const {
  return LoadZero123(context, at::kMeta).status();
}

absl::StatusOr<std::unique_ptr<diffusion::ViewDenoiser>>
ViewDistillation::LoadDenoiser(RunContext& context) const {
  return LoadZero123(context, context.device());
}

absl::Status ViewDistillation::Prepare(const Scene& scene,
                                       RunContext& context) {
  DG4D_ASSIGN_OR_RETURN(const at::Tensor pictures, Pictures(scene));
  DG4D_ASSIGN_OR_RETURN(model_, LoadDenoiser(context));
  if (options_.micro_batch == 0 && context.device().is_cpu()) {
    micro_batches_ = MicroBatches("micro_batch", kFew);
  }
  const int64_t count = pictures.size(0);
  std::optional<at::Tensor> noise;
  if (options_.condition_latents == "sample") {
    at::Generator generator =
        MakeGenerator(context.settings().seed, "zero123 condition");
    noise = Normal(LatentShape(count), generator);
  }
  std::vector<at::Tensor> embeddings, latents;
  MicroBatches few("micro_batch",
                   options_.micro_batch > 0 ? options_.micro_batch : kFew);
  few.ForEach(count, [&](int64_t begin, int64_t end) {
    const auto seen = model_->See(
        pictures.slice(0, begin, end), options_.image_size,
        noise ? std::optional(noise->slice(0, begin, end)) : std::nullopt);
    embeddings.push_back(seen.embeddings);
    latents.push_back(seen.latents);
  });
  for (const std::string& warning : few.TakeWarnings()) context.Warn(warning);
  seen_ = {.embeddings = at::cat(embeddings), .latents = at::cat(latents)};
  model_->ForgetImageEncoder();
  return absl::OkStatus();
}

Draws ViewDistillation::Draw(const Views& views, double progress,
                             at::Generator& generator) const {
  Draws draws;
  if (refines()) {
    const double fraction = options_.first_start_fraction +
                            progress * (options_.last_start_fraction -
                                        options_.first_start_fraction);
    const auto first = static_cast<int64_t>(options_.refine_steps * fraction);
    draws["first_step"] = at::tensor(first, at::kLong);
  } else {
    const int steps = model_->scheduler().config().train_steps;
    const int64_t t =
        options_.times == "annealed"
            ? diffusion::AnnealedTimestep(progress, options_.first_time,
                                          options_.last_time, steps)
            : UniformInteger(
                  static_cast<int64_t>(steps * options_.first_time),
                  static_cast<int64_t>(steps * options_.last_time) + 1,
                  generator);
    draws["timestep"] = at::tensor(t, at::kLong);
  }
  draws["latent_noise"] = Normal(LatentShape(views.size()), generator);
  draws["noise"] = Normal(LatentShape(views.size()), generator);
  return draws;
}

at::Tensor ViewDistillation::Loss(const Views& views, const Draws& draws) {
  if (refines()) return at::mse_loss(views.rgb, Repaint(views, draws));
  const auto t = static_cast<int>(draws.at("timestep").item<int64_t>());
  const at::Tensor images = views.rgb.detach();
  std::vector<at::Tensor> gradients;
  at::Tensor value = at::zeros({}, images.options());
  micro_batches_.ForEach(views.size(), [&](int64_t begin, int64_t end) {
    const Distilled part =
        Distil(images.slice(0, begin, end), Rows(views, begin, end),
               Cameras(views, begin, end), t,
               draws.at("latent_noise").slice(0, begin, end),
               draws.at("noise").slice(0, begin, end));
    value = value + part.value / views.size();
    gradients.push_back(part.gradients / views.size());
  });
  return diffusion::LossFromGradient(value, views.rgb, at::cat(gradients));
}

absl::StatusOr<at::Tensor> ViewDistillation::Refine(const Views& views,
                                                    const Draws& draws) {
  if (!refines()) return Guidance::Refine(views, draws);
  return Repaint(views, draws);
}

std::vector<int64_t> ViewDistillation::LatentShape(int64_t count) const {
  const int64_t side = options_.image_size / kPixelsPerLatent;
  return {count, model_->latent_channels(), side, side};
}

// The pictures that views are views of, over white: [N, 3, H, W].
absl::StatusOr<at::Tensor> ViewDistillation::Pictures(
    const Scene& scene) const {
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
diffusion::ViewDenoiser::Seen ViewDistillation::Rows(const Views& views,
                                                     int64_t begin,
                                                     int64_t end) const {
  const int64_t last = seen_.latents.size(0) - 1;
  std::vector<int64_t> rows;
  for (int64_t i = begin; i < end; ++i) {
    rows.push_back(std::clamp<int64_t>(std::llround(views.frames[i]), 0, last));
  }
  const at::Tensor index =
      at::tensor(rows, at::kLong).to(seen_.latents.device());
  return {.embeddings = seen_.embeddings.index_select(0, index),
          .latents = seen_.latents.index_select(0, index)};
}

at::Tensor ViewDistillation::Cameras(const Views& views, int64_t begin,
                                     int64_t end) const {
  const Orbit from = OrbitOf(views.reference_camera);
  std::vector<float> numbers;
  for (int64_t i = begin; i < end; ++i) {
    for (const double number : CameraNumbers(from, OrbitOf(views.cameras[i]))) {
      numbers.push_back(static_cast<float>(number));
    }
  }
  return at::tensor(numbers, at::kFloat).view({end - begin, 4});
}

ViewDistillation::Distilled ViewDistillation::Distil(
    const at::Tensor& images, const diffusion::ViewDenoiser::Seen& seen,
    const at::Tensor& cameras, int t, const at::Tensor& latent_noise,
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
      model_->Denoise(noisy, t, seen, cameras, options_.guidance_scale), noisy,
      fresh, t, scheduler);
  latents.backward(gradient.to(latents.scalar_type()));
  return {.value = gradient.square().sum() / 2, .gradients = leaf.grad()};
}

at::Tensor ViewDistillation::Repaint(const Views& views, const Draws& draws) {
  const at::NoGradGuard no_grad;
  const auto first = static_cast<int>(draws.at("first_step").item<int64_t>());
  std::vector<at::Tensor> images;
  micro_batches_.ForEach(views.size(), [&](int64_t begin, int64_t end) {
    const at::Tensor clean =
        model_
            ->Encode(diffusion::ResizeForDiffusion(
                         views.rgb.detach().slice(0, begin, end),
                         options_.image_size),
                     draws.at("latent_noise").slice(0, begin, end))
            .to(at::kFloat);
    const at::Tensor latents = model_->Resample(
        clean, draws.at("noise").slice(0, begin, end).to(clean.options()),
        {.first = first,
         .steps = options_.refine_steps,
         .guidance_scale = options_.guidance_scale},
        Rows(views, begin, end), Cameras(views, begin, end));
    images.push_back(model_->Decode(latents).clamp(0, 1));
  });
  const int64_t height = views.rgb.size(2), width = views.rgb.size(3);
  const at::Tensor all = at::cat(images);
  return all.size(2) == height && all.size(3) == width
             ? all
             : diffusion::ResizeForDiffusion(all, height, width);
}

}  // namespace dg4d
