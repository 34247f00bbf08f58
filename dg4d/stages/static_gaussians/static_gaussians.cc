#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/base/status.h"
#include "dg4d/core/gaussian_views.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/renderer.h"
#include "dg4d/core/stage.h"
#include "dg4d/formats/ply_io.h"
#include "dg4d/stages/static_gaussians/initial_gaussians.h"
#include "dg4d/training/adam.h"
#include "dg4d/training/densify.h"
#include "dg4d/training/gaussian_parameters.h"
#include "dg4d/training/guidance_set.h"
#include "dg4d/training/optimisation.h"
#include "dg4d/training/repeated_step.h"
#include "dg4d/training/view_sampler.h"

namespace dg4d::static_gaussians {
namespace {

constexpr int kMaxShDegree = 3;

struct InitialOptions {
  std::string from = "guidance";
  std::string file;
  int64_t points = 5000;
  double ball_radius = 0.5;
  double opacity = 0.1;

  template <typename V>
  void Visit(V& v) {
    v("from", from, {"guidance", "random_ball", "file"},
      "Where the Gaussians start: on the surface that a guidance knows (a "
      "random ball if none does), in a random ball, or as in a file.");
    v("file", file, "A PLY file of Gaussians, for from: file.");
    v("points", points, "Gaussians of the random ball.");
    v("ball_radius", ball_radius, "Its radius in world units.");
    v("opacity", opacity, "Their opacity.");
  }
};

// What the picture itself says: the view from the reference camera.
struct ReferenceOptions {
  double rgb_weight = 10'000;
  double alpha_weight = 1000;
  int size = 256;
  bool ramp = true;

  template <typename V>
  void Visit(V& v) {
    v("rgb_weight", rgb_weight,
      "Weight of the mean squared colour difference from the reference.");
    v("alpha_weight", alpha_weight,
      "Weight of the mean squared difference of alpha.");
    v("size", size, "Side at which they are compared, in pixels.");
    v("ramp", ramp, "Whether the weights grow from 0 over the stage.");
  }
};

struct Options {
  int64_t iterations = 500;
  PluginSpec<GaussianRenderer> renderer = {"gaussian_splatting"};
  std::vector<WeightedPlugin<Guidance>> guidances;
  InitialOptions initial;
  int sh_degree = 0;
  ReferenceOptions reference;
  ViewOptions views;
  GaussianRates rates = {.means = {1e-2, 2e-4, 500}};
  DensifyOptions densify;
  double final_min_opacity = 0.01;
  double final_prune_above = 0.1;

  template <typename V>
  void Visit(V& v) {
    v("iterations", iterations, "Steps of optimisation.");
    v("renderer", renderer, "Draws the Gaussians.");
    v("guidances", guidances, "What says how views should change.");
    v("initial", initial, "Where the Gaussians start.");
    v("sh_degree", sh_degree,
      "Degree of the spherical harmonics that colour a Gaussian, 0 to 3.");
    v("reference", reference, "The view of the reference picture.");
    v("views", views, "The views that guidances judge.");
    rates.Visit(v);
    v("densify", densify, "How the number of Gaussians changes.");
    v("final_min_opacity", final_min_opacity,
      "Less opaque Gaussians are removed at the end.");
    v("final_prune_above", final_prune_above,
      "Gaussians with a larger standard deviation are removed at the end.");
  }
  absl::Status Validate() const;
};

absl::Status Options::Validate() const {
  if (iterations < 0) {
    return absl::InvalidArgumentError("iterations must not be negative");
  }
  if (sh_degree < 0 || sh_degree > kMaxShDegree) {
    return absl::InvalidArgumentError("sh_degree must be from 0 to 3");
  }
  if (initial.from == "file" && initial.file.empty()) {
    return absl::InvalidArgumentError("initial.file must name a PLY file");
  }
  if (initial.points < 1 || initial.ball_radius <= 0 || initial.opacity <= 0 ||
      initial.opacity >= 1) {
    return absl::InvalidArgumentError(
        "initial.points and initial.ball_radius must be positive, "
        "initial.opacity between 0 and 1");
  }
  if (reference.size < 1 || reference.rgb_weight < 0 ||
      reference.alpha_weight < 0) {
    return absl::InvalidArgumentError(
        "reference.size must be positive and its weights not negative");
  }
  DG4D_RETURN_IF_ERROR(Annotate(views.Validate(), "views"));
  return Annotate(densify.Validate(), "densify");
}

// The loss of the view that the reference camera has.
class ReferenceView {
 public:
  ReferenceView(const Scene& scene, const ReferenceOptions& options,
                c10::Device device)
      : options_(options) {
    const Image image = Resize(scene.reference, options.size, options.size);
    camera_ = scene.reference_camera.WithSize(options.size, options.size);
    rgb_ = Composite(image).unsqueeze(0).to(device);
    alpha_ = Alpha(image).unsqueeze(0).to(device);
    white_ = at::ones({1, 3}).to(device);
  }

