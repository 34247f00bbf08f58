#include "tools/observers/run_record.h"

#include <c10/core/CachingDeviceAllocator.h>
#include <torch/version.h>

#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "dg4d/base/digest.h"
#include "dg4d/base/files.h"
#include "dg4d/base/parallel.h"
#include "dg4d/base/version.h"

namespace dg4d {

using nlohmann::ordered_json;

namespace {

ordered_json Input(const std::string& path) {
  ordered_json input = {{"path", path}};
  const absl::StatusOr<std::string> bytes = ReadFile(path);
  if (bytes.ok()) input["sha256"] = Sha256Hex(*bytes);
  return input;
}

// What an earlier run left in this file; an empty object if nothing.
ordered_json Earlier(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return ordered_json::object();
  ordered_json earlier =
      ordered_json::parse(*text, nullptr, /*allow_exceptions=*/false);
  return earlier.is_object() ? earlier : ordered_json::object();
}

ordered_json ListOf(const ordered_json& object, const char* key) {
  const bool there = object.contains(key) && object[key].is_array();
  return there ? object[key] : ordered_json::array();
}

// As the kernel calls it; empty if unknown.
std::string Processor() {
  std::ifstream information("/proc/cpuinfo");
  for (std::string line; std::getline(information, line);) {
    if (line.rfind("model name", 0) != 0) continue;
    const size_t colon = line.find(':');
    if (colon == std::string::npos) break;
    return std::string(
        absl::StripAsciiWhitespace(absl::string_view(line).substr(colon + 1)));
  }
  return "";
}

std::string Now() {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", absl::Now(),
                          absl::UTCTimeZone());
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

std::optional<int64_t> TakePeakMemory(c10::Device device) {
  if (device.is_cpu()) return std::nullopt;
  c10::DeviceAllocator* allocator = c10::getDeviceAllocator(device.type());
  if (!allocator->initialized()) return std::nullopt;
  const c10::DeviceIndex index = device.has_index() ? device.index() : 0;
  constexpr auto kAll =
      static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  const int64_t peak =
      allocator->getDeviceStats(index).allocated_bytes[kAll].peak;
  allocator->resetPeakStats(index);
  return peak;
}

RunRecord::RunRecord(std::string path, const RunContext::Settings& settings,
                     bool goes_on)
    : path_(std::move(path)), device_(settings.devices.front()) {
  const ordered_json earlier =
      goes_on ? Earlier(path_) : ordered_json::object();
  json_["dg4d"] = kVersion;
  json_["libtorch"] = TORCH_VERSION;
  json_["device"] = settings.devices.front().str();
  json_["processor"] = Processor();
  json_["threads"] = Threads();
  json_["seed"] = settings.seed;
  for (const auto& [key, path] : {std::pair("image", &settings.input_image),
                                  std::pair("video", &settings.input_video)}) {
    if (!path->empty()) {
      json_[key] = Input(*path);
    } else if (earlier.contains(key)) {
      json_[key] = earlier[key];  // stages before this run's have seen it
    }
  }
  json_["started"] = Now();
  if (!earlier.empty()) {
    const ordered_json resumed = earlier.value("resumed", ordered_json());
    const ordered_json started = earlier.value("started", ordered_json());
    if (started.is_string()) json_["started"] = started;
    json_["resumed"] =
        resumed.is_number_integer() ? resumed.get<int64_t>() + 1 : 1;
  }
  json_["status"] = "running";
  json_["stages"] = ListOf(earlier, "stages");
  json_["warnings"] = ListOf(earlier, "warnings");
  earlier_warnings_ = json_["warnings"].size();
}

void RunRecord::StageStarted(absl::string_view stage) {
  ordered_json kept = ordered_json::array();
  size_t earlier = 0;
  for (size_t i = 0; i < json_["warnings"].size(); ++i) {
    const ordered_json& warning = json_["warnings"][i];
    const bool is_earlier = i < earlier_warnings_;
    if (is_earlier && warning.is_object() &&
        warning.value("stage", ordered_json()) == std::string(stage)) {
      continue;
    }
    kept.push_back(warning);
    if (is_earlier) ++earlier;
  }
  json_["warnings"] = std::move(kept);
  earlier_warnings_ = earlier;
  json_["stage"] = std::string(stage);
  steps_done_ = steps_ = 0;
  TakePeakMemory();
  TakePeakMemory(device_);
}

void RunRecord::Step(absl::string_view, int64_t steps_done, int64_t steps,
                     const Metrics&) {
  steps_done_ = steps_done;
  steps_ = steps;
}

void RunRecord::Warning(absl::string_view stage, absl::string_view message) {
  json_["warnings"].push_back(
      {{"stage", std::string(stage)}, {"message", std::string(message)}});
}

void RunRecord::StageFinished(absl::string_view stage,
                              const absl::Status& status,
                              absl::Duration duration, const Scene&) {
  ordered_json entry = {{"name", std::string(stage)},
                        {"status", absl::StatusCodeToString(status.code())},
                        {"seconds", absl::ToDoubleSeconds(duration)},
                        {"peak_memory_bytes", TakePeakMemory()}};
  if (const std::optional<int64_t> peak = TakePeakMemory(device_)) {
    entry["peak_device_memory_bytes"] = *peak;
  }
  if (steps_ > 0) {
    entry["steps_done"] = steps_done_;
    entry["steps"] = steps_;
  }
  json_["stages"].push_back(std::move(entry));
  json_.erase("stage");
  Write().IgnoreError();  // Finish reports what stays wrong
}

void RunRecord::AddMeasures(ordered_json measures) {
  if (measures.empty() || json_["stages"].empty()) return;
  json_["stages"].back()["measures"] = std::move(measures);
  Write().IgnoreError();
}

absl::Status RunRecord::Finish(const absl::Status& status) {
  json_["status"] = absl::StatusCodeToString(status.code());
  if (!status.ok()) json_["message"] = std::string(status.message());
  json_["ended"] = Now();
  return Write();
}

absl::Status RunRecord::Write() {
  // Names of files are bytes, and need be no UTF-8.
  return WriteFileAtomically(
      path_, absl::StrCat(json_.dump(2, ' ', false,
                                     ordered_json::error_handler_t::replace),
                          "\n"));
}

}  // namespace dg4d
