#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "dg4d/base/random.h"
#include "dg4d/core/config.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/renderer.h"
#include "dg4d/core/run_context.h"
#include "dg4d/core/stage.h"
#include "dg4d/stages/dynamic_gaussians/rigidity.h"
#include "dg4d/stages/dynamic_gaussians/test_scene.h"
#include "dg4d/testing/stop_after.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

std::unique_ptr<Stage> Make(
    const std::string& more = ", iterations: 60, frames_per_step: 3") {
  at::set_num_threads(1);  // as the program does
  const std::string options =
      "{reference: {size: 40}, "
      "grid: {space_resolution: 8, time_resolution: 6, features: 8}, "
      "grid_rate: {from: 0.05, to: 0.005, steps: 60}, "
      "network_rate: {from: 0.01, to: 0.001, steps: 60}" +
      more + "}";
  auto stage = Registry<Stage>::Create("dynamic_gaussians",
                                       ParseYaml(options, "test").value());
  EXPECT_TRUE(stage.ok()) << stage.status();
  return *std::move(stage);
}

Scene RunStage(Stage& stage, RunContext& context) {
  Scene scene = MakeScene();
  context.EnterStage("dynamic_gaussians");
  const absl::Status status = stage.Run(context, scene);
  EXPECT_TRUE(status.ok()) << status;
  return scene;
}

Scene RunStage(Stage& stage) {
  RunContext context;
  return RunStage(stage, context);
}

// Mean PSNR of the frames in which the cloud has moved, from a camera that the
// stage does not look from.
double HeldOutPsnr(const Scene& scene, bool at_rest) {
  const std::vector<int> moved = {1, 2, 4, 5};
  const Camera side = OrbitCamera({.azimuth_degrees = 25}, FrontCamera());
  double sum = 0;
  for (const int i : moved) {
    const Gaussians shown =
        at_rest ? scene.gaussians
                : FrameAt(scene.gaussians, scene.gaussian_frames, i);
    sum += Psnr(Composite(ImageFromChw(Rgba(shown, side))),
                Composite(ImageFromChw(Rgba(Swayed(i), side))));
  }
  return sum / moved.size();
}

TEST(DynamicGaussians, FindsTheMotionOfAFilm) {
  const Scene scene = RunStage(*Make());
  ASSERT_EQ(scene.gaussian_frames.size(), kFrames);
  EXPECT_GT(HeldOutPsnr(scene, false), HeldOutPsnr(scene, true) + 5);
  // The first frame is that of the static stage.
  EXPECT_TRUE(at::equal(scene.gaussian_frames.means[0], Cloud().means));
  EXPECT_TRUE(at::equal(scene.gaussians.means, Cloud().means));
}

TEST(DynamicGaussians, ComparesTheFilmAtItsOwnSizeOnRequest) {
  at::set_num_threads(1);
  const auto motion = [](const std::string& reference, int views) {
    const ConfigNode options =
        ParseYaml(
            "{iterations: 3, grid: {space_resolution: 8, features: 8}, "
            "reference: {" +
                reference + "}, views: {sizes: [" + std::to_string(views) +
                "], size_changes: []}}",
            "test")
            .value();
    return RunStage(
               *Registry<Stage>::Create("dynamic_gaussians", options).value())
        .gaussian_frames.means;
  };
  const at::Tensor own = motion("size: 40, follow_views: false", 16);
  EXPECT_TRUE(at::equal(own, motion("size: 40", 40)));
  EXPECT_FALSE(at::equal(own, motion("size: 40", 16)));
}

TEST(DynamicGaussians, WritesTimesBetweenTheFramesOfAFilmThatLoops) {
  const Scene scene = RunStage(
      *Make(", iterations: 1, frames_per_step: 3, samples_per_frame: 2"));
  EXPECT_EQ(scene.gaussian_frames.size(), 2 * kFrames);
  const Scene open = RunStage(
      *Make(", iterations: 1, frames_per_step: 3, samples_per_frame: 2, "
            "loop: never"));
  EXPECT_EQ(open.gaussian_frames.size(), 2 * kFrames - 1);
}