  const Camera& camera() const { return camera_; }

  at::Tensor Loss(const GaussianRenderer& renderer, const Gaussians& gaussians,
                  const std::shared_ptr<GaussianViews>& recorded_views,
                  double ramp) const {
    GaussianBatch batch = BatchOf(gaussians, 1);
    batch.views = recorded_views;
    const GaussianRendering rendering =
        renderer.Render(batch, {camera_}, white_, {});
    return at::mse_loss(rendering.rgb, rgb_) * (options_.rgb_weight * ramp) +
           at::mse_loss(rendering.alpha, alpha_) *
               (options_.alpha_weight * ramp);
  }

 private:
  ReferenceOptions options_;
  Camera camera_;
  at::Tensor rgb_, alpha_, white_;
};

// The Gaussians while they are fitted.
class Fit final : public Optimisation {
 public:
  // `reference` is empty if there is no picture. The referred-to outlive it.
  Fit(const Gaussians& initial, const Options& options,
      const GaussianRenderer& renderer, const GuidanceSet& guidances,
      const std::optional<ReferenceView>& reference,
      const Camera& reference_camera, at::Generator& generator)
      : options_(options),
        renderer_(renderer),
        guidances_(guidances),
        reference_(reference),
        generator_(generator),
        sampler_(options.views, reference_camera),
        density_(options.densify, initial.size()),
        steps_(adam_, initial.means.device()) {
    AddGaussians(initial, options.rates, adam_);
  }

  absl::StatusOr<Metrics> Step(int64_t steps_done, double progress) override {
    std::vector<GuidedBatch> batches =
        guidances_.Plan(sampler_, {0.0}, progress, generator_);
    cameras_ = CamerasOf(batches);
    const RepeatedStep::Tensors losses = steps_.Run(
        InputsOf(steps_done, progress, batches), steps_done,
        [&](const RepeatedStep::Tensors& inputs,
            const RepeatedStep::AllViews& views) {
          return Descend(steps_done, progress, batches, inputs, views);
        });
    DG4D_ASSIGN_OR_RETURN(const bool changed,
                          density_.EndStep(steps_done + 1, generator_, adam_));
    if (changed) steps_.Forget();
    return Metrics{
        {"loss", SumOf(losses)},
        {"gaussians", static_cast<double>(GaussiansIn(adam_).size())}};
  }

  void VisitState(StateArchive& archive) override {
    adam_.VisitState(archive);
    density_.VisitState(archive);
  }

  void WriteTo(Scene& scene) const override {
    scene.gaussians = DetachedCopy(GaussiansIn(adam_));
  }

  const Adam& adam() const override { return adam_; }

  std::vector<Camera> Cameras() const override { return cameras_; }

  std::vector<std::string> TakeWarnings() override {
    return guidances_.TakeWarnings();
  }

 private:
  // What changes from step to step.
  RepeatedStep::Inputs InputsOf(int64_t steps_done, double progress,
                                const std::vector<GuidedBatch>& batches) const;

  // Leaves the gradients of the step after `steps_done`; returns its losses.
  RepeatedStep::Tensors Descend(int64_t steps_done, double progress,
                                std::vector<GuidedBatch>& batches,
                                const RepeatedStep::Tensors& inputs,
                                const RepeatedStep::AllViews& views);

