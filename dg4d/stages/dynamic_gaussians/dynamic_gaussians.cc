#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dg4d/base/random.h"
#include "dg4d/base/status.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/renderer.h"
#include "dg4d/core/stage.h"
#include "dg4d/stages/dynamic_gaussians/motion.h"
#include "dg4d/stages/dynamic_gaussians/options.h"
#include "dg4d/stages/dynamic_gaussians/rigidity.h"
#include "dg4d/stages/dynamic_gaussians/view_jobs.h"
#include "dg4d/training/adam.h"
#include "dg4d/training/densify.h"
#include "dg4d/training/gaussian_parameters.h"
#include "dg4d/training/guidance_set.h"
#include "dg4d/training/optimisation.h"
#include "dg4d/training/repeated_step.h"
#include "dg4d/training/view_sampler.h"

namespace dg4d::dynamic_gaussians {
namespace {

// Positions at rest change little from step to step.
constexpr int64_t kStepsBetweenSearches = 100;

// The video as the reference camera sees it.
class ReferenceViews {
 public:
  ReferenceViews(const Scene& scene, const ReferenceOptions& options,
                 c10::Device device)
      : options_(options),
        camera_(scene.reference_camera),
        video_(scene.video),
        device_(device) {}

  // Views of `frames` (whole numbers) without images, of side `size`.
  Views At(const std::vector<double>& frames, int size) const {
    Views views;
    views.cameras.assign(frames.size(), camera_.WithSize(size, size));
    views.frames = frames;
    views.frames_per_clip = static_cast<int>(frames.size());
    views.background = at::ones({static_cast<int64_t>(frames.size()), 3});
    views.reference_camera = camera_;
    return views;
  }

  // Which frames `views` show, for Loss.
  static at::Tensor RowsOf(const Views& views) {
    return at::tensor(
        std::vector<int64_t>(views.frames.begin(), views.frames.end()),
        at::kLong);
  }

  // `rows` is RowsOf(views), on the device.
  at::Tensor Loss(const Views& views, const at::Tensor& rows, double ramp) {
    const Pictures& pictures = OfSize(views.cameras.front().height);
    at::Tensor loss =
        at::mse_loss(views.rgb, pictures.rgb.index_select(0, rows)) *
        (options_.rgb_weight * ramp);
    if (video_.frames.front().has_alpha()) {
      loss = loss +
             at::mse_loss(views.alpha, pictures.alpha.index_select(0, rows)) *
                 (options_.alpha_weight * ramp);
    }
    return loss;
  }

 private:
  struct Pictures {
    at::Tensor rgb, alpha;  // [frames, 3 or 1, size, size]
  };

  const Pictures& OfSize(int size) {
    const auto [entry, fresh] = pictures_.try_emplace(size);
    if (fresh) {
      std::vector<at::Tensor> rgb, alpha;
      for (const Image& frame : video_.frames) {
        const Image image = Resize(frame, size, size);
        rgb.push_back(Composite(image));
        alpha.push_back(Alpha(image));
      }
      entry->second = {at::stack(rgb).to(device_),
                       at::stack(alpha).to(device_)};
    }
    return entry->second;
  }

  ReferenceOptions options_;
  Camera camera_;
  Video video_;
  c10::Device device_;
  std::map<int, Pictures> pictures_;
};

// How many of the first frames take part at `progress` in (0, 1].
int JoinedFrames(int frames, double widen_until, double progress) {
  if (progress >= widen_until) return frames;
  return 1 + static_cast<int>((frames - 1) * progress / widen_until);
}

// `count` of the first `joined` frames (all if `count` is 0), increasing. While
// others are still to join, every other draw holds the newest, which has the
// most to learn.
std::vector<double> DrawFrames(int joined, int frames, int count,
                               at::Generator& generator) {
  std::vector<double> all(joined);
  std::iota(all.begin(), all.end(), 0.0);
  if (count <= 0 || count >= joined) return all;
  int drawn = 0;
  if (joined < frames && UniformInteger(0, 2, generator) == 0) {
    std::swap(all[drawn++], all.back());
  }
  for (; drawn < count; ++drawn) {
    std::swap(all[drawn], all[UniformInteger(drawn, joined, generator)]);
  }
  all.resize(count);
  std::sort(all.begin(), all.end());
  return all;
}

// The Gaussians and their motion while they are fitted.
class Fit final : public Optimisation {
 public:
  // What is fitted to, which outlives the fit.
  struct Against {
    const GaussianRenderer& renderer;
    const GuidanceSet& guidances;
    // Empty if there is no video.
    std::optional<ReferenceViews>& reference;
    Camera reference_camera;
    int frames;
  };