TEST(DynamicGaussians, FitsTheGaussiansAtRestToo) {
  const Scene scene =
      RunStage(*Make(", iterations: 5, optimize_gaussians: true"));
  EXPECT_FALSE(at::equal(scene.gaussians.means, Cloud().means));
  EXPECT_FALSE(at::equal(scene.gaussians.sh, Cloud().sh));
  EXPECT_TRUE(at::equal(scene.gaussian_frames.means[0], scene.gaussians.means));
}

// Counts the Gaussians as steps report them.
class Counts final : public RunObserver {
 public:
  void Step(absl::string_view, int64_t, int64_t,
            const Metrics& metrics) override {
    for (const auto& [name, value] : metrics) {
      if (name == "gaussians") counts.push_back(value);
    }
  }
  std::vector<int64_t> counts;
};

TEST(DynamicGaussians, ReportsHowManyGaussiansThereAre) {
  Counts counts;
  RunContext context({.observers = {&counts}});
  const Scene scene = RunStage(
      *Make(", iterations: 6, optimize_gaussians: true, densify: {interval: "
            "2, prune_above: 1, gradient_threshold: 0.001}"),
      context);
  ASSERT_EQ(counts.counts.size(), 6u);
  EXPECT_EQ(counts.counts.front(), Cloud().size());
  EXPECT_EQ(counts.counts.back(), scene.gaussians.size());
  EXPECT_GT(counts.counts.back(), Cloud().size());
}

TEST(DynamicGaussians, LetsGaussiansComeAndGo) {
  const std::string more =
      ", iterations: 6, optimize_gaussians: true, densify: {interval: 2, "
      "prune_above: 1, ";
  const Scene more_of_them =
      RunStage(*Make(more + "gradient_threshold: 0.001}"));
  EXPECT_GT(more_of_them.gaussians.size(), Cloud().size());
  EXPECT_EQ(more_of_them.gaussian_frames.means.size(1),
            more_of_them.gaussians.size());
  const Scene fewer =
      RunStage(*Make(more + "gradient_threshold: 1.0e+9, min_opacity: 0.85}"));
  EXPECT_LT(fewer.gaussians.size(), Cloud().size());
  EXPECT_GT(fewer.gaussians.size(), 0);
}

TEST(DynamicGaussians, KeepsNeighboursTogetherIfAsked) {
  const auto stretch = [](const std::string& weight) {
    const Scene scene =
        RunStage(*Make(", iterations: 60, frames_per_step: 3, regularisation: "
                       "{rigidity: " +
                       weight + "}"));
    dynamic_gaussians::Rigidity rigidity;
    rigidity.FindNeighbours(scene.gaussians.means);
    const GaussianFrames& frames = scene.gaussian_frames;
    GaussianBatch batch = BatchOf(scene.gaussians, 1);
    batch.means = frames.means;
    batch.quaternions = frames.quaternions;
    return rigidity(scene.gaussians, batch).item<double>();
  };
  EXPECT_LT(stretch("1000"), 0.3 * stretch("0"));
}

// Wants nothing, but notes the latest frame of each step.
class LatestFrames final : public Guidance {
 public:
  using Options = NoOptions;
  static std::vector<double>& Seen() {
    static auto& seen = *new std::vector<double>;
    return seen;
  }

  explicit LatestFrames(Options) {}
  absl::Status Prepare(const Scene&, RunContext&) override {
    Seen().clear();
    return absl::OkStatus();
  }
  ViewPattern Pattern() const override { return ViewPattern::kClips; }
  Draws Draw(const Views& views, double, at::Generator&) const override {
    Seen().push_back(views.frames.back());
    return {};
  }
  at::Tensor Loss(const Views& views, const Draws&) override {
    return 0 * views.rgb.mean();
  }
};

