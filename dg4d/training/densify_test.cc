#include "dg4d/training/densify.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <vector>

#include "dg4d/base/random.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

// Gaussians on the x axis at 0, 1, 2, ..., round, of the given sizes.
Gaussians Row(const std::vector<float>& sizes, double opacity = 0.9) {
  const int64_t count = static_cast<int64_t>(sizes.size());
  Gaussians gaussians;
  gaussians.means = at::zeros({count, 3});
  for (int64_t i = 0; i < count; ++i) {
    gaussians.means[i][0] = static_cast<double>(i);
  }
  gaussians.quaternions =
      at::tensor({1.0f, 0.0f, 0.0f, 0.0f}).repeat({count, 1});
  gaussians.log_scales = at::tensor(sizes).log().unsqueeze(1).repeat({1, 3});
  gaussians.opacity_logits =
      at::full({count, 1}, std::log(opacity / (1 - opacity)));
  gaussians.sh =
      at::arange(count, at::kFloat).view({count, 1, 1}).repeat({1, 4, 3});
  return gaussians;
}

class DensifyTest : public testing::Test {
 protected:
  Densification Run(const Gaussians& gaussians,
                    const std::vector<float>& gradients) {
    return Densify(gaussians, at::tensor(gradients), options_, generator_);
  }
  static std::vector<int64_t> Kept(const Densification& result) {
    const int64_t* rows = result.kept.data_ptr<int64_t>();
    return {rows, rows + result.kept.numel()};
  }

  DensifyOptions options_{.gradient_threshold = 1,
                          .clone_below = 0.05,
                          .prune_above = 0.2,
                          .min_opacity = 0.01,
                          .max_count = 100};
  at::Generator generator_ = MakeGenerator(0, "densify");
};