  // Renders a batch of the step after `steps_done` over `background`, goes down
  // its guidances' loss, and notes how it pulls at the Gaussians on the screen.
  // `is_last` says that it is the step's last batch. Returns the loss.
  at::Tensor DescendGuided(int64_t steps_done, bool is_last,
                           const at::Tensor& background,
                           const std::shared_ptr<GaussianViews>& recorded_views,
                           GuidedBatch& batch);

  const Options& options_;
  const GaussianRenderer& renderer_;
  const GuidanceSet& guidances_;
  const std::optional<ReferenceView>& reference_;
  at::Generator& generator_;
  ViewSampler sampler_;
  Adam adam_;
  DensityControl density_;
  RepeatedStep steps_;
  std::vector<Camera> cameras_;  // of the guided views of the last step
};

RepeatedStep::Inputs Fit::InputsOf(
    int64_t steps_done, double progress,
    const std::vector<GuidedBatch>& batches) const {
  RepeatedStep::Inputs inputs;
  if (reference_.has_value()) {
    inputs.rendered.push_back({{reference_->camera()}, {0}, 1});
  }
  const bool recorded = guidances_.CanBeRecorded();
  // The weight of the reference would be another in each step.
  const bool ramps =
      reference_.has_value() && options_.reference.ramp && progress < 1;
  if (recorded && !ramps) {
    inputs.shape = density_.Counts(steps_done) ? "counts" : "step";
  }
  for (const GuidedBatch& batch : batches) {
    if (!inputs.shape.empty()) absl::StrAppend(&inputs.shape, " ", batch.share);
    inputs.rendered.push_back(
        {batch.views.cameras, std::vector<int>(batch.views.size(), 0), 1});
    inputs.tensors.push_back(batch.views.background);
    if (!recorded) continue;
    for (const GuidedBatch::Judge& judge : batch.judges) {
      for (const auto& [name, draw] : judge.draws) {
        inputs.tensors.push_back(draw);
      }
    }
  }
  return inputs;
}

RepeatedStep::Tensors Fit::Descend(int64_t steps_done, double progress,
                                   std::vector<GuidedBatch>& batches,
                                   const RepeatedStep::Tensors& inputs,
                                   const RepeatedStep::AllViews& views) {
  RepeatedStep::Tensors losses;
  auto next_views = views.begin();
  if (reference_.has_value()) {
    const at::Tensor loss =
        reference_->Loss(renderer_, GaussiansIn(adam_), *next_views++,
                         options_.reference.ramp ? progress : 1.0);
    loss.backward();
    losses.push_back(loss.detach());
  }
  // In the order of InputsOf.
  auto next = inputs.begin();
  for (GuidedBatch& batch : batches) {
    const at::Tensor& background = *next++;
    if (guidances_.CanBeRecorded()) {
      batch.views.background = background;
      for (GuidedBatch::Judge& judge : batch.judges) {
        for (auto& [name, draw] : judge.draws) draw = *next++;
      }
    }
    losses.push_back(DescendGuided(steps_done, &batch == &batches.back(),
                                   background, *next_views++, batch));
  }
  return losses;
}

at::Tensor Fit::DescendGuided(
    int64_t steps_done, bool is_last, const at::Tensor& background,
    const std::shared_ptr<GaussianViews>& recorded_views, GuidedBatch& batch) {
  Views& views = batch.views;
  const Gaussians current = GaussiansIn(adam_);
  const at::Tensor offsets =
      at::zeros({views.size(), current.size(), 2}, current.means.options())
          .set_requires_grad(true);
  GaussianBatch gaussians = BatchOf(current, views.size());
  gaussians.views = recorded_views;
  const GaussianRendering rendering =
      renderer_.Render(gaussians, views.cameras, background, offsets);
  views.rgb = rendering.rgb;
  views.alpha = rendering.alpha;
  views.depth = rendering.depth;
  const at::Tensor loss = guidances_.Loss(batch);
  loss.backward();
  if (!density_.Counts(steps_done) || !offsets.grad().defined()) {
    return loss.detach();
  }
  if (options_.densify.statistics == "all_views") {
    // Losses are means over views; a view's own pull is what counts, or the
    // threshold would depend on how many there are.
    density_.gradients().Add(offsets.grad(), rendering.radii,
                             views.size() / batch.share);
  } else if (is_last) {
    const int last = views.size() - 1;
    density_.gradients().Add(offsets.grad().narrow(0, last, 1),
                             rendering.radii.narrow(0, last, 1), 1);
  }
  return loss.detach();
}

}  // namespace

class StaticGaussians final : public Stage {
 public:
  using Options = static_gaussians::Options;

