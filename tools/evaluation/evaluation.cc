#include "tools/evaluation/evaluation.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/ones.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"
#include "dg4d/core/config.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/pipeline.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/renderer.h"
#include "dg4d/core/stage.h"
#include "dg4d/formats/blender_dataset.h"
#include "dg4d/formats/image_io.h"
#include "dg4d/scene/ssim.h"
#include "dg4d/testing/synthetic_scene.h"
#include "tools/evaluation/metrics.h"
#include "tools/evaluation/oracle.h"

namespace dg4d {
namespace {

constexpr char kStaticPrefix[] = "static_";
constexpr char kDynamicPrefix[] = "dynamic_";
constexpr char kOraclePrefix[] = "oracle_";
// dB at held-out views: docs/benchmarks/evaluation.md.
constexpr double kStaticFloor = 30, kDynamicFloor = 27, kOracleFloor = 25;
constexpr int kProceduralFrames = 14;
constexpr int kStaticTrainViews = 32;
constexpr int kDynamicTrainViews = 4;  // of each frame
constexpr int kTestViews = 4;          // of each frame
constexpr int kStaticTestViews = 12;
constexpr int kChamferTimes = 3;
// Steps of the static stage for an object at rest, for one that will move, and
// of the dynamic stage.
constexpr int kStaticSteps = 800;
constexpr int kCanonicalSteps = 200;
constexpr int kDynamicSteps = 1400;
// So many views of the first frame show roughly what is where in it. Motion is
// then followed from there; with fewer, it starts from a blurred mean of all
// times.
constexpr int kEnoughViews = 3;
constexpr int kMaxTimeNodes = 25;

// The stages of all evaluations, for STEPS steps. Rates fall to a tenth or less
// and density stays as it is for the last fifth, so that what is measured has
// settled.
constexpr char kStaticStage[] = R"(  static_gaussians:
    iterations: STEPS
    initial: {points: 8000}
    guidances: [{plugin: photometric, options: {PICTURES, times: TIMES}}]
    views: {count: 4, black_background_probability: 0.5}
    densify: {until_step: SETTLED, opacity_reset_interval: 0}
    sh_rate: {from: 0.02, to: 0.002, steps: STEPS}
    opacity_rate: {from: 0.05, to: 0.01, steps: STEPS}
    scale_rate: {from: 0.01, to: 0.001, steps: STEPS}
)";
// What the static stage made of few pictures is rough: the Gaussians at rest
// are fitted too, and come and go once all frames have joined. What is near
// moves alike: planes are coarse, neighbours stay together, and no Gaussian
// grows to hide that its surroundings are in the wrong place.
constexpr char kDynamicStage[] = R"(  dynamic_gaussians:
    iterations: STEPS
    frames: FRAMES
    guidances: [{plugin: photometric, options: {PICTURES}}]
    frames_per_step: 1
    widen_until: WIDEN
    views: {count: 4, black_background_probability: 0.5}
    grid: {space_resolution: 16, time_resolution: NODES}
    network: {move_scales: false}
    regularisation: {time_deviation: 0, rigidity: 200}
    densify: {interval: 100, from_step: JOINED, until_step: SETTLED,
              gradient_threshold: 0.3}
    loop: never
    anchor_first_frame: false
    optimize_gaussians: true
    grid_rate: {from: 0.02, to: 0.001, steps: STEPS}
    network_rate: {from: 0.003, to: 0.0001, steps: STEPS}
    means_rate: {from: 0.003, to: 0.00005, steps: STEPS}
    sh_rate: {from: 0.02, to: 0.002, steps: STEPS}
    opacity_rate: {from: 0.05, to: 0.005, steps: STEPS}
    scale_rate: {from: 0.01, to: 0.001, steps: STEPS}
    rotation_rate: {from: 0.01, to: 0.001, steps: STEPS}
)";

// One object to reconstruct.
struct Case {
  std::string name;
  std::string folder;
  const SyntheticScene* truth = nullptr;  // if the surface is known
  std::optional<double> floor;
  std::string oracle;  // its scene's name, if an oracle guides
};

