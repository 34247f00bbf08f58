#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/ones.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dg4d/base/parallel.h"
#include "dg4d/base/random.h"
#include "dg4d/core/config.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/renderer.h"
#include "dg4d/core/run_context.h"
#include "dg4d/core/stage.h"
#include "dg4d/formats/ply_io.h"
#include "dg4d/stages/static_gaussians/initial_gaussians.h"
#include "dg4d/testing/stop_after.h"
#include "dg4d/training/view_metrics.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d::static_gaussians {
namespace {

constexpr int kSize = 32;

std::unique_ptr<GaussianRenderer> Splatting() {
  return *PluginSpec<GaussianRenderer>{"gaussian_splatting"}.Create();
}

// An opaque ball whose colour changes from place to place.
Gaussians ColouredBall() {
  at::Generator generator = MakeGenerator(0, "ball");
  Gaussians ball = RandomBallGaussians(
      {.count = 400, .radius = 0.5, .opacity = 0.9}, 0, generator);
  ball.sh = ShFromRgb(((ball.means + 0.5) * 1.0).clamp(0.05, 0.95));
  return ball;
}

// Knows what every view of the coloured ball looks like.
class Teacher final : public Guidance {
 public:
  struct Options {
    bool knows_surface = false;
    template <typename V>
    void Visit(V& v) {
      v("knows_surface", knows_surface, "Whether it offers Gaussians.");
    }
  };
  explicit Teacher(Options options) : options_(options) {}

  absl::Status Prepare(const Scene&, RunContext&) override {
    return absl::OkStatus();
  }
  Draws Draw(const Views&, double, at::Generator&) const override { return {}; }
  at::Tensor Loss(const Views& views, const Draws& draws) override {
    return at::mse_loss(views.rgb, *Refine(views, draws)) * 10'000;
  }
  absl::StatusOr<at::Tensor> Refine(const Views& views, const Draws&) override {
    return renderer_
        ->Render(BatchOf(ball_, views.size()), views.cameras, views.background,
                 {})
        .rgb;
  }
  std::optional<Gaussians> InitialGaussians() const override {
    if (!options_.knows_surface) return std::nullopt;
    return ball_;
  }

 private:
  const Options options_;
  const Gaussians ball_ = ColouredBall();
  const std::unique_ptr<GaussianRenderer> renderer_ = Splatting();
};

class StaticGaussiansTest : public testing::Test {
 protected:
  void SetUp() override {
    at::set_num_threads(1);
    SetThreads(1);
  }
  void TearDown() override { SetThreads(1); }

  static std::unique_ptr<Stage> Make(const std::string& yaml) {
    const auto node = ParseYaml(yaml, "test.yaml");
    EXPECT_TRUE(node.ok()) << node.status();
    auto stage = Registry<Stage>::Create("static_gaussians", *node);
    EXPECT_TRUE(stage.ok()) << stage.status();
    return *std::move(stage);
  }

  static absl::Status Run(const std::string& yaml, Scene& scene,
                          RunContext::Settings settings = {}) {
    RunContext context(std::move(settings));
    context.EnterStage("static_gaussians");
    return Make(yaml)->Run(context, scene);
  }

  static Gaussians Fit(const std::string& yaml, Scene scene = {}) {
    const absl::Status status = Run(yaml, scene);
    EXPECT_TRUE(status.ok()) << status;
    return scene.gaussians;
  }

  // The ball from the front, as a picture.
  static Scene Picture() {
    Views front = HeldOutViews(OrbitCamera({.radius = 2}), kSize, 1);
    front.cameras = {OrbitCamera({.radius = 2}).WithSize(kSize, kSize)};
    RenderInto(*Splatting(), ColouredBall(), front);
    const at::Tensor colour =
        (front.rgb - (1 - front.alpha)) / front.alpha.clamp_min(1e-3);
    Scene scene;
    scene.reference = ImageFromChw(at::cat({colour, front.alpha}, 1)[0]);
    scene.reference_camera = OrbitCamera({.radius = 2});
    return scene;
  }

  static double HeldOutPsnr(const Gaussians& gaussians) {
    Views views = HeldOutViews(OrbitCamera({.radius = 2}), kSize, 8);
    RenderInto(*Splatting(), gaussians, views);
    Teacher teacher({});
    at::Generator generator = MakeGenerator(0, "held out");
    return Mean(*PsnrAgainst(teacher, views, generator));
  }

  static bool Equal(const Gaussians& a, const Gaussians& b) {
    return a.size() == b.size() && at::equal(a.means, b.means) &&
           at::equal(a.quaternions, b.quaternions) &&
           at::equal(a.log_scales, b.log_scales) &&
           at::equal(a.opacity_logits, b.opacity_logits) &&
           at::equal(a.sh, b.sh);
  }

  ScopedRegistration<Guidance, Teacher> teacher_{"teacher"};

  const std::string quick_ = R"(
    iterations: 24
    guidances: [teacher]
    initial: {from: random_ball, points: 150}
    views: {count: 2, sizes: [32], size_changes: []}
    reference: {size: 32}
    densify: {interval: 10, gradient_threshold: 0.01, max_count: 200,
              prune_above: 0.5}
    final_prune_above: 0.5
  )";
};

TEST_F(StaticGaussiansTest, ImprovesViewsThatItNeverSaw) {
  const std::string yaml = R"(
    guidances: [teacher]
    initial: {from: random_ball, points: 300}
    views: {count: 4, sizes: [32], size_changes: []}
    densify: {interval: 0}
    final_prune_above: 1
    means_rate: {from: 0.01, to: 0.001, steps: 80}
  )";
  const double before = HeldOutPsnr(Fit(yaml + "\n    iterations: 0"));
  const double after = HeldOutPsnr(Fit(yaml + "\n    iterations: 80"));
  EXPECT_GT(after, before + 5) << "before " << before << " dB";
  EXPECT_GT(after, 22);
}

