// The stage with the plugins of the embedded default, on real pictures.

#include <ATen/Parallel.h>

#include <memory>
#include <string>

#include "dg4d/base/parallel.h"
#include "dg4d/core/config.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/renderer.h"
#include "dg4d/core/run_context.h"
#include "dg4d/core/stage.h"
#include "dg4d/formats/image_io.h"
#include "dg4d/training/view_metrics.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

constexpr int kSize = 128;

struct Psnrs {
  double held_out = 0;  // against the proxy, mean over views all around
  double front = 0;     // against the picture
};

class StaticGaussiansOnAProxy : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    at::set_num_threads(1);
    SetThreads(2);
    const auto picture = ReadImage("testdata/" + GetParam());
    ASSERT_TRUE(picture.ok()) << picture.status();
    scene_.reference = Resize(*picture, kSize, kSize);
    scene_.reference_camera = OrbitCamera({.radius = 2}).WithSize(kSize, kSize);
  }

  Psnrs Fit(int iterations) const {
    const auto options = ParseYaml(R"(
      guidances: [inflation]
      reference: {size: 128, ramp: false}
      views: {count: 3, sizes: [128], size_changes: []}
      means_rate: {from: 2e-3, to: 1e-4, steps: 40}
      opacity_rate: {from: 2e-2, to: 5e-3, steps: 40}
      densify: {interval: 0}
    )",
                                   "test.yaml");
    ConfigNode node = *options;
    node["iterations"] = ConfigNode::Scalar(std::to_string(iterations));
    const auto stage = Registry<Stage>::Create("static_gaussians", node);
    EXPECT_TRUE(stage.ok()) << stage.status();
    RunContext context;
    context.EnterStage("static_gaussians");
    Scene scene = scene_;
    const absl::Status status = (*stage)->Run(context, scene);
    EXPECT_TRUE(status.ok()) << status;
    return Measure(scene.gaussians, context);
  }

  Psnrs Measure(const Gaussians& gaussians, RunContext& context) const {
    const auto renderer =
        *PluginSpec<GaussianRenderer>{"gaussian_splatting"}.Create();
    const auto proxy = *PluginSpec<Guidance>{"inflation"}.Create();
    EXPECT_TRUE(proxy->Prepare(scene_, context).ok());
    Views around = HeldOutViews(scene_.reference_camera, kSize, 12);
    RenderInto(*renderer, gaussians, around);
    Views front = HeldOutViews(scene_.reference_camera, kSize, 1);
    front.cameras = {scene_.reference_camera};
    RenderInto(*renderer, gaussians, front);
    return {.held_out = Mean(*PsnrAgainst(*proxy, around, context.generator())),
            .front = Psnr(front.rgb[0], Composite(scene_.reference))};
  }

  Scene scene_;
};

TEST_P(StaticGaussiansOnAProxy, FitsThePictureAndViewsThatItNeverSaw) {
  const Psnrs before = Fit(0);
  const Psnrs after = Fit(40);
  RecordProperty("before", std::to_string(before.held_out));
  RecordProperty("after", std::to_string(after.held_out));
  EXPECT_GT(after.held_out, before.held_out + 4) << before.held_out;
  EXPECT_GT(after.front, 32) << before.front;
}

INSTANTIATE_TEST_SUITE_P(Pictures, StaticGaussiansOnAProxy,
                         testing::Values("fox.png", "vase.png"),
                         [](const auto& info) {
                           return info.param.substr(0, info.param.find('.'));
                         });

}  // namespace
}  // namespace dg4d