// Notes how long each stage took.
class StageTimes final : public RunObserver {
 public:
  void StageFinished(absl::string_view stage, const absl::Status&,
                     absl::Duration duration, const Scene&) override {
    seconds.emplace_back(stage, absl::ToDoubleSeconds(duration));
  }
  std::vector<std::pair<std::string, double>> seconds;
};

double PeakMemoryMib() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

// The Gaussians at `frame`, the nearest that were baked.
Gaussians GaussiansAt(const Scene& scene, double frame) {
  const std::vector<double>& times = scene.gaussian_frames.times;
  if (times.empty()) return scene.gaussians;
  size_t nearest = 0;
  for (size_t i = 1; i < times.size(); ++i) {
    if (std::abs(times[i] - frame) < std::abs(times[nearest] - frame)) {
      nearest = i;
    }
  }
  return FrameAt(scene.gaussians, scene.gaussian_frames,
                 static_cast<int>(nearest));
}

// Renders every test view, measures it and writes its picture.
absl::Status MeasureViews(const Scene& scene, const BlenderDataset& test,
                          const WorldPlacement& placement, int frames,
                          const std::string& output, Evaluation& result) {
  DG4D_ASSIGN_OR_RETURN(const std::unique_ptr<Renderer> created,
                        Registry<Renderer>::Create("gaussian_splatting"));
  const auto* renderer = dynamic_cast<const GaussianRenderer*>(created.get());
  if (renderer == nullptr) {
    return absl::InternalError("gaussian_splatting renders no Gaussians");
  }
  const at::NoGradGuard no_grad;
  // By camera, in order of time: for the flicker.
  struct Clip {
    std::vector<at::Tensor> rendered, truth;
  };
  std::map<std::array<double, 16>, Clip> clips;
  std::vector<const PosedImage*> by_time;
  for (const PosedImage& posed : test.images) by_time.push_back(&posed);
  std::stable_sort(by_time.begin(), by_time.end(),
                   [](const PosedImage* a, const PosedImage* b) {
                     return a->time < b->time;
                   });
  DG4D_RETURN_IF_ERROR(CreateDirectories(output));
  result.worst_psnr = std::numeric_limits<double>::infinity();
  for (const PosedImage* posed : by_time) {
    const Gaussians gaussians = GaussiansAt(scene, posed->time * (frames - 1));
    const GaussianRendering rendering = renderer->Render(
        BatchOf(gaussians, 1), {Place(posed->camera, placement)},
        at::ones({1, 3}, gaussians.means.options()), {});
    const at::Tensor rgb = rendering.rgb[0].clamp(0, 1).cpu();
    const at::Tensor truth = Composite(posed->image);
    const double psnr = Psnr(rgb, truth);
    const double share = 1.0 / static_cast<double>(by_time.size());
    result.psnr += psnr * share;
    result.worst_psnr = std::min(result.worst_psnr, psnr);
    result.ssim +=
        Ssim(rgb.unsqueeze(0), truth.unsqueeze(0)).item<double>() * share;
    result.mask_iou +=
        MaskIou(rendering.alpha[0].cpu(), Alpha(posed->image)) * share;
    Clip& clip = clips[posed->camera.world_from_camera];
    clip.rendered.push_back(rgb);
    clip.truth.push_back(truth);
    DG4D_RETURN_IF_ERROR(WritePng(
        absl::StrCat(output, "/",
                     std::filesystem::path(posed->name).filename().string()),
        ImageFromChw(rgb)));
  }
  double flicker = 0;
  int several = 0;
  for (const auto& [camera, clip] : clips) {
    if (clip.rendered.size() < 2) continue;
    flicker += TemporalFlicker(clip.rendered, clip.truth);
    ++several;
  }
  if (several > 0) result.flicker = flicker / several;
  return absl::OkStatus();
}

std::vector<Slot> PresentSlots(const Scene& scene) {
  std::vector<Slot> present;
  for (const Slot slot : kAllSlots) {
    if (HasSlot(scene, slot)) present.push_back(slot);
  }
  return present;
}

