#include "dg4d/training/optimisation.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "dg4d/base/random.h"
#include "dg4d/testing/stop_after.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

// Draws a goal in each step and goes towards it.
class Wanderer final : public Optimisation {
 public:
  explicit Wanderer(RunContext& context) : generator_(context.generator()) {
    adam_.Add("place", at::zeros({3}), {0.1, 0.1, 1});
  }

  absl::StatusOr<Metrics> Step(int64_t steps_done, double progress) override {
    progress_.push_back(progress);
    if (steps_done == fail_at) return absl::InternalError("stumbled");
    const at::Tensor goal = Uniform({3}, -1, 1, generator_);
    camera_.width = static_cast<int>(steps_done) + 100;
    const at::Tensor loss = (adam_["place"] - goal).square().sum() * scale;
    loss.backward();
    adam_.Step(steps_done);
    return Metrics{{"loss", loss.item<double>()}};
  }
  void VisitState(StateArchive& archive) override { adam_.VisitState(archive); }
  void WriteTo(Scene& scene) const override {
    scene.gaussians.means = adam_["place"].detach().clone().view({1, 3});
  }
  const Adam& adam() const override { return adam_; }
  std::vector<Camera> Cameras() const override { return {camera_, camera_}; }

  const std::vector<double>& progress() const { return progress_; }

  std::vector<std::string> TakeWarnings() override {
    return std::exchange(warnings, {});
  }

  std::vector<std::string> warnings;
  int64_t fail_at = -1;
  double scale = 1;

 private:
  at::Generator& generator_;
  Adam adam_;
  Camera camera_;
  std::vector<double> progress_;
};

class Watcher final : public RunObserver {
 public:
  void Step(absl::string_view, int64_t steps_done, int64_t,
            const Metrics& metrics) override {
    steps.push_back(steps_done);
    EXPECT_EQ(metrics.front().first, "loss");
  }
  void Snapshot(absl::string_view, int64_t,
                absl::FunctionRef<Scene()> make) override {
    snapshots.push_back(make().gaussians.means);
  }
  void Cameras(absl::string_view, const std::vector<Camera>& seen) override {
    EXPECT_EQ(seen.size(), 2u);
    cameras.push_back(seen.back().width);
  }
  void Warning(absl::string_view, absl::string_view message) override {
    warnings.emplace_back(message);
  }

  std::vector<int64_t> steps;
  std::vector<at::Tensor> snapshots;
  std::vector<int> cameras;  // widths of each step's last
  std::vector<std::string> warnings;
};

RunContext::Settings In(const std::string& folder) {
  return {.seed = 5,
          .output_directory = testing::TempDir() + folder,
          .checkpoint_every = 4,
          .resume = true};
}

TEST(OptimisationTest, TakesAllStepsAndLeavesTheResultInTheScene) {
  Watcher watcher;
  RunContext context({.observers = {&watcher}});
  context.EnterStage("wander");
  Wanderer wanderer(context);
  Scene scene;
  ASSERT_TRUE(Optimise(wanderer, 4, scene, context).ok());
  EXPECT_EQ(watcher.steps, (std::vector<int64_t>{1, 2, 3, 4}));
  EXPECT_EQ(wanderer.progress(), (std::vector<double>{0.25, 0.5, 0.75, 1}));
  EXPECT_EQ(watcher.cameras, (std::vector<int>{100, 101, 102, 103}));
  ASSERT_EQ(watcher.snapshots.size(), 4);
  EXPECT_FALSE(at::equal(watcher.snapshots[0], watcher.snapshots[1]));
  EXPECT_TRUE(at::equal(watcher.snapshots[3], scene.gaussians.means));
  EXPECT_TRUE(watcher.warnings.empty());
}

TEST(OptimisationTest, WithoutStepsTheResultIsTheBeginning) {
  RunContext context;
  Wanderer wanderer(context);
  Scene scene;
  ASSERT_TRUE(Optimise(wanderer, 0, scene, context).ok());
  EXPECT_TRUE(at::equal(scene.gaussians.means, at::zeros({1, 3})));
}

TEST(OptimisationTest, AResumedRunEndsWhereAnUninterruptedOneDoes) {
  Scene whole;
  {
    RunContext context(In("whole"));
    context.EnterStage("wander");
    Wanderer wanderer(context);
    ASSERT_TRUE(Optimise(wanderer, 10, whole, context).ok());
  }
  RunContext::Settings settings = In("parts");
  {
    RunControl control;
    StopAfter stop(7, control);
    RunContext::Settings stopped = settings;
    stopped.control = &control;
    stopped.observers = {&stop};
    RunContext context(stopped);
    context.EnterStage("wander");
    Wanderer wanderer(context);
    Scene scene;
    EXPECT_TRUE(absl::IsCancelled(Optimise(wanderer, 10, scene, context)));
    EXPECT_FALSE(scene.gaussians.means.defined());
  }
  RunContext context(settings);
  context.EnterStage("wander");
  Wanderer wanderer(context);
  Scene scene;
  ASSERT_TRUE(Optimise(wanderer, 10, scene, context).ok());
  EXPECT_EQ(wanderer.progress().size(), 3);
  EXPECT_TRUE(at::equal(scene.gaussians.means, whole.gaussians.means));
}

TEST(OptimisationTest, AStepThatFailsEndsIt) {
  RunContext context;
  Wanderer wanderer(context);
  wanderer.fail_at = 2;
  Scene scene;
  EXPECT_EQ(Optimise(wanderer, 4, scene, context).message(), "stumbled");
  EXPECT_EQ(wanderer.progress().size(), 3);
}

TEST(OptimisationTest, PassesOnWhatStepsHaveToSay) {
  Watcher watcher;
  RunContext context({.observers = {&watcher}});
  Wanderer wanderer(context);
  wanderer.warnings = {"it rains"};
  Scene scene;
  ASSERT_TRUE(Optimise(wanderer, 3, scene, context).ok());
  EXPECT_EQ(watcher.warnings, (std::vector<std::string>{"it rains"}));
}

TEST(OptimisationTest, WarnsOfGradientsThatAreNotFinite) {
  Watcher watcher;
  RunContext context({.observers = {&watcher}});
  Wanderer wanderer(context);
  wanderer.scale = std::numeric_limits<double>::infinity();
  Scene scene;
  ASSERT_TRUE(Optimise(wanderer, 2, scene, context).ok());
  EXPECT_EQ(
      watcher.warnings,
      (std::vector<std::string>{"6 gradients were not finite and ignored"}));
}

}  // namespace
}  // namespace dg4d
