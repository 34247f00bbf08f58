#include "dg4d/testing/synthetic_scene.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>

#include <cmath>
#include <filesystem>
#include <tuple>

#include "dg4d/formats/blender_dataset.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

Camera SmallCamera(double azimuth_degrees = 0) {
  Camera intrinsics;
  intrinsics.width = intrinsics.height = 64;
  return OrbitCamera({.azimuth_degrees = azimuth_degrees}, intrinsics);
}

TEST(SyntheticScene, SurfacesAreClosedAndRepeat) {
  for (const std::string& name : SyntheticScene::Names()) {
    const SyntheticScene scene = SyntheticScene::Create(name).value();
    const MeshTopology topology = AnalyzeTopology(scene.Surface(0.3));
    EXPECT_TRUE(topology.closed_manifold()) << name;
    EXPECT_GT(topology.signed_volume, 0.01) << name;
    EXPECT_EQ(topology.components, name == "passing_parts" ? 2 : 1);
    const at::Tensor start = scene.Surface(0).vertices;
    EXPECT_LT((start - scene.Surface(1).vertices).abs().max().item<float>(),
              1e-6f)
        << name;
    EXPECT_GT((start - scene.Surface(0.25).vertices).abs().max().item<float>(),
              0.05f)
        << name;
    EXPECT_LT(start.abs().max().item<float>(), 0.75f) << name;
  }
}

TEST(SyntheticScene, PicturesShowTheObjectInFrontOfNothing) {
  for (const std::string& name : SyntheticScene::Names()) {
    const SyntheticScene scene = SyntheticScene::Create(name).value();
    const Image image = scene.Render(SmallCamera(), 0.1);
    const at::Tensor alpha = Alpha(image);
    EXPECT_EQ(alpha[0][0][0].item<float>(), 0) << name;
    EXPECT_GT(alpha.mean().item<float>(), 0.04f) << name;
    EXPECT_LT(alpha.mean().item<float>(), 0.6f) << name;
    EXPECT_TRUE(
        at::equal(image.pixels, scene.Render(SmallCamera(), 0.1).pixels));
    // A texture: more than one colour on what is covered.
    const at::Tensor rgb = Composite(image);
    EXPECT_GT(rgb.std().item<float>(), 0.05f) << name;
  }
}

TEST(SyntheticScene, SilhouetteIsThatOfTheSurface) {
  // The blob seen from the front: how far it reaches up in the picture is how
  // far its highest vertex does.
  const SyntheticScene scene = SyntheticScene::Create("breathing_blob").value();
  const Camera camera = SmallCamera();
  const at::Tensor vertices = scene.Surface(0.6).vertices;
  const at::Tensor rows =
      32 - camera.focal() * vertices.select(1, 1) / (2 - vertices.select(1, 2));
  const at::Tensor alpha = Alpha(scene.Render(camera, 0.6, 8))[0];
  const at::Tensor covered = std::get<0>(alpha.max(1)) > 0;
  const double first = covered.nonzero()[0].item<int64_t>();
  EXPECT_EQ(first, std::floor(rows.min().item<float>()));
}

TEST(SyntheticScene, PartsPassInFrontOfEachOther) {
  // Two separate bodies from the front when they are side by side, one hides
  // part of the other a quarter later.
  const SyntheticScene scene = SyntheticScene::Create("passing_parts").value();
  const float beside =
      Alpha(scene.Render(SmallCamera(), 0)).mean().item<float>();
  const float behind =
      Alpha(scene.Render(SmallCamera(), 0.25)).mean().item<float>();
  EXPECT_LT(behind, 0.85f * beside);
}

TEST(SyntheticScene, RefusesAnUnknownName) {
  EXPECT_EQ(SyntheticScene::Create("bending_pipe").status().code(),
            absl::StatusCode::kNotFound);
}

TEST(SyntheticScene, WritesADatasetOfTrainingAndHeldOutViews) {
  const std::string folder = testing::TempDir() + "/synthetic";
  std::filesystem::remove_all(folder);
  const SyntheticScene scene = SyntheticScene::Create("twisting_box").value();
  ASSERT_TRUE(WriteSyntheticDataset(
                  scene,
                  {.frames = 3, .train_views = 2, .test_views = 1, .size = 16},
                  folder)
                  .ok());
  const auto train = ReadBlenderDataset(folder, "train");
  const auto test = ReadBlenderDataset(folder, "test");
  ASSERT_TRUE(train.ok()) << train.status();
  ASSERT_TRUE(test.ok()) << test.status();
  EXPECT_EQ(train->images.size(), 6u);
  EXPECT_EQ(test->images.size(), 3u);
  EXPECT_EQ(train->Times(), (std::vector<double>{0, 0.5, 1}));
  for (const PosedImage& a : train->images) {
    for (const PosedImage& b : test->images) {
      EXPECT_NE(a.camera.world_from_camera, b.camera.world_from_camera);
    }
  }
}

}  // namespace
}  // namespace dg4d
