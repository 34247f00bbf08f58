#include "tools/report/run_report.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"
#include "dg4d/core/config.h"
#include "dg4d/core/exporter.h"
#include "dg4d/core/registry.h"
#include "tools/report/codecs.h"
#include "tools/report/text.h"

namespace dg4d {
namespace {

namespace fs = std::filesystem;

constexpr int kInputSide = 512;

// Every file below `directory` but the report itself and those that are not
// whole yet (PendingFile), by name.
std::vector<Report::File> FilesBelow(const std::string& directory) {
  std::vector<Report::File> files;
  std::error_code error;
  for (fs::recursive_directory_iterator it(directory, error), end;
       !error && it != end; it.increment(error)) {
    std::error_code unreadable;
    if (!it->is_regular_file(unreadable)) continue;
    const std::string path =
        it->path().lexically_relative(directory).generic_string();
    if (path == RunReport::kFileName ||
        absl::StartsWith(it->path().filename().string(), ".")) {
      continue;
    }
    const auto bytes = it->file_size(unreadable);
    if (unreadable) continue;
    files.push_back({path, static_cast<int64_t>(bytes)});
  }
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

// What lies where, as far as the program knows.
std::vector<std::pair<std::string, std::string>> Contents(
    const ConfigNode& config) {
  std::vector<std::pair<std::string, std::string>> contents = {
      {"checkpoints",
       "What each stage made; --resume and dg4d export read it."},
      {"metrics.jsonl", "Each step's numbers, as JSON, a line a step."},
      {"run.json", "What this page says of the run, as JSON."},
      {"run.yaml", "Every setting: running it again gives the same bytes."}};
  const ConfigNode* exporters = config.Find("exporters");
  if (exporters == nullptr) return contents;
  for (const auto& [key, exporter] : exporters->entries) {
    const ConfigNode* path = exporter.Find("path");
    const ConfigNode* named = exporter.Find("plugin");
    const std::string& plugin = named == nullptr ? key : named->scalar;
    const auto found = Registry<Exporter>::Find(plugin);
    if (path == nullptr || !found.ok()) continue;
    contents.emplace_back(path->scalar, (*found)->summary);
  }
  return contents;
}

// Makes a run of the same picture with the same settings, in another folder.
std::string Command(const RunContext::Settings& settings) {
  std::vector<std::string> words = {"dg4d", "run"};
  for (const auto& [flag, value] :
       {std::pair("--config=", settings.output_directory + "/run.yaml"),
        std::pair("--image=", settings.input_image),
        std::pair("--video=", settings.input_video),
        std::pair("--output=", settings.output_directory + "_again")}) {
    if (!value.empty()) words.push_back(ShellWord(absl::StrCat(flag, value)));
  }
  return absl::StrJoin(words, " ");
}

}  // namespace

RunReport::RunReport(const Pipeline& pipeline,
                     const RunContext::Settings& settings, RunRecord& record)
    : directory_(settings.output_directory),
      input_image_(settings.input_image),
      stages_(pipeline.stage_keys()),
      record_(record),
      inspector_(settings.devices.front()) {
  report_.config = ToYaml(pipeline.resolved());
  report_.command = Command(settings);
  report_.contents = Contents(pipeline.resolved());
}

void RunReport::StageStarted(absl::string_view) {
  Write().IgnoreError();  // Finish reports what stays wrong
}

void RunReport::StageFinished(absl::string_view stage,
                              const absl::Status& status, absl::Duration,
                              const Scene& scene) {
  const bool is_stage =
      std::find(stages_.begin(), stages_.end(), stage) != stages_.end();
  if (is_stage && status.ok()) {
    const absl::Status inspected =
        CatchExceptions([&] { return Inspect(scene, /*is_new=*/true); });
    if (!inspected.ok()) {
      report_.no_pictures = std::string(inspected.message());
    }
  }
  Write().IgnoreError();
}

absl::Status RunReport::Inspect(const Scene& scene, bool is_new) {
  nlohmann::ordered_json measures = inspector_.Inspect(scene);
  for (const char* part : {"gaussians", "mesh"}) {
    // A run that goes on sees what it found there for the first time.
    if (measures.contains(part) &&
        measures[part] == LatestMeasures(record_.json(), part)) {
      measures.erase(part);
    }
  }
  if (is_new) record_.AddMeasures(std::move(measures));
  report_.inputs.clear();
  // What cannot be read is a stage's affair, which says so.
  if (const auto given = ReadPicture(input_image_); given.ok()) {
    DG4D_ASSIGN_OR_RETURN(const std::string url,
                          DataUrl(ShrinkToSide(*given, kInputSide)));
    report_.inputs.push_back({url, "The picture as given"});
  }
  if (!scene.reference.empty()) {
    DG4D_ASSIGN_OR_RETURN(const std::string url,
                          DataUrl(ShrinkToSide(scene.reference, kInputSide)));
    report_.inputs.push_back({url, "Cut out and placed"});
  }
  report_.frames.clear();
  for (const SceneInspector::Frame& frame : inspector_.frames()) {
    Report::Frame shown = {.label = absl::StrCat("frame ", frame.number)};
    DG4D_ASSIGN_OR_RETURN(const std::string driving, DataUrl(frame.driving));
    shown.pictures.push_back({driving, "driving"});
    const auto add = [&](const Image& picture, const char* what,
                         double psnr) -> absl::Status {
      if (picture.empty()) return absl::OkStatus();
      DG4D_ASSIGN_OR_RETURN(const std::string url, DataUrl(picture));
      shown.pictures.push_back({url, absl::StrFormat("%s %.1f", what, psnr)});
      return absl::OkStatus();
    };
    DG4D_RETURN_IF_ERROR(
        add(frame.gaussians, "Gaussians", frame.gaussians_psnr));
    DG4D_RETURN_IF_ERROR(add(frame.mesh, "mesh", frame.mesh_psnr));
    report_.frames.push_back(std::move(shown));
  }
  return absl::OkStatus();
}

absl::Status RunReport::DrawTurntables(const Scene& scene) {
  report_.turntables.clear();
  for (const auto& [sheet, caption] :
       {std::pair(inspector_.GaussianTurntable(scene), "Gaussians"),
        std::pair(inspector_.MeshTurntable(scene), "Mesh")}) {
    if (sheet.picture.empty()) continue;
    DG4D_ASSIGN_OR_RETURN(const std::string url, DataUrl(sheet.picture));
    report_.turntables.push_back({url, caption});
    report_.sheet = {.columns = sheet.columns,
                     .rows = sheet.rows,
                     .side = sheet.side,
                     .fps = sheet.fps};
  }
  return absl::OkStatus();
}

absl::Status RunReport::Finish(const Scene& scene) {
  const absl::Status drawn = CatchExceptions([&]() -> absl::Status {
    // A run whose stages were all finished before has not looked yet.
    DG4D_RETURN_IF_ERROR(Inspect(scene, /*is_new=*/false));
    return DrawTurntables(scene);
  });
  if (!drawn.ok()) report_.no_pictures = std::string(drawn.message());
  return Write();
}

absl::Status RunReport::Write() {
  report_.record = record_.json();
  const auto metrics = ReadFile(directory_ + "/metrics.jsonl");
  report_.curves = metrics.ok() ? ReadCurves(*metrics) : std::vector<Curve>();
  report_.files = FilesBelow(directory_);
  return WriteFileAtomically(absl::StrCat(directory_, "/", kFileName),
                             ReportPage(report_));
}

}  // namespace dg4d