TEST(DynamicGaussians, FramesJoinOneAfterAnother) {
  const ScopedRegistration<Guidance, LatestFrames> registered("latest_frames");
  const std::string more =
      ", iterations: 8, frames_per_step: 0, guidances: [latest_frames], "
      "views: {count: 1, sizes: [16], size_changes: []}";
  RunStage(*Make(more));
  EXPECT_EQ(LatestFrames::Seen(), std::vector<double>(8, 5));
  RunStage(*Make(more + ", widen_until: 0.5"));
  EXPECT_EQ(LatestFrames::Seen(),
            (std::vector<double>{1, 2, 3, 5, 5, 5, 5, 5}));
}

TEST(DynamicGaussians, BatchesOfViewsChangeMemoryNotTheResult) {
  const Scene whole = RunStage(*Make(", iterations: 3, frames_per_step: 0"));
  const Scene parts = RunStage(*Make(
      ", iterations: 3, frames_per_step: 0, views: {max_views_per_batch: 2}"));
  EXPECT_LT((whole.gaussian_frames.means - parts.gaussian_frames.means)
                .abs()
                .max()
                .item<float>(),
            1e-5f);
}

TEST(DynamicGaussians, GoesOnToTheBitAfterItWasStopped) {
  const std::string more =
      ", iterations: 8, optimize_gaussians: true, regularisation: {rigidity: "
      "10}, densify: {interval: 4, gradient_threshold: 0.001, prune_above: 1}";
  const Scene uninterrupted = RunStage(*Make(more));

  const std::string folder = testing::TempDir() + "/dynamic_resume";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  RunControl control;
  StopAfter stop(5, control);
  RunContext first(
      {.output_directory = folder, .control = &control, .observers = {&stop}});
  first.EnterStage("dynamic_gaussians");
  Scene scene = MakeScene();
  EXPECT_EQ(Make(more)->Run(first, scene).code(), absl::StatusCode::kCancelled);

  RunContext second({.output_directory = folder, .resume = true});
  const Scene resumed = RunStage(*Make(more), second);
  EXPECT_TRUE(at::equal(resumed.gaussian_frames.means,
                        uninterrupted.gaussian_frames.means));
  EXPECT_TRUE(at::equal(resumed.gaussian_frames.quaternions,
                        uninterrupted.gaussian_frames.quaternions));
  EXPECT_TRUE(at::equal(resumed.gaussians.sh, uninterrupted.gaussians.sh));
}

TEST(DynamicGaussians, SaysWhatItNeeds) {
  RunContext context;
  context.EnterStage("dynamic_gaussians");
  Scene no_video = MakeScene();
  no_video.video.frames.clear();
  EXPECT_EQ(Make()->Run(context, no_video).code(),
            absl::StatusCode::kFailedPrecondition);
  // Frames may be given instead, but then somebody must know how they look.
  const absl::Status nothing = Make(", frames: 6")->Run(context, no_video);
  EXPECT_EQ(nothing.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(nothing.message().find("photometric"), std::string::npos);
}

TEST(DynamicGaussians, RefusesOptionsThatMakeNoSense) {
  for (const char* options :
       {"{grid: {features: 0}}", "{grid: {time_resolution: 1}}",
        "{network: {depth: 0}}", "{samples_per_frame: 0}", "{widen_until: 2}",
        "{loop: often}", "{regularisation: {rigidity: -1}}",
        "{densify: {max_count: 0}}", "{densify: {interval: 100}}",
        "{network: {move_positions: false, move_scales: false, "
        "move_rotations: false}}"}) {
    EXPECT_EQ(Registry<Stage>::Create("dynamic_gaussians",
                                      ParseYaml(options, "test").value())
                  .status()
                  .code(),
              absl::StatusCode::kInvalidArgument)
        << options;
  }
}

}  // namespace
}  // namespace dg4d