// Extracts meshes and compares them with the true surface.
absl::Status MeasureMeshes(const SyntheticScene& truth, int frames,
                           RunContext& context, Scene& scene,
                           Evaluation& result) {
  const double phase_of_frame = 1.0 / frames;
  DG4D_ASSIGN_OR_RETURN(
      const ConfigNode config,
      ParseYaml("stages: {mesh_extraction: {}}", "evaluation"));
  DG4D_ASSIGN_OR_RETURN(const Pipeline pipeline,
                        Pipeline::Create(config, PresentSlots(scene)));
  DG4D_RETURN_IF_ERROR(pipeline.Run(scene, context));
  const int times = static_cast<int>(scene.meshes.size());
  const int compared = std::min(times, kChamferTimes);
  double sum = 0;
  for (int i = 0; i < compared; ++i) {
    const int index = i * times / compared;
    const double frame =
        scene.gaussian_frames.empty() ? 0 : scene.gaussian_frames.times[index];
    sum += ChamferDistance(scene.meshes[index],
                           truth.Surface(frame * phase_of_frame));
  }
  result.chamfer = sum / compared;
  return absl::OkStatus();
}

// The line `yaml` with the overrides that concern it, for a scene that has the
// slots `present`.
absl::StatusOr<Pipeline> MakePipeline(const EvaluationOptions& options,
                                      const std::string& yaml,
                                      const std::vector<Slot>& present) {
  DG4D_ASSIGN_OR_RETURN(ConfigNode config, ParseYaml(yaml, "evaluation"));
  config["seed"] = ConfigNode::Scalar(absl::StrCat(options.run.seed));
  for (const std::string& assignment : options.overrides) {
    const std::vector<std::string> path = absl::StrSplit(assignment, '.');
    if (path.size() > 2 && path[0] == "stages" &&
        config.Find("stages")->Find(path[1]) == nullptr) {
      continue;
    }
    DG4D_RETURN_IF_ERROR(ApplyOverride(assignment, config));
  }
  return Pipeline::Create(config, present);
}

absl::StatusOr<Evaluation> EvaluateCase(const EvaluationOptions& options,
                                        const Case& object) {
  Evaluation result;
  result.name = object.name;
  result.floor = object.floor;
  DG4D_ASSIGN_OR_RETURN(const BlenderDataset train,
                        ReadBlenderDataset(object.folder, "train",
                                           {.max_side = options.max_side}));
  DG4D_ASSIGN_OR_RETURN(const BlenderDataset test,
                        ReadBlenderDataset(object.folder, "test",
                                           {.max_side = options.max_side}));
  const std::vector<double> times = train.Times();
  std::vector<Camera> cameras;
  int first_views = 0;
  for (const PosedImage& posed : train.images) {
    cameras.push_back(posed.camera);
    if (posed.time == times.front()) ++first_views;
  }
  result.frames = static_cast<int>(times.size());
  result.dynamic = result.frames > 1;
  result.train_views = static_cast<int>(train.images.size());
  result.test_views = static_cast<int>(test.images.size());

  Scene scene;
  WorldPlacement placement;
  std::string line;
  if (object.oracle.empty()) {
    placement = PlaceAround(cameras);
    line = EvaluationConfig(object.folder, result.frames, first_views,
                            options.max_side);
  } else {
    scene = OracleScene(*object.truth, options.max_side);
    line = OracleConfig(object.oracle, options.max_side);
    result.train_views = 1;
  }
  DG4D_ASSIGN_OR_RETURN(const Pipeline pipeline,
                        MakePipeline(options, line, PresentSlots(scene)));
  StageTimes stage_times;
  RunContext::Settings settings = options.run;
  settings.seed = pipeline.seed();
  settings.observers.push_back(&stage_times);
  RunContext context(settings);
  DG4D_RETURN_IF_ERROR(pipeline.Run(scene, context));
  result.gaussians = scene.gaussians.size();
  DG4D_RETURN_IF_ERROR(MeasureViews(
      scene, test, placement, result.frames,
      absl::StrCat(options.output, "/", object.name, "/test"), result));
  // A binary without that plugin still measures the views.
  if (object.truth != nullptr &&
      Registry<Stage>::Find("mesh_extraction").ok()) {
    scene.reference = train.images.front().image;
    scene.reference_camera = Place(cameras.front(), placement);
    DG4D_RETURN_IF_ERROR(
        MeasureMeshes(*object.truth, result.frames, context, scene, result));
  }
  result.stage_seconds = stage_times.seconds;
  for (const auto& [stage, seconds] : result.stage_seconds) {
    result.seconds += seconds;
  }
  result.peak_memory_mib = PeakMemoryMib();
  return result;
}

