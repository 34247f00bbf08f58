#ifndef TOOLS_OBSERVERS_RUN_RECORD_H_
#define TOOLS_OBSERVERS_RUN_RECORD_H_

#include <c10/core/Device.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "dg4d/core/observer.h"
#include "dg4d/core/run_context.h"

namespace dg4d {

// Keeps run.json: versions, seed, input and its SHA-256, device, when the run
// was at work, each stage's seconds, steps and peak memory (the process's, and
// what torch's allocator held of the device), warnings, and how all of it
// ended.
class RunRecord : public RunObserver {
 public:
  // A run that `goes_on` from an earlier one adds to what that left at `path`;
  // a stage that runs again drops the warnings of its earlier runs.
  RunRecord(std::string path, const RunContext::Settings& settings,
            bool goes_on);

  void StageStarted(absl::string_view stage) override;
  void Step(absl::string_view stage, int64_t steps_done, int64_t steps,
            const Metrics& metrics) override;
  void Warning(absl::string_view stage, absl::string_view message) override;
  void StageFinished(absl::string_view stage, const absl::Status& status,
                     absl::Duration duration, const Scene& scene) override;

  // Puts `measures` with what is kept of the stage that finished last.
  void AddMeasures(nlohmann::ordered_json measures);

  // Writes the file once more with how the run ended.
  absl::Status Finish(const absl::Status& status);

  // What the file says, or will say next time.
  const nlohmann::ordered_json& json() const { return json_; }

 private:
  absl::Status Write();

  const std::string path_;
  const c10::Device device_;
  nlohmann::ordered_json json_;
  int64_t steps_done_ = 0, steps_ = 0;  // of this stage
  size_t earlier_warnings_ = 0;         // of runs that this one goes on from
};

// The most memory that this process held since the last call, in bytes (its
// resident set, as Linux counts it); 0 if unknown.
int64_t TakePeakMemory();

// The same of the tensors that torch's allocator held on `device`: less than
// what must be free there, for the driver needs some too. None for a CPU, and
// where nothing has been allocated yet.
std::optional<int64_t> TakePeakMemory(c10::Device device);

}  // namespace dg4d

#endif  // TOOLS_OBSERVERS_RUN_RECORD_H_
