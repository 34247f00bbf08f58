#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/upsample_bilinear2d.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/base/random.h"
#include "dg4d/base/status.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/renderer.h"
#include "dg4d/core/stage.h"
#include "dg4d/scene/camera.h"
#include "dg4d/stages/texture_refinement/trainable_meshes.h"
#include "dg4d/training/guidance_set.h"
#include "dg4d/training/optimisation.h"
#include "dg4d/training/view_sampler.h"

namespace dg4d::texture_refinement {
namespace {

// Coverage from which on a pixel shows the surface alone.
constexpr double kWholePixel = 0.99;
// Pixels as far as this from the outside may show some of it.
constexpr int64_t kContourPixels = 2;

// The frames as the reference camera has them: the picture and the video.
struct KnownOptions {
  double weight = 14;
  double alpha_weight = 14;
  int size = 256;
  int frames_per_step = 0;
  double min_view_cosine = 0.5;
  double min_scale = 1;
  double max_scale = 1;

  template <typename V>
  void Visit(V& v) {
    v("weight", weight,
      "Weight of the mean squared difference from the known frames. The "
      "original sums over frames, so its weight is their number.");
    v("alpha_weight", alpha_weight,
      "Weight of the mean squared difference of silhouettes, which only "
      "vertices can change: for geometry_rate above 0.");
    v("size", size,
      "Side at which they are compared, in pixels. Below the resolution of the "
      "texture, texels oscillate along edges: their mean is right.");
    v("frames_per_step", frames_per_step,
      "Frames compared in a step: the first and others at random; 0: all.");
    v("min_view_cosine", min_view_cosine,
      "Pixels count where the surface faces the camera at least so much.");
    v("min_scale", min_scale,
      "Renderings are made at a random scale from here and resized ...");
    v("max_scale", max_scale, "... to here; the original has 0.125 to 2.");
  }
};

}  // namespace

class TextureRefinement final : public Stage {
 public:
  struct Options {
    int64_t iterations = 50;
    PluginSpec<MeshRenderer> renderer = {"mesh_raster"};
    std::vector<WeightedPlugin<Guidance>> guidances;
    ViewOptions views = {.count = 1,
                         .clip_azimuth_step_degrees = 10,
                         .sizes = {512},
                         .size_changes = {}};
    int clip_frames = 0;
    KnownOptions known;
    std::string texture = "auto";
    Schedule texture_rate = {0.2, 0.2, 1};
    double total_variation_weight = 0;
    double colour_change_weight = 0.1;
    Schedule geometry_rate = {0, 0, 1};
    double roughness_weight = 1000;

    template <typename V>
    void Visit(V& v) {
      v("iterations", iterations, "Steps of optimisation.");
      v("renderer", renderer, "Draws the meshes.");
      v("guidances", guidances, "What says how views should change.");
      v("views", views, "The views that guidances judge.");
      v("clip_frames", clip_frames,
        "Consecutive frames that guidances judge in a step, to save memory; "
        "0: all.");
      v("known", known, "The frames of the video, and the picture.");
      v("texture", texture, {"auto", "shared", "per_frame"},
        "One texture for all frames, or one each; auto shares where the meshes "
        "have one topology and one texture.");
      v("texture_rate", texture_rate,
        "Learning rate of logits of texture colours.");
      v("total_variation_weight", total_variation_weight,
        "Weight of the mean squared difference of neighbouring texels.");
      v("colour_change_weight", colour_change_weight,
        "Weight of the mean squared change of texels. It holds those that no "
        "view shows: gradients reach them through coarse levels of the mipmap, "
        "and Adam makes full steps of the smallest gradients.");
      v("geometry_rate", geometry_rate,
        "Learning rate of vertex offsets, in world units; 0 leaves vertices "
        "alone.");
      v("roughness_weight", roughness_weight,
        "Weight of the mean squared Laplacian of vertex offsets.");
    }
    absl::Status Validate() const;
  };

  explicit TextureRefinement(Options options) : options_(std::move(options)) {}

