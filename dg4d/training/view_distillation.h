#ifndef DG4D_TRAINING_VIEW_DISTILLATION_H_
#define DG4D_TRAINING_VIEW_DISTILLATION_H_

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/run_context.h"
#include "dg4d/diffusion/view_denoiser.h"
#include "dg4d/scene/camera.h"
#include "dg4d/training/micro_batches.h"

namespace dg4d {

// Options of the guidances by networks that see an object from one camera and
// are asked for it from another.
struct ViewDistillationOptions {
  std::string path;
  std::string variant;
  std::string precision = "auto";
  std::string vae_precision = "auto";
  int image_size = 256;
  double guidance_scale = 5;
  std::string objective = "score";
  std::string times = "annealed";
  double first_time = 0.02;
  double last_time = 0.98;
  int refine_steps = 50;
  double first_start_fraction = 0.5;
  double last_start_fraction = 0.95;
  std::string condition = "frames";
  std::string condition_latents = "mean";
  int micro_batch = 0;

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
    v("vae_precision", vae_precision,
      {"auto", "float32", "float16", "bfloat16"},
      "The same for the autoencoder, which gradients flow through; auto: as "
      "precision.");
    v("image_size", image_size,
      "Pixels that views are resized to; 256 is what the published weights "
      "were trained at.");
    v("guidance_scale", guidance_scale,
      "Classifier-free guidance: 1 is none, more exaggerates the picture.");
    v("objective", objective, {"score", "refinement"},
      "Score distillation, or the mean squared difference from the views as "
      "the network repaints them.");
    v("times", times, {"annealed", "random"},
      "Noise from much to little as the stage goes on, or any at any time.");
    v("first_time", first_time, "Least noise, as a share of the schedule.");
    v("last_time", last_time, "Most noise, as a share of the schedule.");
    v("refine_steps", refine_steps,
      "For objective: refinement: steps of the sampler, of which ...");
    v("first_start_fraction", first_start_fraction,
      "... this share is skipped when the stage begins, so that what is left "
      "repaints the more the less this is ...");
    v("last_start_fraction", last_start_fraction, "... and this when it ends.");
    v("condition", condition, {"frames", "reference"},
      "What views are views of: the video's frame of their time, or always "
      "the reference picture.");
    v("condition_latents", condition_latents, {"mean", "sample"},
      "How the network sees these: the mean of their latents' distribution, "
      "or, as DreamGaussian, a sample of it.");
    v("micro_batch", micro_batch,
      "Views that go through the networks at once; 0: all of a step on a GPU, "
      "8 on a CPU. Fewer need less memory, and are taken where memory runs "
      "out; "
      "results stay the same but for rounding.");
  }

  absl::Status Validate() const;
};

// What guidances zero123 and stable_zero123 have in common: everything but the
// four numbers that their networks know a camera by. Makes renderings look like
// other views of the object in the picture (or in the video's frame of their
// time). The loss is
//
//   1 / (2 B) sum |z - stop(z - w (noise_hat - noise))|^2
//
// over the latents z of B views, as in DreamGaussian: its sum over latents,
// divided by the number of views. With objective: refinement it is the mean
// squared difference from the views as Refine repaints them.
class ViewDistillation : public Guidance {
 public:
  // Also that the folder's networks can be loaded, by their files' headers.
  absl::Status CheckReady(const RunContext& context) const override;
  absl::Status Prepare(const Scene& scene, RunContext& context) override;
  Draws Draw(const Views& views, double progress,
             at::Generator& generator) const override;
  at::Tensor Loss(const Views& views, const Draws& draws) override;

  // With objective: refinement alone: noise is added to the views' latents and
  // taken away again (SDEdit, Meng et al. 2022) by DDIM.
  absl::StatusOr<at::Tensor> Refine(const Views& views,
                                    const Draws& draws) override;

  std::vector<std::string> TakeWarnings() override {
    return micro_batches_.TakeWarnings();
  }

 protected:
  explicit ViewDistillation(ViewDistillationOptions options)
      : options_(std::move(options)),
        micro_batches_("micro_batch", options_.micro_batch) {}

  const ViewDistillationOptions& options() const { return options_; }

  // What judges the views: by default Zero123's networks, from options().path.
  virtual absl::StatusOr<std::unique_ptr<diffusion::ViewDenoiser>> LoadDenoiser(
      RunContext& context) const;

 private:
  struct Distilled {
    at::Tensor value;      // of the loss, summed over views
    at::Tensor gradients;  // its derivatives by the images
  };

  // How the network was told in training that the camera went `from` ... `to`.
  virtual std::array<double, 4> CameraNumbers(const Orbit& from,
                                              const Orbit& to) const = 0;

  absl::StatusOr<std::unique_ptr<diffusion::ViewDenoiser>> LoadZero123(
      const RunContext& context, at::Device device) const;
  bool refines() const { return options_.objective == "refinement"; }
  std::vector<int64_t> LatentShape(int64_t count) const;
  absl::StatusOr<at::Tensor> Pictures(const Scene& scene) const;
  diffusion::ViewDenoiser::Seen Rows(const Views& views, int64_t begin,
                                     int64_t end) const;
  at::Tensor Cameras(const Views& views, int64_t begin, int64_t end) const;
  Distilled Distil(const at::Tensor& images,
                   const diffusion::ViewDenoiser::Seen& seen,
                   const at::Tensor& cameras, int t,
                   const at::Tensor& latent_noise,
                   const at::Tensor& noise) const;
  // [B, 3, H, W] in [0, 1].
  at::Tensor Repaint(const Views& views, const Draws& draws);

  // At once where there may be any number, as of a video's frames, and on CPUs,
  // where a program is not told that memory has run out but ended.
  static constexpr int kFew = 8;

  ViewDistillationOptions options_;
  MicroBatches micro_batches_;
  std::unique_ptr<diffusion::ViewDenoiser> model_;
  diffusion::ViewDenoiser::Seen seen_;
};

}  // namespace dg4d

#endif  // DG4D_TRAINING_VIEW_DISTILLATION_H_
