#include "tools/report/inspection.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "dg4d/core/plugin_spec.h"
#include "dg4d/testing/sample_scenes.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

const c10::Device kCpu(c10::kCPU);

// A moving scene whose video shows its own Gaussians.
Scene SceneWithItsOwnVideo(int frames) {
  Scene scene = MovingScene(frames);
  const auto renderer =
      PluginSpec<GaussianRenderer>{"gaussian_splatting"}.Create().value();
  const Camera camera = scene.reference_camera.WithSize(64, 64);
  scene.video.frames.clear();
  for (int i = 0; i < frames; ++i) {
    const Gaussians gaussians =
        FrameAt(scene.gaussians, scene.gaussian_frames, i);
    scene.video.frames.push_back(ImageFromChw(
        renderer->Render(BatchOf(gaussians, 1), {camera}, at::ones({1, 3}), {})
            .rgb[0]));
  }
  return scene;
}

TEST(SceneInspector, FindsAVideoOfTheGaussiansThemselvesAlike) {
  SceneInspector inspector(kCpu);
  Scene scene = SceneWithItsOwnVideo(5);
  const auto alike = inspector.Inspect(scene)["gaussians"];
  EXPECT_EQ(alike["count"], scene.gaussians.size());
  EXPECT_EQ(alike["frames"], 5);
  EXPECT_EQ(alike["compared_frames"], 5);
  EXPECT_EQ(alike["psnr_db"], 100);
  EXPECT_NEAR(alike["ssim"], 1, 1e-5);
  EXPECT_FALSE(alike.contains("outline_iou"));  // the video has no alpha

  // The other way round in time: only the middle frame still fits.
  scene.gaussian_frames.means = scene.gaussian_frames.means.flip(0);
  const auto reversed = inspector.Inspect(scene)["gaussians"];
  EXPECT_LT(reversed["worst_psnr_db"], 60);
  EXPECT_LT(reversed["psnr_db"], 80);
  EXPECT_LT(reversed["ssim"], 1);
  ASSERT_EQ(inspector.frames().size(), 5u);
  EXPECT_EQ(inspector.frames()[2].gaussians_psnr, 100);
  EXPECT_LT(inspector.frames()[0].gaussians_psnr, 60);
}

TEST(SceneInspector, LooksOnlyAtWhatIsNew) {
  SceneInspector inspector(kCpu);
  Scene scene = SceneWithItsOwnVideo(3);
  const std::vector<Mesh> meshes = std::exchange(scene.meshes, {});
  EXPECT_TRUE(inspector.Inspect(scene).contains("gaussians"));
  EXPECT_TRUE(inspector.Inspect(scene).empty());
  scene.meshes = meshes;
  const auto measures = inspector.Inspect(scene);
  EXPECT_FALSE(measures.contains("gaussians"));
  EXPECT_EQ(measures["mesh"]["triangles"], meshes[0].triangle_count());
  EXPECT_EQ(measures["mesh"]["frames"], 3);
  EXPECT_TRUE(measures["mesh"]["one_topology"]);
  EXPECT_EQ(measures["mesh"]["components"], 1);
  EXPECT_EQ(measures["mesh"]["closed_frames"], 3);
  EXPECT_FALSE(inspector.frames()[1].mesh.empty());
  scene.meshes[0].vertices = scene.meshes[0].vertices * 1.5;
  EXPECT_TRUE(inspector.Inspect(scene).contains("mesh"));
}

TEST(SceneInspector, FindsHoles) {
  SceneInspector inspector(kCpu);
  Scene scene = StaticScene();
  Mesh& mesh = scene.meshes[0];
  mesh.triangles = mesh.triangles.slice(0, 1);
  mesh.uv_triangles = mesh.uv_triangles.slice(0, 1);
  EXPECT_EQ(inspector.Inspect(scene)["mesh"]["closed_frames"], 0);
}

TEST(SceneInspector, ComparesSomeFramesOfALongVideo) {
  SceneInspector inspector(kCpu);
  Scene scene = SceneWithItsOwnVideo(20);
  scene.meshes.clear();
  EXPECT_EQ(inspector.Inspect(scene)["gaussians"]["compared_frames"],
            SceneInspector::kMostFrames);
  EXPECT_EQ(inspector.frames().front().number, 0);
  EXPECT_EQ(inspector.frames().back().number, 18);
}

// As it is while a run goes on: each stage adds a slot.
TEST(SceneInspector, TakesAnySceneThereIs) {
  SceneInspector inspector(kCpu);
  EXPECT_TRUE(inspector.Inspect({}).empty());
  const Scene whole = SceneWithItsOwnVideo(4);
  Scene scene;
  scene.reference = whole.video.frames[0];
  scene.reference_camera = whole.reference_camera;
  inspector.Inspect(scene);
  EXPECT_EQ(inspector.frames().size(), 1u);
  scene.video = whole.video;
  inspector.Inspect(scene);
  EXPECT_EQ(inspector.frames().size(), 4u);
  scene.gaussians = whole.gaussians;
  EXPECT_EQ(inspector.Inspect(scene)["gaussians"]["compared_frames"], 1);
  EXPECT_TRUE(inspector.frames()[1].gaussians.empty());
  EXPECT_TRUE(inspector.MeshTurntable(scene).picture.empty());

  Scene unseen;  // of posed pictures, say: nothing to compare with
  unseen.gaussians = whole.gaussians;
  SceneInspector other(kCpu);
  EXPECT_FALSE(other.Inspect(unseen)["gaussians"].contains("psnr_db"));
}

TEST(SceneInspector, ShowsEachFrameEquallyLongInATurntable) {
  SceneInspector inspector(kCpu);
  Scene scene = SceneWithItsOwnVideo(5);
  scene.video.fps = 5;  // a period takes a second
  const auto sheet = inspector.GaussianTurntable(scene);
  EXPECT_EQ(sheet.columns * sheet.rows, 4 * 5 * 3);
  EXPECT_DOUBLE_EQ(sheet.fps, 15);
  EXPECT_EQ(sheet.picture.width(), sheet.columns * sheet.side);
  EXPECT_EQ(sheet.picture.height(), sheet.rows * sheet.side);
  const auto meshes = inspector.MeshTurntable(scene);
  EXPECT_EQ(meshes.columns, sheet.columns);
  EXPECT_EQ(meshes.rows, sheet.rows);
  const auto still = inspector.GaussianTurntable(StaticScene());
  EXPECT_EQ(still.columns * still.rows, 48);
}

TEST(ShrinkToSide, KeepsTheProportionsAndNeverEnlarges) {
  const Image wide = {at::ones({10, 400, 3})};
  EXPECT_EQ(ShrinkToSide(wide, 100).width(), 100);
  EXPECT_EQ(ShrinkToSide(wide, 100).height(), 2);
  EXPECT_EQ(ShrinkToSide(wide, 20).height(), 1);
  EXPECT_EQ(ShrinkToSide(wide, 1000).width(), 400);
}

}  // namespace
}  // namespace dg4d
