#include "tools/viewer/viewer_observer.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tools/viewer/messages.h"

namespace dg4d::viewer {
namespace {

constexpr absl::Duration kTellEvery = absl::Milliseconds(100);
constexpr int kMostWarnings = 100;

}  // namespace

ViewerObserver::ViewerObserver(Hub& hub, SceneFeed& feed, RunControl& control,
                               std::vector<std::string> stages)
    : hub_(hub),
      feed_(feed),
      control_(control),
      stages_(std::move(stages)),
      started_(absl::Now()) {}

void ViewerObserver::TellState() {
  const absl::Time now = absl::Now();
  const absl::Duration pause =
      state_ == "paused" ? now - paused_ : absl::ZeroDuration();
  const double seconds = absl::ToDoubleSeconds(now - started_ - pause);
  nlohmann::json message = {
      {"type", "state"},          {"state", state_},
      {"stage", stage_},          {"step", step_},
      {"steps", steps_},          {"eta_seconds", nullptr},
      {"stage_seconds", seconds}, {"message", message_}};
  if (step_ > first_step_ && steps_ > 0) {
    message["eta_seconds"] = seconds /
                             static_cast<double>(step_ - first_step_) *
                             static_cast<double>(steps_ - step_);
  }
  hub_.Set("state", message);
  told_ = now;
}

void ViewerObserver::StageStarted(absl::string_view stage) {
  const std::lock_guard<std::mutex> lock(mutex_);
  stage_ = std::string(stage);
  step_ = steps_ = 0;
  first_step_ = -1;
  started_ = absl::Now();
  TellState();
}

void ViewerObserver::Step(absl::string_view stage, int64_t steps_done,
                          int64_t steps, const Metrics& metrics) {
  if (!metrics.empty()) hub_.AddMetrics(stage, steps_done, metrics);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (first_step_ < 0) first_step_ = steps_done - 1;
  step_ = steps_done;
  steps_ = steps;
  if (absl::Now() - told_ >= kTellEvery || step_ == steps_) TellState();
}

void ViewerObserver::Snapshot(absl::string_view stage, int64_t steps_done,
                              absl::FunctionRef<Scene()> make) {
  if (hub_.pages == 0 || feed_.busy()) return;
  const absl::Time now = absl::Now();
  if (!budget_.Allows(now, snapshot_cost_ + feed_.last_cost())) return;
  feed_.Offer(stage, steps_done, make());
  snapshot_cost_ = absl::Now() - now;
  budget_.Done(now);
}

void ViewerObserver::Cameras(absl::string_view,
                             const std::vector<Camera>& cameras) {
  feed_.OfferCameras(cameras);
}

void ViewerObserver::Warning(absl::string_view stage,
                             absl::string_view message) {
  if (warnings_ == kMostWarnings) return;
  hub_.Set(absl::StrCat("warning ", warnings_++),
           WarningMessage(stage, message));
}

void ViewerObserver::StageFinished(absl::string_view stage,
                                   const absl::Status& status, absl::Duration,
                                   const Scene& scene) {
  if (!status.ok() || !absl::c_linear_search(stages_, stage)) return;
  int64_t step;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    step = step_;
  }
  feed_.OfferCameras({});  // no step is under way
  // Tensors of a scene are replaced by later stages, never written to.
  feed_.Offer(stage, step, scene);
}

void ViewerObserver::Finish(const absl::Status& status) {
  const std::lock_guard<std::mutex> lock(mutex_);
  state_ = status.ok()                 ? "finished"
           : absl::IsCancelled(status) ? "stopped"
                                       : "failed";
  message_ = std::string(status.message());
  TellState();
}

absl::Status ViewerObserver::Command(absl::string_view command) {
  const std::lock_guard<std::mutex> lock(mutex_);
  // A signal may stop the run at any time, which must not be undone here.
  int expected = command == "pause" ? RunControl::kRun : RunControl::kPause;
  if (command == "stop") {
    control_.state = RunControl::kStop;
  } else if (!control_.state.compare_exchange_strong(
                 expected,
                 command == "pause" ? RunControl::kPause : RunControl::kRun)) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot ", command, ": the run is ", state_));
  }
  const absl::Time now = absl::Now();
  if (state_ == "paused") started_ += now - paused_;
  if (command == "pause") paused_ = now;
  state_ = command == "pause"    ? "paused"
           : command == "resume" ? "running"
                                 : "stopping";
  TellState();
  return absl::OkStatus();
}

}  // namespace dg4d::viewer