TEST_F(StaticGaussiansTest, LearnsThePictureFromThePictureAlone) {
  const Scene picture = Picture();
  const std::string yaml = R"(
    guidances: []
    initial: {points: 400}
    reference: {size: 32, ramp: false}
    final_prune_above: 1
  )";
  const auto psnr = [&](const Gaussians& gaussians) {
    Views front = HeldOutViews(picture.reference_camera, kSize, 1);
    front.cameras = {picture.reference_camera.WithSize(kSize, kSize)};
    RenderInto(*Splatting(), gaussians, front);
    return Psnr(front.rgb[0], Composite(picture.reference));
  };
  const double before = psnr(Fit(yaml + "\n    iterations: 0", picture));
  const double after = psnr(Fit(yaml + "\n    iterations: 60", picture));
  EXPECT_GT(after, before + 8) << "before " << before << " dB";
}

TEST_F(StaticGaussiansTest, DensifiesUpToTheCount) {
  const Gaussians gaussians = Fit(quick_);
  EXPECT_GT(gaussians.size(), 150);
  EXPECT_LE(gaussians.size(), 200);
}

TEST_F(StaticGaussiansTest, ClassicStatisticsLookAtOneViewOnly) {
  // The mean of a step's views and its last one differ, so another set grows.
  std::string classic = quick_;
  classic.replace(classic.find("{interval: 10"), 13,
                  "{statistics: last_view, interval: 10");
  EXPECT_FALSE(Equal(Fit(quick_), Fit(classic)));
}

TEST_F(StaticGaussiansTest, SameSeedSameBytesWithOneOrTwoThreads) {
  const Gaussians one = Fit(quick_, Picture());
  SetThreads(2);
  EXPECT_TRUE(Equal(one, Fit(quick_, Picture())));
}

TEST_F(StaticGaussiansTest, GoesOnToTheBitAfterAStop) {
  const Gaussians whole = Fit(quick_, Picture());
  // Before the first densification, between two, and just after one.
  for (const int64_t stop : {3, 13, 20}) {
    const std::string directory =
        testing::TempDir() + "/resume_" + std::to_string(stop);
    std::filesystem::remove_all(directory);
    std::filesystem::create_directories(directory + "/checkpoints");
    RunControl control;
    StopAfter observer(stop, control);
    Scene scene = Picture();
    const absl::Status stopped = Run(quick_, scene,
                                     {.output_directory = directory,
                                      .control = &control,
                                      .observers = {&observer}});
    ASSERT_EQ(stopped.code(), absl::StatusCode::kCancelled) << stopped;

    scene = Picture();
    const absl::Status status =
        Run(quick_, scene, {.output_directory = directory, .resume = true});
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_TRUE(Equal(whole, scene.gaussians)) << "stopped after " << stop;
  }
}

TEST_F(StaticGaussiansTest, StartsOnTheSurfaceThatAGuidanceKnows) {
  const Gaussians start = Fit(R"(
    iterations: 0
    guidances: [{plugin: teacher, options: {knows_surface: true}}]
    final_prune_above: 1
  )");
  EXPECT_TRUE(Equal(start, ColouredBall()));
}

TEST_F(StaticGaussiansTest, StartsFromAFile) {
  const std::string path = testing::TempDir() + "/ball.ply";
  ASSERT_TRUE(WriteGaussiansPly(path, ColouredBall()).ok());
  const std::string yaml = R"(
    iterations: 0
    guidances: [teacher]
    final_prune_above: 1
    sh_degree: 1
    initial: {from: file, file: )";
  const Gaussians start = Fit(yaml + path + "}");
  EXPECT_EQ(start.sh_degree(), 1);
  EXPECT_TRUE(at::equal(start.means, ColouredBall().means));

  Scene scene;
  const absl::Status missing = Run(yaml + path + ".no}", scene);
  EXPECT_THAT(std::string(missing.message()), testing::HasSubstr(".ply.no"));
}

TEST_F(StaticGaussiansTest, TrainsHigherHarmonics) {
  const Gaussians gaussians = Fit(quick_ + "\n    sh_degree: 2");
  EXPECT_EQ(gaussians.sh_degree(), 2);
  EXPECT_GT(gaussians.sh.narrow(1, 1, 8).abs().max().item<double>(), 0);
}

TEST_F(StaticGaussiansTest, SaysWhatIsMissing) {
  Scene scene;
  const absl::Status nothing = Run("iterations: 1", scene);
  EXPECT_EQ(nothing.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(nothing.message()),
              testing::HasSubstr("nothing to fit"));
  const absl::Status pruned = Run(R"(
    iterations: 0
    guidances: [teacher]
    initial: {points: 10, opacity: 0.005}
  )",
                                  scene);
  EXPECT_THAT(std::string(pruned.message()),
              testing::HasSubstr("every Gaussian was pruned"));
}

TEST_F(StaticGaussiansTest, RefusesOptionsThatMakeNoSense) {
  for (const char* yaml :
       {"iterations: -1", "sh_degree: 4", "initial: {from: file}",
        "initial: {opacity: 1}", "views: {count: 0}", "densify: {max_count: 0}",
        "reference: {size: 0}", "itertions: 3"}) {
    const auto stage =
        Registry<Stage>::Create("static_gaussians", *ParseYaml(yaml, "t.yaml"));
    EXPECT_EQ(stage.status().code(), absl::StatusCode::kInvalidArgument)
        << yaml;
  }
}

}  // namespace
}  // namespace dg4d::static_gaussians
