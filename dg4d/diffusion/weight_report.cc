#include "dg4d/diffusion/weight_report.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dg4d/base/status.h"
#include "dg4d/diffusion/clip_vision.h"
#include "dg4d/diffusion/json_config.h"
#include "dg4d/diffusion/load_network.h"
#include "dg4d/diffusion/scheduler.h"
#include "dg4d/diffusion/unet.h"
#include "dg4d/diffusion/vae.h"
#include "dg4d/diffusion/video_unet.h"
#include "dg4d/diffusion/video_vae.h"

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

const std::map<std::string, Checker>& Checkers() {
  static const auto& checkers = *new std::map<std::string, Checker>{
      {"AutoencoderKL", &Check<Vae>},
      {"AutoencoderKLTemporalDecoder", &Check<VideoVae>},
      {"CLIPCameraProjection", &Check<CameraProjection>},
      {"CCProjection", &Check<CameraProjection>},
      {"CLIPVisionModelWithProjection", &Check<ClipVision>},
      {"UNet2DConditionModel", &Check<UNet>},
      {"UNetSpatioTemporalConditionModel", &Check<VideoUNet>},
  };
  return checkers;
}

template <typename Scheduler>
absl::Status CheckScheduler(JsonConfig json) {
  return Scheduler::Config::Parse(std::move(json)).status();
}

// The class that a configuration is of; transformers keep it in a list.
std::string KindOf(JsonConfig json) {
  const std::string name = json.Text("_class_name", "");
  if (!name.empty()) return name;
  return json.Texts("architectures", {""}).front();
}

ComponentReport ReportScheduler(const std::string& path) {
  ComponentReport report = {.name = "scheduler", .file = path};
  const auto json = JsonConfig::Read(path);
  report.status = json.status();
  if (!json.ok()) return report;
  report.kind = KindOf(*json);
  report.status = report.kind == "EulerDiscreteScheduler"
                      ? CheckScheduler<EulerScheduler>(*json)
                      : CheckScheduler<DdimScheduler>(*json);
  return report;
}

ComponentReport ReportComponent(const std::string& folder,
                                const std::string& name,
                                const std::string& variant) {
  ComponentReport report = {.name = name};
  const auto json = JsonConfig::Read(folder + "/config.json");
  if (!json.ok()) {
    report.status = json.status();
    return report;
  }
  report.kind = KindOf(*json);
  const auto weights = WeightFolder::Open(folder, variant);
  if (!weights.ok()) {
    report.status = weights.status();
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
  const auto checker = Checkers().find(report.kind);
  report.status =
      checker == Checkers().end()
          ? absl::UnimplementedError(absl::StrCat(
                "no network called '", report.kind, "' is implemented"))
          : checker->second(folder, variant);
  return report;
}

// By the kinds of networks that are there.
void NamePipeline(WeightReport& report) {
  std::set<std::string> kinds, names;
  for (const ComponentReport& component : report.components) {
    kinds.insert(component.kind);
    names.insert(component.name);
  }
  std::vector<std::string> needed = {"image_encoder", "scheduler", "unet",
                                     "vae"};
  if (kinds.count("UNetSpatioTemporalConditionModel") > 0) {
    report.pipeline = "svd";
  } else if (kinds.count("UNet2DConditionModel") > 0) {
    report.pipeline = "zero123";
    if (names.count("cc_projection") == 0) {
      needed.emplace_back("clip_camera_projection");
    }
  } else {
    return;
  }
  for (const std::string& name : needed) {
    if (names.count(name) == 0) report.missing.push_back(name);
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
    if (fs::exists(entry / "scheduler_config.json", error)) {
      report.components.push_back(
          ReportScheduler((entry / "scheduler_config.json").string()));
    } else if (fs::exists(entry / "config.json", error)) {
      report.components.push_back(
          ReportComponent(entry.string(), name, variant));
    } else if (IsLicence(name)) {
      report.licences.push_back(name);
    }
  }
  NamePipeline(report);
  return report;
}

}  // namespace dg4d::diffusion