bool MeetsFloor(const Evaluation& e) { return !e.floor || e.psnr >= *e.floor; }

// Writes the data of a procedural scene and returns its folder.
absl::StatusOr<std::string> WriteCase(const EvaluationOptions& options,
                                      const std::string& name,
                                      const SyntheticScene& scene,
                                      bool dynamic) {
  const std::string folder = absl::StrCat(options.output, "/", name, "/data");
  DG4D_RETURN_IF_ERROR(WriteSyntheticDataset(
      scene,
      {.frames = dynamic ? kProceduralFrames : 1,
       .train_views = dynamic ? kDynamicTrainViews : kStaticTrainViews,
       .test_views = dynamic ? kTestViews : kStaticTestViews,
       .size = options.max_side},
      folder));
  return folder;
}

}  // namespace

std::string EvaluationConfig(const std::string& folder, int frames,
                             int first_views, int max_side) {
  const bool follows = first_views >= kEnoughViews;
  const auto stage = [&](const char* text, int steps) {
    return absl::StrReplaceAll(
        text, {{"STEPS", absl::StrCat(steps)},
               {"JOINED", absl::StrCat(steps * 2 / 5)},
               {"SETTLED", absl::StrCat(steps * 4 / 5)},
               {"FRAMES", absl::StrCat(frames)},
               {"TIMES", follows ? "first" : "all"},
               {"WIDEN", follows ? "0.4" : "0"},
               {"NODES", absl::StrCat(std::clamp(frames, 2, kMaxTimeNodes))},
               {"PICTURES",
                absl::StrFormat("path: '%s', max_side: %d, frames: %d",
                                absl::StrReplaceAll(folder, {{"'", "''"}}),
                                max_side, frames)}});
  };
  std::string config = absl::StrCat(
      "stages:\n",
      stage(kStaticStage, frames > 1 ? kCanonicalSteps : kStaticSteps));
  if (frames > 1) {
    absl::StrAppend(&config, stage(kDynamicStage, kDynamicSteps));
  }
  return config;
}

std::vector<std::string> ProceduralObjects() {
  std::vector<std::string> objects;
  for (const char* prefix : {kStaticPrefix, kDynamicPrefix}) {
    for (const std::string& name : SyntheticScene::Names()) {
      objects.push_back(absl::StrCat(prefix, name));
    }
  }
  return objects;
}

std::vector<std::string> OracleObjects() {
  std::vector<std::string> objects;
  for (const std::string& name : SyntheticScene::Names()) {
    objects.push_back(absl::StrCat(kOraclePrefix, name));
  }
  return objects;
}

absl::StatusOr<std::vector<Evaluation>> Evaluate(
    const EvaluationOptions& options,
    absl::FunctionRef<void(const Evaluation&)> done) {
  std::vector<Evaluation> results;
  const auto run = [&](const Case& object) -> absl::Status {
    absl::StatusOr<Evaluation> result = EvaluateCase(options, object);
    if (!result.ok()) return Annotate(result.status(), object.name);
    done(*result);
    results.push_back(*std::move(result));
    return absl::OkStatus();
  };
  // Guides nothing but the oracle's objects.
  const ScopedRegistration<Guidance, OracleGuidance> oracle("oracle");
  std::vector<std::string> objects;
  for (const std::string suite : {"procedural", "oracle"}) {
    for (const std::string& name :
         suite == "oracle" ? OracleObjects() : ProceduralObjects()) {
      if (options.suite == suite || options.suite == name) {
        objects.push_back(name);
      }
    }
  }
  if (objects.empty()) {
    DG4D_RETURN_IF_ERROR(run({.name = std::filesystem::absolute(options.suite)
                                          .lexically_normal()
                                          .filename()
                                          .string(),
                              .folder = options.suite}));
  } else {
    for (const std::string& name : objects) {
      absl::string_view scene_name = name;
      const bool guided = absl::ConsumePrefix(&scene_name, kOraclePrefix);
      const bool dynamic = absl::ConsumePrefix(&scene_name, kDynamicPrefix);
      absl::ConsumePrefix(&scene_name, kStaticPrefix);
      DG4D_ASSIGN_OR_RETURN(const SyntheticScene scene,
                            SyntheticScene::Create(scene_name));
      DG4D_ASSIGN_OR_RETURN(const std::string folder,
                            WriteCase(options, name, scene, dynamic));
      DG4D_RETURN_IF_ERROR(
          run({.name = name,
               .folder = folder,
               .truth = &scene,
               .floor = guided    ? kOracleFloor
                        : dynamic ? kDynamicFloor
                                  : kStaticFloor,
               .oracle = guided ? std::string(scene_name) : ""}));
    }
  }
  DG4D_RETURN_IF_ERROR(CreateDirectories(options.output));
  DG4D_RETURN_IF_ERROR(
      WriteFileAtomically(absl::StrCat(options.output, "/results.json"),
                          ToJson(options.suite, results)));
  return results;
}

