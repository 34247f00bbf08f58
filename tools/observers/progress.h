#ifndef TOOLS_OBSERVERS_PROGRESS_H_
#define TOOLS_OBSERVERS_PROGRESS_H_

#include <cstdint>
#include <ostream>
#include <string>

#include "absl/time/time.h"
#include "dg4d/core/observer.h"

namespace dg4d {

// Shows how far a run is: on a terminal a bar with the time left, which is
// drawn over itself; elsewhere a line every ten seconds.
class Progress : public RunObserver {
 public:
  Progress(std::ostream& out, bool terminal) : out_(out), terminal_(terminal) {}

  void StageStarted(absl::string_view stage) override;
  void Step(absl::string_view stage, int64_t steps_done, int64_t steps,
            const Metrics& metrics) override;
  void Warning(absl::string_view stage, absl::string_view message) override;
  void StageFinished(absl::string_view stage, const absl::Status& status,
                     absl::Duration duration, const Scene& scene) override;

 private:
  void Line(const std::string& text, bool final);

  std::ostream& out_;
  const bool terminal_;
  absl::Time started_;
  absl::Time shown_;
  int64_t first_step_ = -1;  // of this stage in this process: a run may resume
};

}  // namespace dg4d

#endif  // TOOLS_OBSERVERS_PROGRESS_H_
