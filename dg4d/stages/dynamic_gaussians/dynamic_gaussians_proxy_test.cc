// The stage with the plugins of the embedded default, on a real picture.

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <memory>
#include <string>

#include "dg4d/base/parallel.h"
#include "dg4d/core/config.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/pipeline.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/renderer.h"
#include "dg4d/core/run_context.h"
#include "dg4d/formats/image_io.h"
#include "dg4d/training/view_metrics.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

constexpr int kSize = 96;
constexpr int kFrames = 6;

Scene Reference() {
  Scene scene;
  const auto picture = ReadImage("testdata/character.png");
  EXPECT_TRUE(picture.ok()) << picture.status();
  scene.reference = Resize(*picture, kSize, kSize);
  scene.reference_camera = OrbitCamera({.radius = 2}).WithSize(kSize, kSize);
  return scene;
}

// The stages' result for the picture, its motion by `steps` steps.
Scene RunStages(int steps) {
  at::set_num_threads(1);
  SetThreads(2);
  const auto config = ParseYaml(
      "stages:\n"
      "  procedural_video: {frames: " +
          std::to_string(kFrames) +
          "}\n"
          "  static_gaussians: {iterations: 0, guidances: [inflation]}\n"
          "  dynamic_gaussians:\n"
          "    iterations: " +
          std::to_string(steps) +
          "\n"
          "    frames_per_step: 3\n"
          "    guidances: [inflation]\n"
          "    reference: {size: 96}\n"
          "    views: {count: 1, sizes: [96], size_changes: []}\n"
          "    grid_rate: {from: 0.02, to: 0.004, steps: 60}\n"
          "    network_rate: {from: 0.004, to: 0.0004, steps: 60}\n"
          "    samples_per_frame: 2\n",
      "test.yaml");
  EXPECT_TRUE(config.ok()) << config.status();
  const auto pipeline = Pipeline::Create(*config, {Slot::kReference});
  EXPECT_TRUE(pipeline.ok()) << pipeline.status();
  RunContext context;
  Scene scene = Reference();
  const absl::Status status = pipeline->Run(scene, context);
  EXPECT_TRUE(status.ok()) << status;
  return scene;
}

// Mean PSNR against the moving proxy from all around, at every frame.
double HeldOutPsnr(const Scene& scene) {
  RunContext context;
  context.EnterStage("measure");
  const auto renderer =
      *PluginSpec<GaussianRenderer>{"gaussian_splatting"}.Create();
  const auto proxy = *PluginSpec<Guidance>{"inflation"}.Create();
  EXPECT_TRUE(proxy->Prepare(scene, context).ok());
  double sum = 0;
  for (int frame = 0; frame < kFrames; ++frame) {
    Views views = HeldOutViews(scene.reference_camera, kSize, 6,
                               {static_cast<double>(frame)});
    RenderInto(*renderer,
               FrameAt(scene.gaussians, scene.gaussian_frames, 2 * frame),
               views);
    sum += Mean(*PsnrAgainst(*proxy, views, context.generator()));
  }
  return sum / kFrames;
}

TEST(DynamicGaussiansOnAProxy, ImprovesViewsThatItDoesNotSee) {
  const Scene rest = RunStages(0), moved = RunStages(60);
  const double before = HeldOutPsnr(rest), after = HeldOutPsnr(moved);
  RecordProperty("before_db", std::to_string(before));
  RecordProperty("after_db", std::to_string(after));
  EXPECT_GT(after, before + 3);

  // It loops: the step from the last sample to the first is none of the
  // longest.
  const at::Tensor& means = moved.gaussian_frames.means;
  const auto step = [&](int64_t from, int64_t to) {
    return (means[from] - means[to]).norm(2, 1).max().item<double>();
  };
  double longest = 0;
  for (int64_t i = 0; i + 1 < means.size(0); ++i) {
    longest = std::max(longest, step(i, i + 1));
  }
  EXPECT_EQ(means.size(0), 2 * kFrames);
  EXPECT_GT(longest, 0.001);
  EXPECT_LE(step(means.size(0) - 1, 0), 1.2 * longest);
}

}  // namespace
}  // namespace dg4d
