#ifndef DG4D_CORE_OBSERVER_H_
#define DG4D_CORE_OBSERVER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dg4d/scene/camera.h"
#include "dg4d/scene/scene.h"

namespace dg4d {

// Numbers of one step, in the order to show them: {"loss", 0.01}, ...
using Metrics = std::vector<std::pair<std::string, double>>;

// Watches a run. Called on the run's thread, between steps; must not change
// anything that the run reads.
class RunObserver {
 public:
  virtual ~RunObserver() = default;

  virtual void StageStarted(absl::string_view stage) { (void)stage; }
  // `steps_done` of `steps` are done; a stage without steps reports none.
  virtual void Step(absl::string_view stage, int64_t steps_done, int64_t steps,
                    const Metrics& metrics) {
    (void)stage, (void)steps_done, (void)steps, (void)metrics;
  }
  // The scene as it is now can be had from `make`, at some cost.
  virtual void Snapshot(absl::string_view stage, int64_t steps_done,
                        absl::FunctionRef<Scene()> make) {
    (void)stage, (void)steps_done, (void)make;
  }
  // Where the newest step looked from, beside the reference camera.
  virtual void Cameras(absl::string_view stage,
                       const std::vector<Camera>& cameras) {
    (void)stage, (void)cameras;
  }
  // Something that the user should know though the run goes on.
  virtual void Warning(absl::string_view stage, absl::string_view message) {
    (void)stage, (void)message;
  }
  // `scene` has what the stage wrote if `status` is OK.
  virtual void StageFinished(absl::string_view stage,
                             const absl::Status& status,
                             absl::Duration duration, const Scene& scene) {
    (void)stage, (void)status, (void)duration, (void)scene;
  }
};

}  // namespace dg4d

#endif  // DG4D_CORE_OBSERVER_H_
