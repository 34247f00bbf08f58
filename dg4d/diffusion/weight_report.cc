#include "dg4d/diffusion/weight_report.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dg4d/base/status.h"
#include "dg4d/diffusion/clip_images.h"
#include "dg4d/diffusion/clip_vision.h"
#include "dg4d/diffusion/json_config.h"
#include "dg4d/diffusion/load_network.h"
#include "dg4d/diffusion/scheduler.h"
#include "dg4d/diffusion/unet.h"
#include "dg4d/diffusion/vae.h"
#include "dg4d/diffusion/video_diffusion.h"
#include "dg4d/diffusion/video_unet.h"
#include "dg4d/diffusion/video_vae.h"
#include "dg4d/diffusion/weight_folder.h"
#include "dg4d/diffusion/zero123.h"

namespace dg4d::diffusion {
namespace {

namespace fs = std::filesystem;

// Builds the network without memory: says whether its tensors are there.
template <typename Network>
absl::Status Check(const std::string& folder, const std::string& variant) {
  return LoadNetwork<Network>(folder, {.variant = variant, .device = at::kMeta})
      .status();
}

using Checker = absl::Status (*)(const std::string&, const std::string&);

template <typename Scheduler>
absl::Status CheckScheduler(const std::string& folder, const std::string&) {
  DG4D_ASSIGN_OR_RETURN(JsonConfig json,
                        JsonConfig::Read(folder + "/scheduler_config.json"));
  return Scheduler::Config::Parse(std::move(json)).status();
}

absl::Status CheckClipImages(const std::string& folder, const std::string&) {
  return ClipImages::Of(fs::path(folder).parent_path().string()).status();
}

// A component as it stands in a pipeline's folder. What it is called says how
// the loader reads it, whatever class its configuration names.
struct Component {
  const char* name;
  Checker check;
  const char* config = "config.json";
  bool weights = true;
  bool required = true;
};

struct PipelineKind {
  const char* name;
  std::vector<Component> components;
  std::vector<std::string> kinds;  // that no other pipeline has
  std::vector<std::string> names;  // the same of components
  std::string folder;              // part of its folder's name
  // Loads what a folder holds without memory.
  Checker load;
};

template <typename Model>
absl::Status Load(const std::string& folder, const std::string& variant) {
  return Model::Load(folder, {.variant = variant, .device = at::kMeta})
      .status();
}

const std::vector<PipelineKind>& Pipelines() {
  const Component preprocessor = {.name = "feature_extractor",
                                  .check = &CheckClipImages,
                                  .config = "preprocessor_config.json",
                                  .weights = false,
                                  .required = false};
  static const auto& pipelines = *new std::vector<PipelineKind>{
      {.name = "zero123",
       .components = {{.name = "cc_projection",
                       .check = &Check<CameraProjection>,
                       .required = false},
                      {.name = "clip_camera_projection",
                       .check = &Check<CameraProjection>},
                      preprocessor,
                      {.name = "image_encoder", .check = &Check<ClipVision>},
                      {.name = "scheduler",
                       .check = &CheckScheduler<DdimScheduler>,
                       .config = "scheduler_config.json",
                       .weights = false},
                      {.name = "unet", .check = &Check<UNet>},
                      {.name = "vae", .check = &Check<Vae>}},
       .kinds = {"UNet2DConditionModel", "CLIPCameraProjection",
                 "CCProjection"},
       .names = {"clip_camera_projection", "cc_projection"},
       .folder = "zero123",
       .load = &Load<Zero123>},
      {.name = "svd",
       .components = {preprocessor,
                      {.name = "image_encoder", .check = &Check<ClipVision>},
                      {.name = "scheduler",
                       .check = &CheckScheduler<EulerScheduler>,
                       .config = "scheduler_config.json",
                       .weights = false},
                      {.name = "unet", .check = &Check<VideoUNet>},
                      {.name = "vae", .check = &Check<VideoVae>}},
       .kinds = {"UNetSpatioTemporalConditionModel",
                 "AutoencoderKLTemporalDecoder", "EulerDiscreteScheduler"},
       .folder = "video-diffusion",
       .load = &Load<VideoDiffusion>},
  };
  return pipelines;
}

// The component of a pipeline that is called `name`, or null; of the first that
// has one where `pipeline` is null.
const Component* FindComponent(const PipelineKind* pipeline,
                               const std::string& name) {
  for (const PipelineKind& each : Pipelines()) {
    if (pipeline != nullptr && pipeline != &each) continue;
    for (const Component& component : each.components) {
      if (name == component.name) return &component;
    }
  }
  return nullptr;
}

// The class that a configuration is of; transformers keep it in a list.
std::string KindOf(JsonConfig json) {
  const std::string name = json.Text("_class_name", "");
  if (!name.empty()) return name;
  return json.Texts("architectures", {""}).front();
}

// Its status says only whether its files can be read, not what is in them.
ComponentReport Describe(const Component& component, const std::string& folder,
                         const std::string& variant) {
  ComponentReport report = {.name = component.name};
  const std::string path = absl::StrCat(folder, "/", component.config);
  const auto json = JsonConfig::Read(path);
  if (json.ok()) report.kind = KindOf(*json);
  if (component.weights || component.required) report.status = json.status();
  std::error_code ignored;
  if (!component.weights) {
    if (fs::exists(path, ignored)) report.file = path;
    return report;
  }
  const auto weights = WeightFolder::Open(folder, variant);
  if (!weights.ok()) {
    report.status.Update(weights.status());
    return report;
  }
  report.file = weights->path();
  report.parameters = weights->Parameters();
  report.bytes = weights->Bytes();
  std::vector<std::string> types;
  for (const auto& [type, count] : weights->Types()) {
    types.emplace_back(at::toString(type));
  }
  report.types = absl::StrJoin(types, ", ");
  return report;
}

// By the kinds of what is there: a configuration that names none may be missing
// or of another make, so that names stand in for kinds. Null if unknown.
const PipelineKind* PipelineOf(const std::string& folder,
                               const std::vector<ComponentReport>& components) {
  const auto has = [](const std::vector<std::string>& all,
                      const std::string& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
  };
  for (const PipelineKind& pipeline : Pipelines()) {
    for (const ComponentReport& component : components) {
      if (has(pipeline.kinds, component.kind)) return &pipeline;
    }
  }
  const std::string name =
      fs::absolute(folder).lexically_normal().filename().string();
  for (const PipelineKind& pipeline : Pipelines()) {
    for (const ComponentReport& component : components) {
      if (has(pipeline.names, component.name)) return &pipeline;
    }
    if (!components.empty() && absl::StrContains(name, pipeline.folder)) {
      return &pipeline;
    }
  }
  return nullptr;
}

// What the folder lacks of `pipeline`, and whether all that it holds can be
// loaded.
void CheckPipeline(const PipelineKind& pipeline, const std::string& folder,
                   const std::string& variant, WeightReport& report) {
  report.pipeline = pipeline.name;
  std::set<std::string> names;
  bool sound = true;
  for (ComponentReport& part : report.components) {
    names.insert(part.name);
    const Component* component = FindComponent(&pipeline, part.name);
    if (component == nullptr) continue;  // of another pipeline: not read
    part.status =
        component->check(absl::StrCat(folder, "/", part.name), variant);
    sound &= part.status.ok();
  }
  for (const Component& component : pipeline.components) {
    if (!component.required || names.count(component.name) > 0) continue;
    // The authors' own folder calls it otherwise.
    if (component.name == absl::string_view("clip_camera_projection") &&
        names.count("cc_projection") > 0) {
      continue;
    }
    report.missing.emplace_back(component.name);
  }
  if (sound && report.missing.empty()) {
    report.together = pipeline.load(folder, variant);
  }
}

bool IsLicence(const std::string& file) {
  const std::string lower = absl::AsciiStrToLower(file);
  return absl::StartsWith(lower, "license") ||
         absl::StartsWith(lower, "licence");
}

}  // namespace

absl::StatusOr<WeightReport> ReportWeights(const std::string& folder,
                                           const std::string& variant) {
  std::error_code error;
  std::vector<fs::path> entries;
  for (fs::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    entries.push_back(it->path());
  }
  if (error) {
    return absl::NotFoundError(
        absl::StrCat("cannot read folder ", folder, ": ", error.message()));
  }
  std::sort(entries.begin(), entries.end());
  WeightReport report;
  for (const fs::path& entry : entries) {
    const std::string name = entry.filename().string();
    const Component* component = FindComponent(nullptr, name);
    if (component != nullptr && fs::is_directory(entry, error) &&
        !fs::is_empty(entry, error)) {
      report.components.push_back(
          Describe(*component, entry.string(), variant));
    } else if (fs::exists(entry / "config.json", error)) {
      report.unread.push_back(name);
    } else if (IsLicence(name)) {
      report.licences.push_back(name);
    }
  }
  if (const auto* pipeline = PipelineOf(folder, report.components)) {
    CheckPipeline(*pipeline, folder, variant, report);
  } else if (!report.components.empty()) {
    report.together = absl::FailedPreconditionError(absl::StrCat(
        folder,
        ": neither zero123 nor svd: no configuration in it names a class of "
        "theirs, and there is no camera projection"));
  }
  return report;
}

}  // namespace dg4d::diffusion