  Fit(const Gaussians& initial, const MotionShape& shape,
      const Options& options, const Against& against, at::Generator& generator)
      : options_(options),
        against_(against),
        generator_(generator),
        sampler_(options.views, against.reference_camera),
        canonical_(initial),
        motion_(shape, initial, generator),
        joint_(options.optimize_gaussians),
        rigid_(options.regularisation.rigidity > 0),
        density_(options.densify, initial.size()),
        steps_(adam_, initial.means.device()) {
    motion_.deformation().VisitParameters(
        [&](const std::string& name, at::Tensor& value) {
          adam_.Add(name, value,
                    absl::StartsWith(name, "grid") ? options.grid_rate
                                                   : options.network_rate);
        });
    if (joint_) AddGaussians(initial, options.rates, adam_);
    if (rigid_) rigidity_.FindNeighbours(initial.means);
    Bind();
  }

  absl::StatusOr<Metrics> Step(int64_t steps_done, double progress) override {
    const double loss = Descend(steps_done, progress);
    if (joint_) DG4D_RETURN_IF_ERROR(LetGaussiansComeAndGo(steps_done + 1));
    return Metrics{{"loss", loss},
                   {"gaussians", static_cast<double>(Canonical().size())}};
  }

  void WriteTo(Scene& scene) const override {
    const Gaussians current = Canonical();
    if (joint_) scene.gaussians = DetachedCopy(current);
    scene.gaussian_frames = motion_.Bake(current, options_.samples_per_frame);
  }

  void VisitState(StateArchive& archive) override {
    adam_.VisitState(archive);
    rigidity_.VisitState(archive);
    density_.VisitState(archive);
    if (!archive.restoring()) return;
    Bind();
    if (rigid_) rigidity_.MoveTo(canonical_.means.device());
  }

  const Adam& adam() const override { return adam_; }

  std::vector<Camera> Cameras() const override { return cameras_; }

  std::vector<std::string> TakeWarnings() override {
    return against_.guidances.TakeWarnings();
  }

 private:
  // Lets the motion use what Adam steps.
  void Bind() {
    motion_.deformation().VisitParameters(
        [&](const std::string& name, at::Tensor& value) {
          value = adam_[name];
        });
  }

  // The canonical Gaussians as they are now; differentiable if they are fitted
  // too.
  Gaussians Canonical() const {
    return joint_ ? GaussiansIn(adam_) : canonical_;
  }

  // A step as the host decides on it: what is looked at, and which times that
  // takes.
  struct Plan {
    Views video_views;
    at::Tensor video_rows;  // once on the device
    std::vector<GuidedBatch> batches;
    std::vector<std::vector<Job>> groups;  // rendered together
    Motion::Times times;
    bool counts_density;
    RepeatedStep::Inputs inputs;
  };

  // Fills in the plan of the step after `steps_done`, whose jobs refer to it.
  void MakePlan(int64_t steps_done, double progress, Plan& plan);
  // The plan's numbers that change from step to step, and what they do to it.
  void AddInputs(double progress, Plan& plan) const;
  // Leaves the gradients; returns the loss of each group.
  RepeatedStep::Tensors Descend(Plan& plan, const RepeatedStep::Tensors& inputs,
                                const RepeatedStep::AllViews& views);

  // Takes the step after `steps_done`; returns its loss.
  double Descend(int64_t steps_done, double progress);

  at::Tensor Regularisation(const Gaussians& canonical,
                            const GaussianBatch& batch) const;

  absl::Status LetGaussiansComeAndGo(int64_t steps_done) {
    DG4D_ASSIGN_OR_RETURN(const bool changed,
                          density_.EndStep(steps_done, generator_, adam_));
    if (changed) steps_.Forget();
    if (rigid_ && (changed || steps_done % kStepsBetweenSearches == 0)) {
      rigidity_.FindNeighbours(adam_["means"]);
    }
    return absl::OkStatus();
  }

