#ifndef DG4D_CORE_RUN_CONTEXT_H_
#define DG4D_CORE_RUN_CONTEXT_H_

#include <ATen/core/Generator.h>
#include <c10/core/Device.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dg4d/core/observer.h"
#include "dg4d/core/state_archive.h"

namespace dg4d {

// Tells a run, from another thread or a signal handler, to wait or to stop.
struct RunControl {
  enum State : int { kRun, kPause, kStop };
  std::atomic<int> state = kRun;
};

// What a stage, guidance or exporter may use of the run it is part of. Passed
// by reference and never kept.
class RunContext {
 public:
  struct Settings {
    // Where tensors live; the first is home.
    std::vector<c10::Device> devices = {c10::Device(c10::kCPU)};
    uint64_t seed = 0;
    // The user's files, read by the stages that need them.
    std::string input_image;
    std::string input_video;
    // Folder of folders of network weights, where plugins look for those that
    // they name; see FindWeights.
    std::string weights;
    // Empty: nothing is kept on disk, and nothing can be resumed.
    std::string output_directory;
    // Steps between a stage's checkpoints; 0: only where it stops.
    int64_t checkpoint_every = 0;
    // Whether stages go on from their checkpoints.
    bool resume = false;
    RunControl* control = nullptr;
    std::vector<RunObserver*> observers;
  };

  RunContext();
  explicit RunContext(Settings settings);

  const Settings& settings() const { return settings_; }
  c10::Device device() const { return settings_.devices.front(); }

  // The folder of network weights that a plugin's option `path` names: as it
  // stands, or below settings().weights. NotFound says how to give it.
  absl::StatusOr<std::string> FindWeights(const std::string& path) const;

  // The stage that runs now: its key in the configuration, which seeds its
  // generator. Checkpoints carry `fingerprint`, and only those that carry the
  // same are gone on from: it stands for all that the stage's result depends
  // on.
  void EnterStage(absl::string_view key, absl::string_view fingerprint = "");
  const std::string& stage() const { return stage_; }

  // The stage's own generator, on the CPU.
  at::Generator& generator() { return generator_; }

  // For the loop of a stage that takes `steps` steps:
  //
  //   DG4D_RETURN_IF_ERROR(context.Restore(visit));  // may set `step`
  //   while (step < steps) {
  //     ...
  //     ++step;
  //     DG4D_RETURN_IF_ERROR(context.EndStep(step, steps, metrics, visit));
  //   }
  //
  // Restore fills the state from the stage's last checkpoint if the run resumes
  // and there is one.
  absl::Status Restore(absl::FunctionRef<void(StateArchive&)> visit);
  // Reports a step, writes a checkpoint when one is due, waits while the run
  // is paused, and returns Cancelled, after a checkpoint, when it is stopped.
  absl::Status EndStep(int64_t steps_done, int64_t steps,
                       const Metrics& metrics,
                       absl::FunctionRef<void(StateArchive&)> visit);
  // The same for work that has no state worth a checkpoint.
  absl::Status EndStep(int64_t steps_done, int64_t steps,
                       const Metrics& metrics = {});

  // Reports to the observers.
  void Snapshot(int64_t steps_done, absl::FunctionRef<Scene()> make);
  void ReportCameras(const std::vector<Camera>& cameras);
  void Warn(absl::string_view message);

  // OK, or Cancelled when the run was told to stop. Waits while it is paused.
  absl::Status CheckCancelled() const;

 private:
  absl::Status WriteCheckpoint(absl::FunctionRef<void(StateArchive&)> visit);

  Settings settings_;
  std::string stage_;
  std::string fingerprint_;
  at::Generator generator_;
};

// Where the stage `key` of a run in `output_directory` keeps its result, and
// its state while it works.
std::string ResultPath(const std::string& output_directory,
                       absl::string_view key);
std::string ProgressPath(const std::string& output_directory,
                         absl::string_view key);

}  // namespace dg4d

#endif  // DG4D_CORE_RUN_CONTEXT_H_
