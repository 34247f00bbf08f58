#include "tools/viewer/viewer_observer.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "absl/time/clock.h"
#include "dg4d/testing/sample_scenes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d::viewer {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class ViewerObserverTest : public testing::Test {
 protected:
  // The newest message of `type` that a page would be told.
  json Newest(const std::string& type) const {
    json newest;
    Hub::Cursor cursor;
    while (const auto frame = hub_.Next(cursor)) {
      if (frame->binary) continue;
      json message = json::parse(*frame->bytes);
      if (message["type"] == type) newest = std::move(message);
    }
    return newest;
  }
  // Waits until the feed has shown a scene.
  json Scene() const {
    const absl::Time until = absl::Now() + absl::Seconds(30);
    json scene;
    while (scene.is_null() && absl::Now() < until) {
      absl::SleepFor(absl::Milliseconds(10));
      scene = Newest("scene");
    }
    return scene;
  }

  Hub hub_;
  SceneFeed feed_{hub_};
  RunControl control_;
  ViewerObserver observer_{hub_, feed_, control_, {"one"}};
};

TEST(TimeBudget, AllowsWhatTakesItsShareOfTheTime) {
  TimeBudget budget(0.03, absl::Seconds(1));
  const absl::Time start = absl::UnixEpoch();
  EXPECT_TRUE(budget.Allows(start, absl::ZeroDuration()));
  budget.Done(start);
  EXPECT_FALSE(
      budget.Allows(start + absl::Milliseconds(999), absl::Milliseconds(1)));
  EXPECT_TRUE(budget.Allows(start + absl::Seconds(1), absl::Milliseconds(30)));
  EXPECT_FALSE(
      budget.Allows(start + absl::Seconds(9), absl::Milliseconds(300)));
  EXPECT_TRUE(
      budget.Allows(start + absl::Seconds(10), absl::Milliseconds(300)));
}

TEST_F(ViewerObserverTest, MakesNoSnapshotWhileNobodyLooks) {
  int made = 0;
  const auto make = [&] {
    ++made;
    return MovingScene(3);
  };
  for (int step = 1; step <= 5; ++step) observer_.Snapshot("one", step, make);
  EXPECT_EQ(made, 0);
  hub_.pages = 1;
  for (int step = 6; step <= 10; ++step) observer_.Snapshot("one", step, make);
  EXPECT_EQ(made, 1);
  const json scene = Scene();
  EXPECT_EQ(scene["stage"], "one");
  EXPECT_EQ(scene["step"], 6);
  EXPECT_GT(scene["header"]["gaussians"]["count"], 0);
}

TEST_F(ViewerObserverTest, TellsWhereTheNewestStepLookedFrom) {
  hub_.pages = 1;
  const ::dg4d::Scene scene = MovingScene(3);
  observer_.Snapshot("one", 1, [&] { return scene; });
  Camera camera = scene.reference_camera;
  for (const int width : {10, 20, 30}) {
    camera.width = width;
    observer_.Cameras("one", {camera, camera});
  }
  // As soon as the feed has looked.
  const auto views = [&](size_t count) {
    const absl::Time until = absl::Now() + absl::Seconds(30);
    json message;
    do {
      absl::SleepFor(absl::Milliseconds(10));
      message = Newest("cameras");
    } while (absl::Now() < until &&
             (message.is_null() || message["views"].size() != count));
    return message;
  };
  const json message = views(2);
  EXPECT_EQ(message["views"][1]["width"], 30);
  EXPECT_EQ(message["reference"]["width"], scene.reference_camera.width);
  observer_.StageFinished("one", absl::OkStatus(), absl::Seconds(1), scene);
  EXPECT_EQ(views(0)["reference"]["width"], scene.reference_camera.width);
}

TEST_F(ViewerObserverTest, ShowsTheLastStagesSceneToPagesThatComeLater) {
  observer_.StageStarted("one");
  observer_.Step("one", 7, 7, {});
  observer_.StageFinished("one", absl::OkStatus(), absl::Seconds(1),
                          MovingScene(3));
  absl::SleepFor(absl::Milliseconds(300));
  EXPECT_TRUE(Newest("scene").is_null());
  hub_.pages = 1;
  EXPECT_EQ(Scene()["step"], 7);
}

TEST_F(ViewerObserverTest, TellsHowFarTheRunIsAndWhatTimeIsLeft) {
  observer_.StageStarted("one");
  EXPECT_TRUE(Newest("state")["eta_seconds"].is_null());
  absl::SleepFor(absl::Milliseconds(200));
  // Resumed at step 10: one step has been done here.
  observer_.Step("one", 11, 20, {{"loss", 0.5}});
  const json state = Newest("state");
  EXPECT_EQ(state["state"], "running");
  EXPECT_EQ(state["stage"], "one");
  EXPECT_EQ(state["step"], 11);
  EXPECT_EQ(state["steps"], 20);
  EXPECT_NEAR(state["eta_seconds"].get<double>(),
              9 * state["stage_seconds"].get<double>(), 1e-6);
  EXPECT_EQ(Newest("metrics")["rows"][0]["values"]["loss"], 0.5);
}

TEST_F(ViewerObserverTest, PausesResumesAndStopsTheRun) {
  EXPECT_TRUE(observer_.Command("pause").ok());
  EXPECT_EQ(control_.state, RunControl::kPause);
  EXPECT_EQ(Newest("state")["state"], "paused");
  EXPECT_THAT(observer_.Command("pause").message(), HasSubstr("cannot pause"));
  EXPECT_TRUE(observer_.Command("resume").ok());
  EXPECT_EQ(control_.state, RunControl::kRun);
  EXPECT_EQ(Newest("state")["state"], "running");
  EXPECT_FALSE(observer_.Command("resume").ok());
  EXPECT_TRUE(observer_.Command("stop").ok());
  EXPECT_EQ(control_.state, RunControl::kStop);
  EXPECT_EQ(Newest("state")["state"], "stopping");
  observer_.Finish(absl::CancelledError("told to stop"));
  EXPECT_EQ(Newest("state")["state"], "stopped");
}

TEST_F(ViewerObserverTest, DoesNotUndoAStopBySignal) {
  control_.state = RunControl::kStop;
  EXPECT_FALSE(observer_.Command("pause").ok());
  EXPECT_FALSE(observer_.Command("resume").ok());
  EXPECT_EQ(control_.state, RunControl::kStop);
}

TEST_F(ViewerObserverTest, DoesNotCountPausesAsWork) {
  observer_.StageStarted("one");
  ASSERT_TRUE(observer_.Command("pause").ok());
  absl::SleepFor(absl::Milliseconds(500));
  ASSERT_TRUE(observer_.Command("resume").ok());
  observer_.Step("one", 1, 1, {});
  EXPECT_LT(Newest("state")["stage_seconds"], 0.4);
}

TEST_F(ViewerObserverTest, TellsWarningsAndHowARunFailed) {
  observer_.Warning("one", "thin ice");
  EXPECT_EQ(Newest("warning")["message"], "thin ice");
  observer_.Finish(absl::InternalError("it broke"));
  EXPECT_EQ(Newest("state")["state"], "failed");
  EXPECT_EQ(Newest("state")["message"], "it broke");
}

}  // namespace
}  // namespace dg4d::viewer
