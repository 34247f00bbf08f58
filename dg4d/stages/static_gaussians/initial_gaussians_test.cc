#include "dg4d/stages/static_gaussians/initial_gaussians.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>

#include "dg4d/base/random.h"
#include "gtest/gtest.h"

namespace dg4d::static_gaussians {
namespace {

TEST(RandomBall, IsUniformInTheBall) {
  at::Generator generator = MakeGenerator(0, "ball");
  const Gaussians gaussians =
      RandomBallGaussians({.count = 20'000, .radius = 0.5}, 0, generator);
  const at::Tensor distance = gaussians.means.norm(2, 1);
  EXPECT_LE(distance.max().item<double>(), 0.5);
  // A ball of half the radius holds an eighth of the volume.
  EXPECT_NEAR((distance < 0.25).to(at::kFloat).mean().item<double>(), 0.125,
              0.01);
  EXPECT_NEAR(gaussians.means.mean().item<double>(), 0, 0.005);
}

TEST(RandomBall, GaussiansJustFillIt) {
  at::Generator generator = MakeGenerator(0, "ball");
  const Gaussians gaussians = RandomBallGaussians(
      {.count = 5000, .radius = 0.5, .opacity = 0.1}, 0, generator);
  EXPECT_NEAR(gaussians.opacity_logits[0].item<double>(), -2.1972246, 1e-5);
  // Of 5000 points in a ball of 0.52: about (0.52 / 5000)^(1/3) apart.
  EXPECT_NEAR(gaussians.log_scales.exp().mean().item<double>(), 0.034, 0.01);
  EXPECT_NEAR(RgbFromSh(gaussians.sh).mean().item<double>(), 0.5, 0.01);
}

TEST(WithShDegree, AddsZerosAndDropsTheHighest) {
  at::Generator generator = MakeGenerator(0, "ball");
  const Gaussians zero = RandomBallGaussians({.count = 10}, 0, generator);
  const Gaussians two = WithShDegree(zero, 2);
  EXPECT_EQ(two.sh_degree(), 2);
  EXPECT_TRUE(at::equal(RgbFromSh(two.sh), RgbFromSh(zero.sh)));
  EXPECT_EQ(two.sh.narrow(1, 1, 8).abs().max().item<float>(), 0);
  EXPECT_TRUE(at::equal(WithShDegree(two, 0).sh, zero.sh));
}

}  // namespace
}  // namespace dg4d::static_gaussians
