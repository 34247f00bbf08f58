#include "dg4d/kernels/benchmark_scene.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

TEST(BenchmarkRandom, FollowsItsDefinition) {
  BenchmarkRandom random(1);
  EXPECT_EQ(random.Draw(), 7100271 * 0x1p-24f);
  for (int i = 0; i < 1000; ++i) {
    const float u = random.Draw();
    EXPECT_GE(u, 0);
    EXPECT_LT(u, 1);
  }
}

TEST(BenchmarkScene, PutsTheShellsGaussiansOnASphere) {
  const BenchmarkGaussians shell =
      MakeBenchmarkGaussians(BenchmarkScene::kShell, 500);
  for (int i = 0; i < 500; ++i) {
    const float* p = &shell.means[3 * i];
    const float radius = std::hypot(p[0], p[1], p[2]);
    EXPECT_GE(radius, 0.3799f);
    EXPECT_LE(radius, 0.4201f);
    EXPECT_NEAR(shell.log_scales[3 * i] - shell.log_scales[3 * i + 2],
                -std::log(0.3), 1e-5);
  }
  EXPECT_NEAR(shell.opacity_logits[0], std::log(4.0), 1e-6);
}

TEST(BenchmarkScene, PutsTheBlobsGaussiansInABall) {
  const BenchmarkGaussians blob =
      MakeBenchmarkGaussians(BenchmarkScene::kBlob, 500);
  for (int i = 0; i < 500; ++i) {
    const float* p = &blob.means[3 * i];
    EXPECT_LE(std::hypot(p[0], p[1], p[2]), 0.5001f);
  }
  EXPECT_NEAR(blob.opacity_logits[0], -2.1972246, 1e-6);
}

// Camera 0 of one: elevation -30, azimuth 0 stands at (0, 1, 1.7320508).
TEST(BenchmarkScene, LooksAtTheOriginFromAbove) {
  const BenchmarkCameras cameras = MakeBenchmarkCameras(1, 256);
  const float* v = cameras.view_from_world.data();
  EXPECT_NEAR(cameras.focal_lengths[0], 280.222, 1e-3);
  const double position[3] = {-(v[8] * v[11]), -(v[9] * v[11]),
                              -(v[10] * v[11])};
  EXPECT_NEAR(position[0], 0, 1e-6);
  EXPECT_NEAR(position[1], 1, 1e-6);
  EXPECT_NEAR(position[2], 1.7320508, 1e-6);
  // Right x down = forward.
  EXPECT_NEAR(v[1] * v[6] - v[2] * v[5], v[8], 1e-6);
  EXPECT_NEAR(v[2] * v[4] - v[0] * v[6], v[9], 1e-6);
  EXPECT_NEAR(v[0] * v[5] - v[1] * v[4], v[10], 1e-6);
}

}  // namespace
}  // namespace dg4d
