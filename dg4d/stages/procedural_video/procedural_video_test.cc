#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>

#include <memory>
#include <string>

#include "dg4d/core/config.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/run_context.h"
#include "dg4d/core/stage.h"
#include "dg4d/geometry/inflation/shapes.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

Scene StarScene() {
  Scene scene;
  scene.reference = inflation::NamedShape("star", 128);
  Camera intrinsics;
  intrinsics.width = intrinsics.height = 128;
  scene.reference_camera = OrbitCamera({}, intrinsics);
  return scene;
}

absl::StatusOr<Scene> RunStage(const std::string& options,
                               Scene scene = StarScene()) {
  const auto node = ParseYaml(options, "test");
  EXPECT_TRUE(node.ok()) << node.status();
  const auto stage = Registry<Stage>::Create("procedural_video", *node);
  if (!stage.ok()) return stage.status();
  RunContext context;
  const absl::Status status = (*stage)->Run(context, scene);
  if (!status.ok()) return status;
  return scene;
}

TEST(ProceduralVideo, BeginsWithTheReferencePicture) {
  const absl::StatusOr<Scene> scene = RunStage("{frames: 5, fps: 9}");
  ASSERT_TRUE(scene.ok()) << scene.status();
  ASSERT_EQ(scene->video.size(), 5);
  EXPECT_EQ(scene->video.fps, 9);
  EXPECT_TRUE(
      at::equal(scene->video.frames[0].pixels, scene->reference.pixels));
}

TEST(ProceduralVideo, ShowsTheProxyOfEachFrame) {
  const absl::StatusOr<Scene> scene = RunStage("{frames: 4, motion: sway}");
  ASSERT_TRUE(scene.ok()) << scene.status();
  ASSERT_EQ(scene->proxy.size(), 4u);
  EXPECT_TRUE(HaveOneTopology(scene->proxy));
  EXPECT_TRUE(HaveOneTexture(scene->proxy));
  for (const Image& frame : scene->video.frames) {
    ASSERT_TRUE(frame.has_alpha());
    EXPECT_EQ(frame.height(), 128);
    EXPECT_GE(frame.pixels.min().item<float>(), 0);
    EXPECT_LE(frame.pixels.max().item<float>(), 1);
  }
  // Half a cycle on, a sway is back in the middle; a quarter on it is not.
  const at::Tensor still = Composite(scene->video.frames[0]);
  EXPECT_GT(Psnr(Composite(scene->video.frames[2]), still), 34);
  EXPECT_LT(Psnr(Composite(scene->video.frames[1]), still), 25);
}

TEST(ProceduralVideo, RepeatsTheMotionForEachCycle) {
  const absl::StatusOr<Scene> scene =
      RunStage("{frames: 6, cycles: 2, motion: twist}");
  ASSERT_TRUE(scene.ok()) << scene.status();
  EXPECT_LT((scene->proxy[1].vertices - scene->proxy[4].vertices)
                .abs()
                .max()
                .item<float>(),
            1e-6);
}

TEST(ProceduralVideo, GivesTheSameBytesEachTime) {
  const absl::StatusOr<Scene> a = RunStage("{frames: 2, motion: hop}");
  const absl::StatusOr<Scene> b = RunStage("{frames: 2, motion: hop}");
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_TRUE(at::equal(a->video.frames[1].pixels, b->video.frames[1].pixels));
}

TEST(ProceduralVideo, NamesWhatIsWrongWithItsOptions) {
  EXPECT_EQ(RunStage("{frames: 0}").status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(RunStage("{motion: jump}").status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(RunStage("{surface: {size: 8}}").status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ProceduralVideo, RefusesAnEmptyPicture) {
  Scene scene = StarScene();
  scene.reference.pixels = scene.reference.pixels.clone();
  scene.reference.pixels.select(2, 3).zero_();
  const absl::Status status = RunStage("{}", scene).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("empty"), std::string::npos);
}

}  // namespace
}  // namespace dg4d
