#ifndef DG4D_TESTING_STOP_AFTER_H_
#define DG4D_TESTING_STOP_AFTER_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "dg4d/core/observer.h"
#include "dg4d/core/run_context.h"

namespace dg4d {

// Asks a run to stop, as Ctrl-C does, once a stage has done `steps` steps.
class StopAfter final : public RunObserver {
 public:
  StopAfter(int64_t steps, RunControl& control)
      : steps_(steps), control_(control) {}

  void Step(absl::string_view, int64_t steps_done, int64_t,
            const Metrics&) override {
    last_step_ = steps_done;
    if (steps_done == steps_) control_.state = RunControl::kStop;
  }

  // The last step that was done; 0 while none was.
  int64_t last_step() const { return last_step_; }

 private:
  const int64_t steps_;
  RunControl& control_;
  int64_t last_step_ = 0;
};

}  // namespace dg4d

#endif  // DG4D_TESTING_STOP_AFTER_H_
