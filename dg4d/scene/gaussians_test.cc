#include "dg4d/scene/gaussians.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace dg4d {
namespace {

TEST(Gaussians, AreEmptyUntilTheyHaveMeans) {
  EXPECT_TRUE(Gaussians{}.empty());
  EXPECT_TRUE((Gaussians{.means = at::zeros({0, 3})}).empty());
  EXPECT_EQ((Gaussians{.means = at::zeros({5, 3})}).size(), 5);
}

TEST(Gaussians, TellTheDegreeFromTheNumberOfCoefficients) {
  EXPECT_EQ(Gaussians{}.sh_degree(), 0);
  for (int degree = 0; degree <= 3; ++degree) {
    const int coefficients = (degree + 1) * (degree + 1);
    EXPECT_EQ((Gaussians{.sh = at::zeros({2, coefficients, 3})}).sh_degree(),
              degree);
  }
}

TEST(Gaussians, AreCheckedForShapesDegreesAndNumbersThatAreNotFinite) {
  const auto some = [](int count, int coefficients) {
    Gaussians gaussians = UninitializedGaussians(count, coefficients);
    for (at::Tensor* tensor :
         {&gaussians.means, &gaussians.quaternions, &gaussians.log_scales,
          &gaussians.opacity_logits, &gaussians.sh}) {
      tensor->zero_();
    }
    return gaussians;
  };
  for (const int coefficients : {1, 4, 9, 16}) {
    EXPECT_TRUE(CheckGaussians(some(3, coefficients)).ok());
  }
  for (const int coefficients : {0, 2, 25}) {
    EXPECT_FALSE(CheckGaussians(some(3, coefficients)).ok());
  }
  EXPECT_FALSE(CheckGaussians(Gaussians{}).ok());
  Gaussians fewer = some(3, 1);
  fewer.log_scales = at::zeros({2, 3});
  EXPECT_FALSE(CheckGaussians(fewer).ok());
  Gaussians infinite = some(3, 1);
  infinite.quaternions[2][1] = std::numeric_limits<float>::infinity();
  const absl::Status status = CheckGaussians(infinite);
  EXPECT_EQ(status.message(), "Gaussian 2 has a value that is not finite");
}

TEST(GaussianFrames, AreCheckedForTheGaussiansTheyMove) {
  const Gaussians still = UninitializedGaussians(3, 1);
  GaussianFrames frames;
  EXPECT_TRUE(CheckGaussianFrames(still, frames).ok());
  frames = {.means = at::zeros({2, 3, 3}),
            .quaternions = at::zeros({2, 3, 4}),
            .log_scales = at::zeros({2, 3, 3}),
            .opacity_logits = at::zeros({2, 3, 1}),
            .times = {0, 1}};
  EXPECT_TRUE(CheckGaussianFrames(still, frames).ok());
  frames.times.push_back(2);
  EXPECT_FALSE(CheckGaussianFrames(still, frames).ok());
}

TEST(FrameAt, TakesPlaceFromTheFrameAndColourFromTheCanonicalOnes) {
  const Gaussians canonical = {.sh = at::full({2, 1, 3}, 0.25)};
  const GaussianFrames frames = {
      .means = at::arange(18).view({3, 2, 3}).to(at::kFloat),
      .quaternions = at::arange(24).view({3, 2, 4}).to(at::kFloat),
      .log_scales = at::arange(18).view({3, 2, 3}).to(at::kFloat),
      .opacity_logits = at::arange(6).view({3, 2, 1}).to(at::kFloat),
      .times = {0, 0.5, 1}};
  const Gaussians frame = FrameAt(canonical, frames, 1);
  EXPECT_EQ(frame.size(), 2);
  EXPECT_EQ(frame.means[0][0].item<float>(), 6);
  EXPECT_EQ(frame.quaternions[1][3].item<float>(), 15);
  EXPECT_EQ(frame.log_scales[1][0].item<float>(), 9);
  EXPECT_EQ(frame.opacity_logits[1][0].item<float>(), 3);
  EXPECT_TRUE(at::equal(frame.sh, canonical.sh));
}

TEST(RgbFromSh, UndoesShFromRgbAndClamps) {
  const at::Tensor rgb = at::linspace(0, 1, 12).view({4, 3});
  const at::Tensor sh = ShFromRgb(rgb);
  EXPECT_EQ(sh.sizes(), (std::vector<int64_t>{4, 1, 3}));
  EXPECT_TRUE(at::allclose(RgbFromSh(sh), rgb, 1e-6, 1e-6));
  EXPECT_EQ(RgbFromSh(at::full({1, 4, 3}, 9.0)).max().item<float>(), 1);
  EXPECT_EQ(RgbFromSh(at::full({1, 4, 3}, -9.0)).min().item<float>(), 0);
}

TEST(Gaussians, AreInterpolatedBetweenFramesAndBackToTheFirst) {
  const Gaussians still = {.sh = at::ones({1, 1, 3})};
  GaussianFrames frames = {
      .means = at::tensor({0.f, 0.f, 0.f, 4.f, 0.f, 0.f}).view({2, 1, 3}),
      // A quarter turn around x, of some length and the other sign.
      .quaternions = at::tensor({1.f, 0.f, 0.f, 0.f, -3.f, -3.f, 0.f, 0.f})
                         .view({2, 1, 4}),
      .log_scales =
          at::tensor({-1.f, -1.f, -1.f, -3.f, -3.f, -3.f}).view({2, 1, 3}),
      .opacity_logits = at::tensor({0.f, 100.f}).view({2, 1, 1}),
      .times = {0, 1}};
  for (const double index : {0.5, 1.5, -0.5, 20.5}) {
    const Gaussians half = InterpolatedFrame(still, frames, index);
    EXPECT_NEAR(half.means[0][0].item<float>(), 2, 1e-6);
    EXPECT_NEAR(half.log_scales[0][1].item<float>(), -2, 1e-6);
    EXPECT_NEAR(half.opacity_logits.sigmoid().item<float>(), 0.75, 1e-6);
    // An eighth of a turn, whatever the sign, which means nothing.
    const at::Tensor turn = half.quaternions[0] * half.quaternions[0][0].sign();
    EXPECT_NEAR(turn[0].item<float>(), std::cos(3.14159265 / 8), 1e-6);
    EXPECT_NEAR(turn[1].item<float>(), std::sin(3.14159265 / 8), 1e-6);
  }
  const Gaussians second = InterpolatedFrame(still, frames, 3);
  EXPECT_TRUE(at::equal(second.quaternions, frames.quaternions[1]));
  EXPECT_TRUE(at::equal(second.opacity_logits, frames.opacity_logits[1]));
}

}  // namespace
}  // namespace dg4d
