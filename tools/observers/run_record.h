#ifndef TOOLS_OBSERVERS_RUN_RECORD_H_
#define TOOLS_OBSERVERS_RUN_RECORD_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "dg4d/core/observer.h"
#include "dg4d/core/run_context.h"

namespace dg4d {

// Keeps run.json: versions, seed, input and its SHA-256, device, and each
// stage's seconds and peak memory. A run that resumes adds to the stages that
// are there.
class RunRecord : public RunObserver {
 public:
  RunRecord(std::string path, const RunContext::Settings& settings);
  ~RunRecord() override;

  void StageStarted(absl::string_view stage) override;
  void Warning(absl::string_view stage, absl::string_view message) override;
  void StageFinished(absl::string_view stage, const absl::Status& status,
                     absl::Duration duration, const Scene& scene) override;

  // Writes the file once more with how the run ended.
  absl::Status Finish(const absl::Status& status);

 private:
  struct Json;
  absl::Status Write();

  const std::string path_;
  std::unique_ptr<Json> json_;
};

// The most memory that this process held since the last call, in bytes (its
// resident set, as Linux counts it); 0 if unknown.
int64_t TakePeakMemory();

}  // namespace dg4d

#endif  // TOOLS_OBSERVERS_RUN_RECORD_H_