absl::Status CheckFloors(const EvaluationOptions& options,
                         absl::Span<const Evaluation> evaluations) {
  if (!options.overrides.empty() ||
      options.max_side != EvaluationOptions::kMaxSide) {
    return absl::OkStatus();
  }
  std::vector<std::string> below;
  for (const Evaluation& e : evaluations) {
    if (MeetsFloor(e)) continue;
    below.push_back(absl::StrFormat("%s is at %.2f dB, below its floor of %g",
                                    e.name, e.psnr, *e.floor));
  }
  if (below.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrJoin(below, "; "));
}

std::string TableHeader() {
  return absl::StrFormat("%-24s %6s %6s %8s %6s %6s %7s %7s %8s %7s %7s %8s\n",
                         "object", "views", "PSNR", "floor", "worst", "SSIM",
                         "IoU", "flicker", "Chamfer", "points", "seconds",
                         "MiB");
}

std::string TableRow(const Evaluation& e) {
  const auto optional = [](const std::optional<double>& value) {
    return value.has_value() ? absl::StrFormat("%.4f", *value)
                             : std::string("-");
  };
  return absl::StrFormat(
      "%-24s %6d %6.2f %8s %6.2f %6.4f %7.4f %7s %8s %7d %7.1f %8.0f\n", e.name,
      e.test_views, e.psnr,
      e.floor
          ? absl::StrFormat("%g %s", *e.floor, MeetsFloor(e) ? "met" : "MISSED")
          : "-",
      e.worst_psnr, e.ssim, e.mask_iou, optional(e.flicker),
      optional(e.chamfer), e.gaussians, e.seconds, e.peak_memory_mib);
}

std::string ToJson(const std::string& suite,
                   absl::Span<const Evaluation> evaluations) {
  using Json = nlohmann::ordered_json;
  const auto optional = [](const std::optional<double>& value) {
    return value.has_value() ? Json(*value) : Json(nullptr);
  };
  Json results = Json::array();
  for (const Evaluation& e : evaluations) {
    Json seconds = Json::object();
    for (const auto& [stage, value] : e.stage_seconds) seconds[stage] = value;
    results.push_back({{"name", e.name},
                       {"dynamic", e.dynamic},
                       {"frames", e.frames},
                       {"train_views", e.train_views},
                       {"test_views", e.test_views},
                       {"gaussians", e.gaussians},
                       {"psnr_db", e.psnr},
                       {"floor_db", optional(e.floor)},
                       {"floor_met", e.floor ? Json(MeetsFloor(e)) : Json()},
                       {"worst_psnr_db", e.worst_psnr},
                       {"ssim", e.ssim},
                       {"mask_iou", e.mask_iou},
                       {"flicker", optional(e.flicker)},
                       {"chamfer", optional(e.chamfer)},
                       {"seconds", e.seconds},
                       {"stage_seconds", seconds},
                       {"peak_memory_mib", e.peak_memory_mib}});
  }
  return Json({{"suite", suite}, {"results", results}}).dump(2) + "\n";
}

}  // namespace dg4d