  explicit StaticGaussians(Options options) : options_(std::move(options)) {}

  StageContract Contract() const override {
    return {.reads_if_present = {Slot::kReference, Slot::kVideo, Slot::kProxy},
            .writes = {Slot::kGaussians}};
  }

  absl::Status CheckReady(const RunContext& context) const override {
    DG4D_ASSIGN_OR_RETURN(const GuidanceSet guidances,
                          GuidanceSet::Create(options_.guidances));
    return guidances.CheckReady(context);
  }

 protected:
  absl::Status DoRun(RunContext& context, Scene& scene) override;

 private:
  absl::StatusOr<Gaussians> Initial(const GuidanceSet& guidances,
                                    RunContext& context) const;

  const Options options_;
};

absl::StatusOr<Gaussians> StaticGaussians::Initial(const GuidanceSet& guidances,
                                                   RunContext& context) const {
  const InitialOptions& initial = options_.initial;
  if (initial.from == "file") {
    DG4D_ASSIGN_OR_RETURN(const Gaussians gaussians,
                          ReadGaussiansPly(initial.file));
    if (gaussians.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(initial.file, ": holds no Gaussians"));
    }
    return WithShDegree(gaussians, options_.sh_degree);
  }
  if (initial.from == "guidance") {
    const std::optional<Gaussians> known = guidances.InitialGaussians();
    if (known.has_value()) return WithShDegree(*known, options_.sh_degree);
  }
  return RandomBallGaussians({.count = initial.points,
                              .radius = initial.ball_radius,
                              .opacity = initial.opacity},
                             options_.sh_degree, context.generator());
}

absl::Status StaticGaussians::DoRun(RunContext& context, Scene& scene) {
  DG4D_ASSIGN_OR_RETURN(const std::unique_ptr<GaussianRenderer> renderer,
                        options_.renderer.Create());
  DG4D_ASSIGN_OR_RETURN(GuidanceSet guidances,
                        GuidanceSet::Create(options_.guidances));
  std::optional<ReferenceView> reference;
  if (HasSlot(scene, Slot::kReference)) {
    reference.emplace(scene, options_.reference, context.device());
  } else if (guidances.empty()) {
    return absl::FailedPreconditionError(
        "there is nothing to fit Gaussians to: give a picture, or name "
        "guidances that need none, as photometric");
  }
  DG4D_RETURN_IF_ERROR(guidances.Prepare(scene, context));

  DG4D_ASSIGN_OR_RETURN(Gaussians initial, Initial(guidances, context));
  for (at::Tensor* tensor :
       {&initial.means, &initial.quaternions, &initial.log_scales,
        &initial.opacity_logits, &initial.sh}) {
    *tensor = tensor->to(context.device());
  }
  Fit fit(initial, options_, *renderer, guidances, reference,
          reference.has_value() ? scene.reference_camera
                                : OrbitCamera({.radius = 2}),
          context.generator());
  DG4D_RETURN_IF_ERROR(Optimise(fit, options_.iterations, scene, context));

  const Gaussians fitted = scene.gaussians;
  scene.gaussians = Rows(fitted, RowsToKeep(fitted, options_.final_min_opacity,
                                            options_.final_prune_above));
  if (scene.gaussians.empty()) {
    return absl::FailedPreconditionError(
        "every Gaussian was pruned at the end: lower final_min_opacity or "
        "raise final_prune_above");
  }
  return absl::OkStatus();
}

DG4D_REGISTER(Stage, StaticGaussians, "static_gaussians",
              "Fits 3D Gaussians to the picture and to what guidances say of "
              "other views.");

}  // namespace dg4d::static_gaussians
