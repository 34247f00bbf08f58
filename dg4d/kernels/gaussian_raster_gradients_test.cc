// Gradients of the rasteriser against central differences, in double.

#include <algorithm>
#include <cmath>

#include "dg4d/kernels/gaussian_raster.h"
#include "dg4d/kernels/gaussian_raster_test_world.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using ::testing::Each;

void CheckAgainstCentralDifferences(World<double> world) {
  const Gradients<double> gradients = LossGradients(world);
  const auto check = [&](Values<double>& values, const Values<double>& expected,
                         const char* what) {
    ASSERT_EQ(values.size(), expected.size());
    for (size_t i = 0; i < values.size(); ++i) {
      constexpr double kStep = 1e-6;
      const double value = values[i];
      values[i] = value + kStep;
      const double above = Loss(world);
      values[i] = value - kStep;
      const double below = Loss(world);
      values[i] = value;
      const double difference = (above - below) / (2 * kStep);
      EXPECT_NEAR(expected[i], difference, 1e-5 + 1e-5 * std::abs(difference))
          << what << " " << i;
    }
  };
  check(world.means, gradients.means, "means");
  check(world.quaternions, gradients.quaternions, "quaternions");
  check(world.log_scales, gradients.log_scales, "log_scales");
  check(world.logits, gradients.logits, "logits");
  check(world.sh, gradients.sh, "sh");
  check(world.background, gradients.background, "background");
  check(world.offsets, gradients.offsets, "offsets");
}

TEST(GaussianRasterGradients, MatchCentralDifferencesInEveryInput) {
  CheckAgainstCentralDifferences(MakeWorld<double>(
      {.count = 6, .times = 2, .images = 3, .degree = 3, .spread = 0.5}));
}

TEST(GaussianRasterGradients, MatchCentralDifferencesWhereOpacityIsCapped) {
  World<double> world =
      MakeWorld<double>({.count = 3, .pixels = 10, .spread = 0.2});
  world.logits.assign(3, 8);
  CheckAgainstCentralDifferences(world);
}

TEST(GaussianRasterGradients, VanishThroughTheCapOfOpacity) {
  // One pixel, right at the centre of an opaque Gaussian.
  const World<double> world = MakeSingle<double>(0.5, 8, 1, 1);
  EXPECT_NEAR(Draw(world).alpha[0], 0.99, 1e-12);
  const Gradients<double> gradients = LossGradients(world);
  EXPECT_THAT(gradients.logits, Each(0));
  EXPECT_THAT(gradients.log_scales, Each(0));
  EXPECT_THAT(gradients.offsets, Each(0));
  EXPECT_NE(gradients.sh[0], 0);
}

TEST(GaussianRasterGradients, MatchCentralDifferencesBesideTheView) {
  // Wide Gaussians whose centres see the bound of the shear, on all sides.
  World<double> world =
      MakeWorld<double>({.count = 4, .pixels = 8, .spread = 0.1});
  const double beyond = 2 * 1.4 * 8 / (1.1 * 16);  // slope 1.4 / 1.1
  const double centres[4][2] = {
      {beyond, 0}, {-beyond, 0.2}, {0.1, beyond}, {beyond, -beyond}};
  for (int i = 0; i < 4; ++i) {
    std::copy_n(centres[i], 2, &world.means[3 * i]);
  }
  world.logits.assign(4, 2);
  const Images<double> images = Draw(world);
  for (const int32_t radius : images.radii) ASSERT_GT(radius, 0);
  CheckAgainstCentralDifferences(world);
}

TEST(GaussianRasterGradients, MatchCentralDifferencesWithoutLowPass) {
  World<double> world =
      MakeWorld<double>({.count = 5, .pixels = 3, .spread = 0.4});
  world.low_pass = 0;
  CheckAgainstCentralDifferences(world);
}

}  // namespace
}  // namespace dg4d