  const Options& options_;
  const Against against_;
  at::Generator& generator_;
  const ViewSampler sampler_;
  Gaussians canonical_;
  Motion motion_;
  bool joint_, rigid_;
  Adam adam_;
  Rigidity rigidity_;
  DensityControl density_;
  RepeatedStep steps_;
  std::vector<Camera> cameras_;  // of the guided views of the last step
};

at::Tensor Fit::Regularisation(const Gaussians& canonical,
                               const GaussianBatch& batch) const {
  const RegularisationOptions& options = options_.regularisation;
  at::Tensor sum;
  if (const HexPlane* grid = motion_.deformation().grid()) {
    sum = grid->Regularisation({.space_variation = options.space_variation,
                                .time_roughness = options.time_roughness,
                                .time_deviation = options.time_deviation});
  }
  if (options.rigidity > 0) {
    const at::Tensor rigidity = options.rigidity * rigidity_(canonical, batch);
    sum = sum.defined() ? sum + rigidity : rigidity;
  }
  return sum;
}

void Fit::MakePlan(int64_t steps_done, double progress, Plan& plan) {
  const int joined =
      JoinedFrames(against_.frames, options_.widen_until, progress);
  const std::vector<double> shown =
      DrawFrames(joined, against_.frames, options_.frames_per_step, generator_);
  plan.batches = against_.guidances.Plan(sampler_, shown, progress, generator_,
                                         joined - 1);
  cameras_ = CamerasOf(plan.batches);
  std::vector<Job> jobs;
  std::optional<ReferenceViews>& reference = against_.reference;
  if (reference.has_value()) {
    const int size = options_.reference.size;
    plan.video_views =
        reference->At(shown, options_.reference.follow_views
                                 ? std::min(size, sampler_.SizeAt(progress))
                                 : size);
    const double ramp = options_.reference.ramp ? progress : 1.0;
    jobs.push_back(
        {&plan.video_views, static_cast<double>(plan.video_views.size()),
         [&reference, &plan, ramp] {
           return reference->Loss(plan.video_views, plan.video_rows, ramp);
         }});
  }
  for (GuidedBatch& batch : plan.batches) {
    jobs.push_back({&batch.views, batch.views.size() / batch.share,
                    [this, &batch] { return against_.guidances.Loss(batch); }});
  }
  const std::vector<double> frames = FramesOf(jobs);
  plan.times = motion_.TimesOf(frames);
  plan.counts_density = density_.Counts(steps_done);
  plan.groups = Group(jobs, options_.views.max_views_per_batch);
  for (const std::vector<Job>& group : plan.groups) {
    plan.inputs.rendered.push_back(RenderedBy(group, frames));
  }
  AddInputs(progress, plan);
}

void Fit::AddInputs(double progress, Plan& plan) const {
  RepeatedStep::Inputs& inputs = plan.inputs;
  inputs.tensors.push_back(plan.times.values);
  for (const std::vector<Job>& group : plan.groups) {
    inputs.tensors.push_back(Backgrounds(group));
  }
  if (against_.reference.has_value()) {
    inputs.tensors.push_back(ReferenceViews::RowsOf(plan.video_views));
  }
  if (!against_.guidances.CanBeRecorded()) return;
  inputs.shape = absl::StrCat(plan.times.count, "@", plan.times.anchor,
                              plan.counts_density ? "d" : "");
  // The weight of the video would be another in each step.
  if (options_.reference.ramp && progress < 1) inputs.shape.clear();
  for (const GuidedBatch& batch : plan.batches) {
    if (!inputs.shape.empty()) absl::StrAppend(&inputs.shape, " ", batch.share);
    inputs.tensors.push_back(batch.views.background);
    for (const GuidedBatch::Judge& judge : batch.judges) {
      for (const auto& [name, draw] : judge.draws) {
        inputs.tensors.push_back(draw);
      }
    }
  }
}

RepeatedStep::Tensors Fit::Descend(Plan& plan,
                                   const RepeatedStep::Tensors& inputs,
                                   const RepeatedStep::AllViews& views) {
  // In the order of AddInputs.
  auto next = inputs.begin();
  Motion::Times times = plan.times;
  times.values = *next++;
  const auto backgrounds = next;
  next += static_cast<int64_t>(plan.groups.size());
  if (against_.reference.has_value()) plan.video_rows = *next++;
  if (against_.guidances.CanBeRecorded()) {
    for (GuidedBatch& batch : plan.batches) {
      batch.views.background = *next++;
      for (GuidedBatch::Judge& judge : batch.judges) {
        for (auto& [name, draw] : judge.draws) draw = *next++;
      }
    }
  }

  const Gaussians canonical = Canonical();
  const GaussianBatch batch = motion_.At(canonical, times);
  GaussianBatch leaves = Leaves(batch);
  RepeatedStep::Tensors losses;
  for (size_t i = 0; i < plan.groups.size(); ++i) {
    const RepeatedStep::Inputs::Rendered& rendered = plan.inputs.rendered[i];
    at::Tensor offsets;
    if (plan.counts_density) {
      offsets = at::zeros({static_cast<int64_t>(rendered.cameras.size()),
                           canonical.size(), 2},
                          canonical.means.options())
                    .set_requires_grad(true);
    }
    leaves.views = views[i];
    const at::Tensor radii = Render(against_.renderer, leaves, rendered,
                                    plan.groups[i], backgrounds[i], offsets);
    at::Tensor loss;
    for (const Job& job : plan.groups[i]) {
      const at::Tensor part = job.loss();
      loss = loss.defined() ? loss + part : part;
    }
    loss.backward();
    losses.push_back(loss.detach());
    if (offsets.defined()) {
      AddScreenGradients(offsets.grad(), radii, plan.groups[i],
                         density_.gradients());
    }
  }
  Backward(batch, leaves, Regularisation(canonical, batch));
  return losses;
}

double Fit::Descend(int64_t steps_done, double progress) {
  Plan plan;
  MakePlan(steps_done, progress, plan);
  return SumOf(steps_.Run(plan.inputs, steps_done,
                          [&](const RepeatedStep::Tensors& inputs,
                              const RepeatedStep::AllViews& views) {
                            return Descend(plan, inputs, views);
                          }));
}

absl::StatusOr<int> FrameCount(const Options& options, const Scene& scene) {
  if (options.frames > 0) {
    if (!scene.video.frames.empty() && options.reference.rgb_weight > 0 &&
        options.frames != scene.video.size()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the option 'frames' is ", options.frames, ", but the video has ",
          scene.video.size(), "; leave it at 0"));
    }
    return options.frames;
  }
  return scene.video.size();
}

}  // namespace

