#include "tools/observers/run_record.h"

#include <torch/version.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "dg4d/base/digest.h"
#include "dg4d/base/files.h"
#include "dg4d/base/parallel.h"
#include "dg4d/base/version.h"

namespace dg4d {

using nlohmann::ordered_json;

struct RunRecord::Json {
  ordered_json value;
};

namespace {

ordered_json Input(const std::string& path) {
  ordered_json input = {{"path", path}};
  const absl::StatusOr<std::string> bytes = ReadFile(path);
  if (bytes.ok()) input["sha256"] = Sha256Hex(*bytes);
  return input;
}

// The stages of an earlier run in this file.
ordered_json EarlierStages(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return ordered_json::array();
  const ordered_json earlier =
      ordered_json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!earlier.is_object() || !earlier.contains("stages")) {
    return ordered_json::array();
  }
  return earlier["stages"];
}

}  // namespace

int64_t TakePeakMemory() {
  int64_t peak = 0;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmHWM:", 0) == 0) {
      std::istringstream(line.substr(6)) >> peak;
    }
  }
  std::ofstream("/proc/self/clear_refs") << "5";  // resets the mark
  return peak * 1024;
}

RunRecord::RunRecord(std::string path, const RunContext::Settings& settings)
    : path_(std::move(path)), json_(std::make_unique<Json>()) {
  ordered_json& value = json_->value;
  value["dg4d"] = kVersion;
  value["libtorch"] = TORCH_VERSION;
  value["device"] = settings.devices.front().str();
  value["threads"] = Threads();
  value["seed"] = settings.seed;
  if (!settings.input_image.empty()) {
    value["image"] = Input(settings.input_image);
  }
  if (!settings.input_video.empty()) {
    value["video"] = Input(settings.input_video);
  }
  value["status"] = "running";
  value["stages"] =
      settings.resume ? EarlierStages(path_) : ordered_json::array();
}

RunRecord::~RunRecord() = default;

void RunRecord::StageStarted(absl::string_view) { TakePeakMemory(); }

void RunRecord::Warning(absl::string_view stage, absl::string_view message) {
  json_->value["warnings"].push_back(
      {{"stage", std::string(stage)}, {"message", std::string(message)}});
}

void RunRecord::StageFinished(absl::string_view stage,
                              const absl::Status& status,
                              absl::Duration duration, const Scene&) {
  json_->value["stages"].push_back(
      {{"name", std::string(stage)},
       {"status", absl::StatusCodeToString(status.code())},
       {"seconds", absl::ToDoubleSeconds(duration)},
       {"peak_memory_bytes", TakePeakMemory()}});
  Write().IgnoreError();  // Finish reports what stays wrong
}

absl::Status RunRecord::Finish(const absl::Status& status) {
  json_->value["status"] = absl::StatusCodeToString(status.code());
  return Write();
}

absl::Status RunRecord::Write() {
  return WriteFileAtomically(path_, json_->value.dump(2) + "\n");
}

}  // namespace dg4d
