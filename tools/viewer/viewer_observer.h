#ifndef TOOLS_VIEWER_VIEWER_OBSERVER_H_
#define TOOLS_VIEWER_VIEWER_OBSERVER_H_

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dg4d/core/observer.h"
#include "dg4d/core/run_context.h"
#include "tools/viewer/hub.h"
#include "tools/viewer/scene_feed.h"

namespace dg4d::viewer {

// How often something may be done so that it takes no more than a share of the
// time.
class TimeBudget {
 public:
  // At most `share` of the time, and at most once in `interval`.
  TimeBudget(double share, absl::Duration interval)
      : share_(share), interval_(interval) {}

  // Whether it may be done at `now` if, done last, it took `cost` in all.
  bool Allows(absl::Time now, absl::Duration cost) const {
    return now - last_ >= std::max(interval_, cost / share_);
  }
  void Done(absl::Time now) { last_ = now; }

 private:
  const double share_;
  const absl::Duration interval_;
  absl::Time last_ = absl::InfinitePast();
};

// Tells a hub of a run: state, metrics, warnings, cameras, and the scene as
// often as takes 3 % of the time, the making of it on the run's thread and the
// encoding on the feed's together. Without a page it makes no snapshots; what
// it then costs are microseconds a step.
class ViewerObserver : public RunObserver {
 public:
  // `stages` are the stages of the line: they change the scene, which others
  // that are reported as stages, exporters, do not.
  ViewerObserver(Hub& hub, SceneFeed& feed, RunControl& control,
                 std::vector<std::string> stages);

  void StageStarted(absl::string_view stage) override;
  void Step(absl::string_view stage, int64_t steps_done, int64_t steps,
            const Metrics& metrics) override;
  void Snapshot(absl::string_view stage, int64_t steps_done,
                absl::FunctionRef<Scene()> make) override;
  void Cameras(absl::string_view stage,
               const std::vector<Camera>& cameras) override;
  void Warning(absl::string_view stage, absl::string_view message) override;
  void StageFinished(absl::string_view stage, const absl::Status& status,
                     absl::Duration duration, const Scene& scene) override;

  // The run is over.
  void Finish(const absl::Status& status);

  // From any thread: "pause", "resume" or "stop". FailedPrecondition if the
  // run is not in a state for it.
  absl::Status Command(absl::string_view command);

 private:
  void TellState();

  Hub& hub_;
  SceneFeed& feed_;
  RunControl& control_;
  const std::vector<std::string> stages_;
  TimeBudget budget_{0.03, absl::Seconds(1)};
  absl::Duration snapshot_cost_ = absl::ZeroDuration();
  int warnings_ = 0;

  std::mutex mutex_;  // of all below: commands come from another thread
  std::string state_ = "running";
  std::string message_;
  std::string stage_;
  int64_t step_ = 0;
  int64_t steps_ = 0;
  int64_t first_step_ = 0;  // of this stage in this process
  absl::Time started_;      // moved on by pauses
  absl::Time paused_;
  absl::Time told_ = absl::InfinitePast();
};

}  // namespace dg4d::viewer

#endif  // TOOLS_VIEWER_VIEWER_OBSERVER_H_
