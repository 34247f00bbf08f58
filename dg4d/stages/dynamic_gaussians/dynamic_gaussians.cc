#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <functional>
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
#include "dg4d/training/adam.h"
#include "dg4d/training/densify.h"
#include "dg4d/training/gaussian_parameters.h"
#include "dg4d/training/guidance_set.h"
#include "dg4d/training/view_sampler.h"

namespace dg4d::dynamic_gaussians {
namespace {

// Positions at rest change little from step to step.
constexpr int64_t kStepsBetweenSearches = 100;

// Views to render together with what judges them: a guided batch, or the frames
// of the video.
struct Job {
  Views* views;
  // Views that the loss is a mean over.
  double averaged;
  std::function<at::Tensor()> loss;
};

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

  at::Tensor Loss(const Views& views, double ramp) {
    const Pictures& pictures = OfSize(views.cameras.front().height);
    const std::vector<int64_t> rows(views.frames.begin(), views.frames.end());
    const at::Tensor index = at::tensor(rows, at::kLong).to(device_);
    at::Tensor loss =
        at::mse_loss(views.rgb, pictures.rgb.index_select(0, index)) *
        (options_.rgb_weight * ramp);
    if (video_.frames.front().has_alpha()) {
      loss = loss +
             at::mse_loss(views.alpha, pictures.alpha.index_select(0, index)) *
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

// The Gaussians and their motion while they are fitted.
class Fit {
 public:
  Fit(const Gaussians& initial, const MotionShape& shape,
      const Options& options, at::Generator& generator)
      : canonical_(initial),
        motion_(shape, initial, generator),
        joint_(options.optimize_gaussians),
        density_(options.densify, initial.size()) {
    motion_.deformation().VisitParameters(
        [&](const std::string& name, at::Tensor& value) {
          adam_.Add(name, value,
                    absl::StartsWith(name, "grid") ? options.grid_rate
                                                   : options.network_rate);
        });
    if (joint_) AddGaussians(initial, options.rates, adam_);
    rigidity_.FindNeighbours(initial.means);
    Bind();
  }

  Adam& adam() { return adam_; }
  const Motion& motion() const { return motion_; }

  // The canonical Gaussians as they are now; differentiable if they are fitted
  // too.
  Gaussians Canonical() const {
    return joint_ ? GaussiansIn(adam_) : canonical_;
  }

  const Rigidity& rigidity() const { return rigidity_; }
  DensityControl& density() { return density_; }

  // Takes the step after `steps_done` down the gradients, and lets Gaussians
  // come and go.
  absl::Status EndStep(int64_t steps_done, at::Generator& generator) {
    adam_.Step(steps_done);
    if (!joint_) return absl::OkStatus();
    DG4D_ASSIGN_OR_RETURN(const bool changed,
                          density_.EndStep(steps_done + 1, generator, adam_));
    if (changed || (steps_done + 1) % kStepsBetweenSearches == 0) {
      rigidity_.FindNeighbours(adam_["means"]);
    }
    return absl::OkStatus();
  }

  // What the stage writes.
  void WriteTo(Scene& scene, int samples_per_frame) const {
    const Gaussians current = Canonical();
    if (joint_) scene.gaussians = DetachedCopy(current);
    scene.gaussian_frames = motion_.Bake(current, samples_per_frame);
  }

  void VisitState(StateArchive& archive) {
    adam_.VisitState(archive);
    rigidity_.VisitState(archive);
    density_.VisitState(archive);
    if (archive.restoring()) Bind();
  }

 private:
  // Lets the motion use what Adam steps.
  void Bind() {
    motion_.deformation().VisitParameters(
        [&](const std::string& name, at::Tensor& value) {
          value = adam_[name];
        });
  }

  Gaussians canonical_;
  Motion motion_;
  bool joint_;
  Adam adam_;
  Rigidity rigidity_;
  DensityControl density_;
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

// Every frame that some job shows, once.
std::vector<double> FramesOf(const std::vector<Job>& jobs) {
  std::vector<double> frames;
  for (const Job& job : jobs) {
    frames.insert(frames.end(), job.views->frames.begin(),
                  job.views->frames.end());
  }
  std::sort(frames.begin(), frames.end());
  frames.erase(std::unique(frames.begin(), frames.end()), frames.end());
  return frames;
}

// Renders `jobs`, which have one image size, in one call. The times of `batch`
// are `frames`. `offsets` are those of Render. Returns the Gaussians' radii.
at::Tensor Render(const GaussianRenderer& renderer, GaussianBatch batch,
                  const std::vector<double>& frames,
                  const std::vector<Job>& jobs, const at::Tensor& offsets) {
  std::vector<Camera> cameras;
  std::vector<at::Tensor> backgrounds;
  batch.time_of_camera.clear();
  for (const Job& job : jobs) {
    cameras.insert(cameras.end(), job.views->cameras.begin(),
                   job.views->cameras.end());
    backgrounds.push_back(job.views->background);
    for (const double frame : job.views->frames) {
      const auto found = std::lower_bound(frames.begin(), frames.end(), frame);
      batch.time_of_camera.push_back(static_cast<int>(found - frames.begin()));
    }
  }
  const GaussianRendering rendering = renderer.Render(
      batch, cameras, at::cat(backgrounds).to(batch.means.device()), offsets);
  int64_t first = 0;
  for (const Job& job : jobs) {
    const int64_t count = job.views->size();
    job.views->rgb = rendering.rgb.narrow(0, first, count);
    job.views->alpha = rendering.alpha.narrow(0, first, count);
    job.views->depth = rendering.depth.narrow(0, first, count);
    first += count;
  }
  return rendering.radii;
}

// Notes how each job's views pull at the Gaussians on the screen.
void AddScreenGradients(const at::Tensor& gradients, const at::Tensor& radii,
                        const std::vector<Job>& jobs, ScreenGradients& sums) {
  if (!gradients.defined()) return;
  int64_t first = 0;
  for (const Job& job : jobs) {
    const int64_t count = job.views->size();
    sums.Add(gradients.narrow(0, first, count), radii.narrow(0, first, count),
             job.averaged);
    first += count;
  }
}

// Jobs that can be rendered together: of one image size, and at most
// `max_views` views (0: any number) unless one job alone has more.
std::vector<std::vector<Job>> Group(const std::vector<Job>& jobs,
                                    int max_views) {
  std::vector<std::vector<Job>> groups;
  std::map<std::pair<int, int>, size_t> open;  // by size: the group to add to
  std::vector<int> views;
  for (const Job& job : jobs) {
    const Camera& camera = job.views->cameras.front();
    const auto [entry, fresh] =
        open.try_emplace({camera.height, camera.width}, groups.size());
    const int count = job.views->size();
    if (fresh || (max_views > 0 && views[entry->second] + count > max_views)) {
      entry->second = groups.size();
      groups.emplace_back();
      views.push_back(0);
    }
    groups[entry->second].push_back(job);
    views[entry->second] += count;
  }
  return groups;
}

// Copies of a batch's tensors that collect gradients, so that each group's
// backward() frees what its rendering kept, and the network's runs once.
GaussianBatch Leaves(const GaussianBatch& batch) {
  const auto leaf = [](const at::Tensor& tensor) {
    return tensor.detach().set_requires_grad(tensor.requires_grad());
  };
  return {.means = leaf(batch.means),
          .quaternions = leaf(batch.quaternions),
          .log_scales = leaf(batch.log_scales),
          .opacity_logits = leaf(batch.opacity_logits),
          .sh = leaf(batch.sh)};
}

// Hands the gradients that `leaves` collected on to what `batch` came from,
// together with `regularisation`'s, if that is there.
void Backward(const GaussianBatch& batch, const GaussianBatch& leaves,
              const at::Tensor& regularisation) {
  torch::autograd::variable_list outputs, gradients;
  const auto add = [&](const at::Tensor& output, const at::Tensor& leaf) {
    if (!leaf.requires_grad() || !leaf.grad().defined()) return;
    outputs.push_back(output);
    gradients.push_back(leaf.grad());
  };
  add(batch.means, leaves.means);
  add(batch.quaternions, leaves.quaternions);
  add(batch.log_scales, leaves.log_scales);
  add(batch.opacity_logits, leaves.opacity_logits);
  add(batch.sh, leaves.sh);
  if (regularisation.defined()) {
    outputs.push_back(regularisation);
    gradients.emplace_back(at::ones_like(regularisation));
  }
  if (!outputs.empty()) torch::autograd::backward(outputs, gradients);
}

at::Tensor Regularisation(const Fit& fit, const Gaussians& canonical,
                          const GaussianBatch& batch,
                          const RegularisationOptions& options) {
  at::Tensor sum;
  const auto add = [&](double weight, const at::Tensor& value) {
    sum = sum.defined() ? sum + weight * value : weight * value;
  };
  if (options.rigidity > 0) {
    add(options.rigidity, fit.rigidity()(canonical, batch));
  }
  const HexPlane* grid = fit.motion().deformation().grid();
  if (grid == nullptr) return sum;
  if (options.space_variation > 0) {
    add(options.space_variation, grid->SpaceVariation());
  }
  if (options.time_roughness > 0) {
    add(options.time_roughness, grid->TimeRoughness());
  }
  if (options.time_deviation > 0) {
    add(options.time_deviation, grid->TimeDeviation());
  }
  return sum;
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

 protected:
  absl::Status DoRun(RunContext& context, Scene& scene) override;

 private:
  // One step; returns the loss.
  double Step(const GaussianRenderer& renderer, const GuidanceSet& guidances,
              std::optional<ReferenceViews>& reference,
              const ViewSampler& sampler, int frames, int64_t steps_done,
              at::Generator& generator, Fit& fit) const;

  const Options options_;
};

double DynamicGaussians::Step(const GaussianRenderer& renderer,
                              const GuidanceSet& guidances,
                              std::optional<ReferenceViews>& reference,
                              const ViewSampler& sampler, int frames,
                              int64_t steps_done, at::Generator& generator,
                              Fit& fit) const {
  const double progress = static_cast<double>(steps_done + 1) /
                          static_cast<double>(options_.iterations);
  const int joined = JoinedFrames(frames, options_.widen_until, progress);
  const std::vector<double> shown =
      DrawFrames(joined, frames, options_.frames_per_step, generator);
  std::vector<GuidedBatch> batches =
      guidances.Plan(sampler, shown, progress, generator, joined - 1);
  std::vector<Job> jobs;
  Views video_views;
  if (reference.has_value()) {
    video_views = reference->At(
        shown, std::min(options_.reference.size, sampler.SizeAt(progress)));
    const double ramp = options_.reference.ramp ? progress : 1.0;
    jobs.push_back({&video_views, static_cast<double>(video_views.size()),
                    [&reference, &video_views, ramp] {
                      return reference->Loss(video_views, ramp);
                    }});
  }
  for (GuidedBatch& batch : batches) {
    jobs.push_back({&batch.views, batch.views.size() / batch.share,
                    [&guidances, &batch] { return guidances.Loss(batch); }});
  }

  const std::vector<double> times = FramesOf(jobs);
  const Gaussians canonical = fit.Canonical();
  const GaussianBatch batch = fit.motion().At(canonical, times);
  const GaussianBatch leaves = Leaves(batch);
  double loss_value = 0;
  for (const std::vector<Job>& group :
       Group(jobs, options_.views.max_views_per_batch)) {
    int64_t views = 0;
    for (const Job& job : group) views += job.views->size();
    at::Tensor offsets;
    if (fit.density().Counts(steps_done)) {
      offsets =
          at::zeros({views, canonical.size(), 2}, canonical.means.options())
              .set_requires_grad(true);
    }
    const at::Tensor radii = Render(renderer, leaves, times, group, offsets);
    at::Tensor loss;
    for (const Job& job : group) {
      const at::Tensor part = job.loss();
      loss = loss.defined() ? loss + part : part;
    }
    loss.backward();
    loss_value += loss.item<double>();
    if (offsets.defined()) {
      AddScreenGradients(offsets.grad(), radii, group,
                         fit.density().gradients());
    }
  }
  Backward(batch, leaves,
           Regularisation(fit, canonical, batch, options_.regularisation));
  return loss_value;
}

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
          context.generator());
  const ViewSampler sampler(options_.views, HasSlot(scene, Slot::kReference)
                                                ? scene.reference_camera
                                                : OrbitCamera({.radius = 2}));

  int64_t step = 0;
  const auto visit = [&](StateArchive& archive) {
    archive("step", step);
    archive("generator", context.generator());
    fit.VisitState(archive);
  };
  DG4D_RETURN_IF_ERROR(context.Restore(visit));
  while (step < options_.iterations) {
    const double loss = Step(*renderer, guidances, reference, sampler, frames,
                             step, context.generator(), fit);
    DG4D_RETURN_IF_ERROR(fit.EndStep(step, context.generator()));
    ++step;
    context.Snapshot(step, [&] {
      Scene snapshot = scene;
      fit.WriteTo(snapshot, options_.samples_per_frame);
      return snapshot;
    });
    DG4D_RETURN_IF_ERROR(
        context.EndStep(step, options_.iterations, {{"loss", loss}}, visit));
  }
  fit.WriteTo(scene, options_.samples_per_frame);
  if (const int64_t bad = fit.adam().non_finite_gradients(); bad > 0) {
    context.Warn(absl::StrCat(bad, " gradients were not finite and ignored"));
  }
  return absl::OkStatus();
}

DG4D_REGISTER(Stage, DynamicGaussians, "dynamic_gaussians",
              "Moves the Gaussians as the video and the guidances ask, by a "
              "HexPlane deformation field.");

}  // namespace dg4d::dynamic_gaussians