TEST_F(DensifyTest, LeavesGaussiansThatNothingPullsAlone) {
  const Densification result = Run(Row({0.01f, 0.1f}), {0.5f, 0.9f});
  EXPECT_EQ(Kept(result), (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(result.added.size(), 0);
}

TEST_F(DensifyTest, ClonesSmallOnesExactly) {
  const Gaussians gaussians = Row({0.01f, 0.04f, 0.04f});
  const Densification result = Run(gaussians, {0, 1, 0});
  EXPECT_EQ(result.cloned, 1);
  EXPECT_EQ(Kept(result), (std::vector<int64_t>{0, 1, 2}));
  ASSERT_EQ(result.added.size(), 1);
  EXPECT_TRUE(at::equal(result.added.means[0], gaussians.means[1]));
  EXPECT_TRUE(at::equal(result.added.log_scales[0], gaussians.log_scales[1]));
  EXPECT_TRUE(
      at::equal(result.added.opacity_logits[0], gaussians.opacity_logits[1]));
  EXPECT_TRUE(at::equal(result.added.sh[0], gaussians.sh[1]));
}

TEST_F(DensifyTest, SplitsLargeOnesIntoTwoSmallerInTheirPlace) {
  const Gaussians gaussians = Row({0.1f, 0.1f});
  const Densification result = Run(gaussians, {0, 2});
  EXPECT_EQ(result.split, 1);
  EXPECT_EQ(Kept(result), (std::vector<int64_t>{0}));
  ASSERT_EQ(result.added.size(), 2);
  EXPECT_TRUE(
      at::allclose(result.added.log_scales.exp(), at::full({2, 3}, 0.1 / 1.6)));
  EXPECT_TRUE(at::equal(result.added.sh[1], gaussians.sh[1]));
  EXPECT_FALSE(at::equal(result.added.means[0], result.added.means[1]));
}

TEST_F(DensifyTest, ChildrenAreDrawnFromTheirParent) {
  // A needle along its own x, turned by 90 degrees about z: along world y.
  const int64_t count = 4000;
  Gaussians needles = Row(std::vector<float>(count, 0.1f));
  needles.means.zero_();
  needles.log_scales =
      at::tensor({0.1f, 0.01f, 0.001f}).log().repeat({count, 1});
  const float half = std::sqrt(0.5f);
  // Its length must not matter.
  needles.quaternions =
      at::tensor({3 * half, 0.0f, 0.0f, 3 * half}).repeat({count, 1});
  options_.max_count = 2 * count;
  const Densification result = Run(needles, std::vector<float>(count, 2.0f));
  ASSERT_EQ(result.added.size(), 2 * count);
  const at::Tensor deviation =
      (result.added.means * result.added.means).mean(0).sqrt();
  EXPECT_NEAR(deviation[0].item<double>(), 0.01, 0.0005);
  EXPECT_NEAR(deviation[1].item<double>(), 0.1, 0.005);
  EXPECT_NEAR(deviation[2].item<double>(), 0.001, 0.00005);
}

TEST_F(DensifyTest, PrunesTransparentAndLargeOnesAlsoAmongTheNew) {
  Gaussians gaussians = Row({0.01f, 0.01f, 0.3f, 0.04f, 0.5f});
  gaussians.opacity_logits[1] = -10;
  gaussians.opacity_logits[3] = -10;
  const Densification result = Run(gaussians, {0, 0, 0, 2, 2});
  EXPECT_EQ(Kept(result), (std::vector<int64_t>{0}));
  // The clone of 3 is as transparent as it; the children of 4 are too large.
  EXPECT_EQ(result.added.size(), 0);
  EXPECT_EQ(result.pruned, 3 + 3);
}

TEST_F(DensifyTest, StrongestGradientsWinWhereRoomIsShort) {
  options_.max_count = 6;
  const Densification result =
      Run(Row({0.01f, 0.01f, 0.01f, 0.1f}), {2, 5, 3, 4});
  EXPECT_EQ(result.cloned, 1);
  EXPECT_EQ(result.split, 1);
  EXPECT_EQ(result.kept.numel() + result.added.size(), 6);
  EXPECT_EQ(result.added.means[0][0].item<float>(), 1);
}

TEST_F(DensifyTest, NoRoomMeansNoNewOnes) {
  options_.max_count = 2;
  const Densification result = Run(Row({0.01f, 0.1f, 0.1f}), {2, 5, 3});
  EXPECT_EQ(result.kept.numel(), 3);
  EXPECT_EQ(result.added.size(), 0);
}

TEST(ScreenGradients, AverageOverTheViewsThatSeeAGaussian) {
  ScreenGradients statistics;
  statistics.Reset(3);
  at::Tensor gradients = at::zeros({2, 3, 2});
  gradients[0][0][0] = 3;
  gradients[0][0][1] = 4;
  gradients[1][0][0] = 1;
  gradients[0][1][0] = 2;
  const at::Tensor radii =
      at::tensor({4, 3, 0, 3, 0, 0}, at::kInt).view({2, 3});
  statistics.Add(gradients, radii, 10);
  const at::Tensor mean = statistics.Mean();
  EXPECT_FLOAT_EQ(mean[0].item<float>(), 10 * (5 + 1) / 2.0f);
  EXPECT_FLOAT_EQ(mean[1].item<float>(), 20);
  EXPECT_EQ(mean[2].item<float>(), 0);
  statistics.Reset(2);
  EXPECT_TRUE(at::equal(statistics.Mean(), at::zeros({2})));
}

TEST(DensifyOptions, SayWhenThingsHappen) {
  const DensifyOptions options{.from_step = 100,
                               .until_step = 300,
                               .interval = 100,
                               .opacity_reset_interval = 150};
  EXPECT_FALSE(options.Counts(99));
  EXPECT_TRUE(options.Counts(100));
  EXPECT_TRUE(options.Counts(300));
  EXPECT_FALSE(options.Counts(301));
  EXPECT_TRUE(options.DensifiesAfter(200));
  EXPECT_FALSE(options.DensifiesAfter(250));
  EXPECT_FALSE(options.DensifiesAfter(400));
  EXPECT_TRUE(options.ResetsOpacityAfter(150));
  EXPECT_FALSE(DensifyOptions{.interval = 0}.Counts(100));
  EXPECT_FALSE(
      DensifyOptions{.opacity_reset_interval = 0}.ResetsOpacityAfter(700));
}

TEST(LowerOpacities, NeverRaises) {
  const at::Tensor lowered =
      LowerOpacities(at::tensor({5.0f, -9.0f}).unsqueeze(1), 0.01);
  EXPECT_NEAR(lowered[0].sigmoid().item<double>(), 0.01, 1e-6);
  EXPECT_EQ(lowered[1].item<float>(), -9);
}

}  // namespace
}  // namespace dg4d