class DynamicGaussians final : public Stage {
 public:
  using Options = dynamic_gaussians::Options;

  explicit DynamicGaussians(Options options) : options_(std::move(options)) {}

  StageContract Contract() const override {
    StageContract contract = {.reads = {Slot::kGaussians},
                              .writes = {Slot::kGaussianFrames}};
    auto& video =
        options_.frames > 0 ? contract.reads_if_present : contract.reads;
    video.push_back(Slot::kReference);
    video.push_back(Slot::kVideo);
    contract.reads_if_present.push_back(Slot::kProxy);
    if (options_.optimize_gaussians) {
      contract.writes.push_back(Slot::kGaussians);
    }
    return contract;
  }

  absl::Status CheckReady(const RunContext& context) const override {
    DG4D_ASSIGN_OR_RETURN(const GuidanceSet guidances,
                          GuidanceSet::Create(options_.guidances));
    return guidances.CheckReady(context);
  }

 protected:
  absl::Status DoRun(RunContext& context, Scene& scene) override;

 private:
  const Options options_;
};

absl::Status DynamicGaussians::DoRun(RunContext& context, Scene& scene) {
  DG4D_ASSIGN_OR_RETURN(const int frames, FrameCount(options_, scene));
  DG4D_ASSIGN_OR_RETURN(const std::unique_ptr<GaussianRenderer> renderer,
                        options_.renderer.Create());
  DG4D_ASSIGN_OR_RETURN(GuidanceSet guidances,
                        GuidanceSet::Create(options_.guidances));
  std::optional<ReferenceViews> reference;
  if (HasSlot(scene, Slot::kVideo) && HasSlot(scene, Slot::kReference) &&
      (options_.reference.rgb_weight > 0 ||
       options_.reference.alpha_weight > 0)) {
    reference.emplace(scene, options_.reference, context.device());
  } else if (guidances.empty()) {
    return absl::FailedPreconditionError(
        "there is nothing to fit the motion to: give a video, or name "
        "guidances that need none, as photometric");
  }
  DG4D_RETURN_IF_ERROR(guidances.Prepare(scene, context));

  Gaussians initial = scene.gaussians;
  for (at::Tensor* tensor :
       {&initial.means, &initial.quaternions, &initial.log_scales,
        &initial.opacity_logits, &initial.sh}) {
    *tensor = tensor->detach().to(context.device());
  }
  const bool loops =
      options_.loop == "auto" ? Loops(scene.video) : options_.loop == "always";
  Fit fit(initial, options_.Shape(frames, loops), options_,
          {.renderer = *renderer,
           .guidances = guidances,
           .reference = reference,
           .reference_camera = HasSlot(scene, Slot::kReference)
                                   ? scene.reference_camera
                                   : OrbitCamera({.radius = 2}),
           .frames = frames},
          context.generator());
  return Optimise(fit, options_.iterations, scene, context);
}

DG4D_REGISTER(Stage, DynamicGaussians, "dynamic_gaussians",
              "Moves the Gaussians as the video and the guidances ask, by a "
              "HexPlane deformation field.");

}  // namespace dg4d::dynamic_gaussians
