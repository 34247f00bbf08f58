#include "dg4d/core/run_context.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "dg4d/base/random.h"
#include "dg4d/base/safetensors.h"
#include "dg4d/base/status.h"
#include "dg4d/scene/move_to_cpu.h"

namespace dg4d {
namespace {

constexpr char kFingerprint[] = "fingerprint";

}  // namespace

std::string ResultPath(const std::string& output_directory,
                       absl::string_view key) {
  return absl::StrCat(output_directory, "/checkpoints/", key, ".safetensors");
}

std::string ProgressPath(const std::string& output_directory,
                         absl::string_view key) {
  return absl::StrCat(output_directory, "/checkpoints/", key,
                      ".progress.safetensors");
}

RunContext::RunContext() : RunContext(Settings()) {}

RunContext::RunContext(Settings settings)
    : settings_(std::move(settings)),
      generator_(MakeGenerator(settings_.seed, "")) {}

absl::StatusOr<std::string> RunContext::FindWeights(
    const std::string& path) const {
  std::error_code ignored;
  std::vector<std::string> candidates = {path};
  const std::string& all = settings_.weights;
  if (!all.empty()) candidates.push_back(absl::StrCat(all, "/", path));
  for (const std::string& candidate : candidates) {
    if (!path.empty() && std::filesystem::is_directory(candidate, ignored)) {
      return candidate;
    }
  }
  return absl::NotFoundError(absl::StrCat(
      "there is no folder '", path, "' of network weights",
      all.empty() ? "" : absl::StrCat(", nor one in ", all),
      "\ngive --weights=FOLDER, the folder that holds such folders, or where "
      "one is as the plugin's option 'path'; 'dg4d doctor --weights=FOLDER' "
      "says what a folder holds"));
}

void RunContext::EnterStage(absl::string_view key,
                            absl::string_view fingerprint) {
  stage_ = std::string(key);
  fingerprint_ = std::string(fingerprint);
  generator_ = MakeGenerator(settings_.seed, key);
}

absl::Status RunContext::Restore(absl::FunctionRef<void(StateArchive&)> visit) {
  if (!settings_.resume || settings_.output_directory.empty()) {
    return absl::OkStatus();
  }
  const std::string path = ProgressPath(settings_.output_directory, stage_);
  absl::StatusOr<SafeTensors> content = ReadSafeTensors(path);
  if (absl::IsNotFound(content.status())) return absl::OkStatus();
  if (!content.ok()) return content.status();
  if (content->metadata[kFingerprint] != fingerprint_) {
    Warn(absl::StrCat("the checkpoint of stage '", stage_,
                      "' was made with other settings; starting it anew"));
    return absl::OkStatus();
  }
  StateArchive archive(std::move(content->tensors));
  visit(archive);
  return Annotate(archive.status(), path);
}

absl::Status RunContext::WriteCheckpoint(
    absl::FunctionRef<void(StateArchive&)> visit) {
  if (settings_.output_directory.empty()) return absl::OkStatus();
  StateArchive archive;
  visit(archive);
  return WriteSafeTensors({.tensors = archive.tensors(),
                           .metadata = {{kFingerprint, fingerprint_}}},
                          ProgressPath(settings_.output_directory, stage_));
}

absl::Status RunContext::EndStep(int64_t steps_done, int64_t steps,
                                 const Metrics& metrics,
                                 absl::FunctionRef<void(StateArchive&)> visit) {
  for (RunObserver* observer : settings_.observers) {
    observer->Step(stage_, steps_done, steps, metrics);
  }
  const bool due = settings_.checkpoint_every > 0 && steps_done < steps &&
                   steps_done % settings_.checkpoint_every == 0;
  if (due) DG4D_RETURN_IF_ERROR(WriteCheckpoint(visit));
  const absl::Status status = CheckCancelled();
  if (absl::IsCancelled(status) && !due) {
    DG4D_RETURN_IF_ERROR(WriteCheckpoint(visit));
  }
  return status;
}

absl::Status RunContext::EndStep(int64_t steps_done, int64_t steps,
                                 const Metrics& metrics) {
  for (RunObserver* observer : settings_.observers) {
    observer->Step(stage_, steps_done, steps, metrics);
  }
  return CheckCancelled();
}

void RunContext::Snapshot(int64_t steps_done, absl::FunctionRef<Scene()> make) {
  for (RunObserver* observer : settings_.observers) {
    observer->Snapshot(stage_, steps_done, [&] {
      Scene scene = make();
      MoveToCpu(scene);
      return scene;
    });
  }
}

void RunContext::ReportCameras(const std::vector<Camera>& cameras) {
  for (RunObserver* observer : settings_.observers) {
    observer->Cameras(stage_, cameras);
  }
}

void RunContext::Warn(absl::string_view message) {
  for (RunObserver* observer : settings_.observers) {
    observer->Warning(stage_, message);
  }
}

absl::Status RunContext::CheckCancelled() const {
  if (settings_.control == nullptr) return absl::OkStatus();
  const std::atomic<int>& state = settings_.control->state;
  while (state == RunControl::kPause) absl::SleepFor(absl::Milliseconds(20));
  if (state == RunControl::kStop) {
    return absl::CancelledError("the run was told to stop");
  }
  return absl::OkStatus();
}

}  // namespace dg4d