  StageContract Contract() const override {
    return {.reads = {Slot::kMeshes},
            .reads_if_present = {Slot::kReference, Slot::kVideo, Slot::kProxy,
                                 Slot::kGaussianFrames},
            .writes = {Slot::kMeshes}};
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

absl::Status TextureRefinement::Options::Validate() const {
  if (iterations < 0) {
    return absl::InvalidArgumentError("iterations must not be negative");
  }
  if (clip_frames < 0 || known.frames_per_step < 0) {
    return absl::InvalidArgumentError(
        "clip_frames and known.frames_per_step must not be negative");
  }
  if (known.size < 1 || known.weight < 0 || known.alpha_weight < 0) {
    return absl::InvalidArgumentError(
        "known.size must be positive and its weights not negative");
  }
  if (known.min_scale <= 0 || known.max_scale < known.min_scale) {
    return absl::InvalidArgumentError(
        "known.min_scale must be positive and at most known.max_scale");
  }
  for (const double weight :
       {total_variation_weight, colour_change_weight, roughness_weight}) {
    if (weight < 0) {
      return absl::InvalidArgumentError("weights must not be negative");
    }
  }
  return Annotate(views.Validate(), "views");
}

namespace {

// The frames that the reference camera saw, and how far renderings are off.
class KnownFrames {
 public:
  KnownFrames(const Scene& scene, const std::vector<double>& times,
              const KnownOptions& options, c10::Device device)
      : options_(options), device_(device) {
    camera_ = scene.reference_camera.WithSize(options.size, options.size);
    const auto add = [&](double time, const Image& image) {
      times_.push_back(time);
      const Image resized = Resize(image, options.size, options.size);
      const at::Tensor alpha = Alpha(resized);
      images_.push_back(Composite(resized).to(device));
      alphas_.push_back(alpha.to(device));
      whole_.push_back(ShowsObjectAlone(alpha).to(device));
    };
    for (const double time : times) {
      const int frame = static_cast<int>(std::lround(time));
      if (std::abs(time - frame) > 1e-6) continue;
      if (frame == 0 && HasSlot(scene, Slot::kReference)) {
        add(time, scene.reference);
      } else if (frame >= 0 && frame < scene.video.size()) {
        add(time, scene.video.frames[frame]);
      }
    }
  }

  bool empty() const { return times_.empty(); }

  // The weighted sum of the means over the frames of a step, which `generator`
  // chooses.
  at::Tensor Loss(const TrainableMeshes& meshes, const MeshRenderer& renderer,
                  at::Generator& generator) const {
    const std::vector<int64_t> chosen = Choose(generator);
    const double scale =
        UniformNumber(options_.min_scale, options_.max_scale, generator);
    // Whole multiples of eight, as the original renders; the full size as is.
    const int size =
        scale == 1 ? options_.size
                   : 8 * static_cast<int>(std::ceil(options_.size * scale / 8));
    std::vector<double> times;
    std::vector<at::Tensor> images, alphas, whole;
    for (const int64_t i : chosen) {
      times.push_back(times_[i]);
      images.push_back(images_[i]);
      alphas.push_back(alphas_[i]);
      whole.push_back(whole_[i]);
    }
    const int64_t count = static_cast<int64_t>(chosen.size());
    const std::vector<Camera> cameras(count, camera_.WithSize(size, size));
    const MeshRendering rendering =
        meshes.Render(renderer, cameras, times, at::ones({count, 3}));
    const at::Tensor mask = Resized(Facing(rendering)) * at::stack(whole);
    const at::Tensor off = (Resized(rendering.rgb) - at::stack(images)) * mask;
    const at::Tensor alpha_off = Resized(rendering.alpha) - at::stack(alphas);
    return (off * off).mean() * options_.weight +
           (alpha_off * alpha_off).mean() * options_.alpha_weight;
  }

 private:
  // 1 but along contours, where a frame blends the object with what is behind
  // it: white, once composited, which would be painted on the surface. What is
  // translucent further inside is to look as it does over white.
  static at::Tensor ShowsObjectAlone(const at::Tensor& alpha) {
    constexpr int64_t kReach = 2 * kContourPixels + 1;
    const at::Tensor near_outside =
        at::max_pool2d((alpha < 0.5).to(at::kFloat).unsqueeze(0),
                       {kReach, kReach}, 1, kContourPixels)
            .squeeze(0);
    return ((alpha > kWholePixel) | (near_outside == 0)).to(at::kFloat);
  }

  // The first frame and others at random, in order, without repetition.
  std::vector<int64_t> Choose(at::Generator& generator) const {
    std::vector<int64_t> order(times_.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    const size_t wanted = options_.frames_per_step;
    if (wanted == 0 || wanted >= order.size()) return order;
    for (size_t i = 1; i < wanted; ++i) {
      std::swap(
          order[i],
          order[UniformInteger(static_cast<int64_t>(i),
                               static_cast<int64_t>(order.size()), generator)]);
    }
    order.resize(wanted);
    std::sort(order.begin(), order.end());
    return order;
  }

  // 1 where the surface faces the camera enough and fills the pixel: a mask
  // without gradient. Colours must not make up for a silhouette that is off.
  at::Tensor Facing(const MeshRendering& rendering) const {
    const auto& pose = camera_.world_from_camera;
    const at::Tensor back = at::tensor({pose[2], pose[6], pose[10]})
                                .to(rendering.normals.options())
                                .view({1, 3, 1, 1});
    const at::Tensor cosine =
        (rendering.normals.detach() * back).sum(1, /*keepdim=*/true);
    return ((rendering.alpha.detach() > kWholePixel) &
            (cosine > options_.min_view_cosine))
        .to(rendering.rgb.scalar_type());
  }

  at::Tensor Resized(const at::Tensor& images) const {
    if (images.size(2) == options_.size) return images;
    return at::upsample_bilinear2d(images, {options_.size, options_.size},
                                   /*align_corners=*/false);
  }

  KnownOptions options_;
  c10::Device device_;
  Camera camera_;
  std::vector<double> times_;
  std::vector<at::Tensor> images_;  // [3, size, size] each
  std::vector<at::Tensor> alphas_;  // [1, size, size] each
  std::vector<at::Tensor> whole_;   // [1, size, size] each, 0 or 1
};

absl::StatusOr<std::vector<double>> TimesOfMeshes(const Scene& scene) {
  const std::vector<double>& times = scene.gaussian_frames.times;
  if (scene.meshes.size() == times.size()) return times;
  if (scene.meshes.size() == 1) return std::vector<double>{0.0};
  if (times.empty()) {
    std::vector<double> whole;
    for (size_t i = 0; i < scene.meshes.size(); ++i) whole.push_back(i);
    return whole;
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "there are ", scene.meshes.size(), " meshes for ", times.size(),
      " frames of Gaussians: run mesh_extraction again"));
}

absl::Status CheckTextured(const std::vector<Mesh>& meshes) {
  for (const Mesh& mesh : meshes) {
    if (!mesh.textured()) {
      return absl::FailedPreconditionError(
          "a mesh has no texture to refine: have mesh_extraction bake one");
    }
  }
  return absl::OkStatus();
}

// The frames that guidances judge in one step: all, or some that follow each
// other.
std::vector<double> ChooseClip(const std::vector<double>& frames, int length,
                               at::Generator& generator) {
  const int64_t count = static_cast<int64_t>(frames.size());
  if (length == 0 || length >= count) return frames;
  const int64_t first = UniformInteger(0, count - length + 1, generator);
  return {frames.begin() + first, frames.begin() + first + length};
}

// The meshes while they are refined.
class Refinement final : public Optimisation {
 public:
  // What is refined by, which outlives the refinement.
  struct Against {
    const MeshRenderer& renderer;
    const GuidanceSet& guidances;
    const KnownFrames& known;
    Camera reference_camera;
  };

  // `meshes` stand at `times`, and share a texture if `share` says so.
  Refinement(const std::vector<Mesh>& meshes, const std::vector<double>& times,
             bool share, const TextureRefinement::Options& options,
             const Against& against, RunContext& context)
      : options_(options),
        against_(against),
        times_(times),
        generator_(context.generator()),
        sampler_(options.views, against.reference_camera),
        meshes_(meshes, times,
                {.share_texture = share,
                 .texture_rate = options.texture_rate,
                 .geometry_rate = options.geometry_rate},
                context.device()) {}

  absl::StatusOr<Metrics> Step(int64_t steps_done, double progress) override {
    std::vector<at::Tensor> losses;
    const auto descend = [&](const at::Tensor& loss) {
      loss.backward();
      losses.push_back(loss.detach());
    };
    if (!against_.known.empty() && options_.known.weight > 0) {
      descend(against_.known.Loss(meshes_, against_.renderer, generator_));
    }
    std::vector<GuidedBatch> batches = Plan(progress);
    cameras_ = CamerasOf(batches);
    for (GuidedBatch& batch : batches) {
      Views& views = batch.views;
      const MeshRendering rendering = meshes_.Render(
          against_.renderer, views.cameras, views.frames, views.background);
      views.rgb = rendering.rgb;
      views.alpha = rendering.alpha;
      views.depth = rendering.depth;
      descend(against_.guidances.Loss(batch));
    }
    if (options_.total_variation_weight > 0) {
      descend(meshes_.TotalVariation() * options_.total_variation_weight);
    }
    if (options_.colour_change_weight > 0) {
      descend(meshes_.ColourChange() * options_.colour_change_weight);
    }
    if (options_.geometry_rate.At(steps_done) > 0 &&
        options_.roughness_weight > 0) {
      descend(meshes_.Roughness() * options_.roughness_weight);
    }
    meshes_.Step(steps_done);
    return Metrics{{"loss", SumOf(losses)}};
  }

  void VisitState(StateArchive& archive) override {
    meshes_.VisitState(archive);
  }

  void WriteTo(Scene& scene) const override { scene.meshes = meshes_.Result(); }

  const Adam& adam() const override { return meshes_.adam(); }

  std::vector<Camera> Cameras() const override { return cameras_; }

  std::vector<std::string> TakeWarnings() override {
    return against_.guidances.TakeWarnings();
  }

 private:
  // The views that guidances judge at `progress`.
  std::vector<GuidedBatch> Plan(double progress) const {
    if (against_.guidances.empty()) return {};
    const std::vector<double> clip =
        ChooseClip(times_, options_.clip_frames, generator_);
    return against_.guidances.Plan(sampler_, clip, progress, generator_);
  }

  const TextureRefinement::Options& options_;
  const Against against_;
  const std::vector<double> times_;
  at::Generator& generator_;
  const ViewSampler sampler_;
  TrainableMeshes meshes_;
  std::vector<Camera> cameras_;  // of the guided views of the last step
};

}  // namespace

absl::Status TextureRefinement::DoRun(RunContext& context, Scene& scene) {
  DG4D_ASSIGN_OR_RETURN(const std::unique_ptr<MeshRenderer> renderer,
                        options_.renderer.Create());
  DG4D_ASSIGN_OR_RETURN(GuidanceSet guidances,
                        GuidanceSet::Create(options_.guidances));
  DG4D_RETURN_IF_ERROR(CheckTextured(scene.meshes));
  DG4D_ASSIGN_OR_RETURN(const std::vector<double> times, TimesOfMeshes(scene));
  const KnownFrames known(scene, times, options_.known, context.device());
  if (known.empty() && guidances.empty()) {
    return absl::FailedPreconditionError(
        "there is nothing to refine textures by: give a picture or a video, or "
        "name guidances");
  }
  const bool one_topology = HaveOneTopology(scene.meshes);
  if (options_.texture == "shared" && !one_topology) {
    return absl::FailedPreconditionError(
        "meshes of several topologies cannot share a texture: set texture to "
        "per_frame, or mesh_extraction's topology to constant");
  }
  const bool share = options_.texture == "shared" ||
                     (options_.texture == "auto" && one_topology &&
                      HaveOneTexture(scene.meshes));
  DG4D_RETURN_IF_ERROR(guidances.Prepare(scene, context));

  Refinement refinement(scene.meshes, times, share, options_,
                        {.renderer = *renderer,
                         .guidances = guidances,
                         .known = known,
                         .reference_camera = HasSlot(scene, Slot::kReference)
                                                 ? scene.reference_camera
                                                 : OrbitCamera({.radius = 2})},
                        context);
  return Optimise(refinement, options_.iterations, scene, context);
}

DG4D_REGISTER(Stage, TextureRefinement, "texture_refinement",
              "Refines textures, and vertices on wish, through the mesh "
              "renderer.");

}  // namespace dg4d::texture_refinement
