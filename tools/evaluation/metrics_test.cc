#include "tools/evaluation/metrics.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "dg4d/testing/synthetic_scene.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

TEST(MaskIou, IsTheShareOfWhatBothCover) {
  const at::Tensor a = at::tensor({1.0, 1.0, 0.0, 0.6});
  const at::Tensor b = at::tensor({1.0, 0.0, 0.0, 0.9});
  EXPECT_DOUBLE_EQ(MaskIou(a, b), 2.0 / 3);
  EXPECT_DOUBLE_EQ(MaskIou(a, a), 1);
  EXPECT_DOUBLE_EQ(MaskIou(at::zeros({4}), at::zeros({4})), 1);
}

TEST(TemporalFlicker, IgnoresWhatTheTruthDoesToo) {
  const at::Tensor dark = at::full({3, 2, 2}, 0.2);
  const at::Tensor light = at::full({3, 2, 2}, 0.5);
  EXPECT_DOUBLE_EQ(TemporalFlicker({dark, light}, {dark, light}), 0);
  // A constant error does not flicker.
  EXPECT_NEAR(TemporalFlicker({dark, dark}, {light, light}), 0, 1e-7);
  EXPECT_NEAR(TemporalFlicker({dark, light, dark}, {dark, dark, dark}), 0.3,
              1e-6);
}

// A square of side 1 in the plane z.
Mesh Square(double z) {
  Mesh mesh;
  mesh.vertices =
      at::tensor({0.0, 0.0, z, 1.0, 0.0, z, 1.0, 1.0, z, 0.0, 1.0, z})
          .to(at::kFloat)
          .view({4, 3});
  mesh.triangles = at::tensor({0, 1, 2, 0, 2, 3}, at::kInt).view({2, 3});
  return mesh;
}

TEST(ChamferDistance, IsTheDistanceOfParallelSquares) {
  EXPECT_NEAR(ChamferDistance(Square(0), Square(0.25)), 0.25, 0.001);
  EXPECT_LT(ChamferDistance(Square(0), Square(0)), 1e-6);
}

TEST(ChamferDistance, DoesNotDependOnHowASurfaceIsCut) {
  Mesh other = Square(0);
  other.triangles = at::tensor({1, 2, 3, 1, 3, 0}, at::kInt).view({2, 3});
  EXPECT_LT(ChamferDistance(Square(0), other), 0.006);
}

TEST(ChamferDistance, SeesThatAnObjectMoved) {
  const SyntheticScene scene = SyntheticScene::Create("bending_tube").value();
  const double still = ChamferDistance(scene.Surface(0), scene.Surface(1));
  const double moved = ChamferDistance(scene.Surface(0), scene.Surface(0.25));
  EXPECT_LT(still, 0.006);
  EXPECT_GT(moved, 0.05);
}

TEST(SampleSurface, CoversEvenly) {
  const at::Tensor points = SampleSurface(Square(0), 1000);
  const at::Tensor mean = points.mean(0);
  EXPECT_NEAR(mean[0].item<double>(), 0.5, 0.01);
  EXPECT_NEAR(mean[1].item<double>(), 0.5, 0.01);
  const at::Tensor quarter =
      (points.select(1, 0) < 0.5).logical_and(points.select(1, 1) < 0.5);
  EXPECT_NEAR(quarter.sum().item<double>(), 250, 10);
}

}  // namespace
}  // namespace dg4d
