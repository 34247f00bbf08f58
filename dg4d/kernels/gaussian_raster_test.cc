#include "dg4d/kernels/gaussian_raster.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "dg4d/base/parallel.h"
#include "dg4d/kernels/gaussian_raster_math.h"
#include "dg4d/kernels/gaussian_raster_test_world.h"
#include "dg4d/kernels/spherical_harmonics.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

template <typename A, typename B>
void ExpectNear(const A& actual, const B& expected, double tolerance,
                const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], tolerance) << what << " " << i;
  }
}

template <typename A, typename B>
void ExpectImagesNear(const A& actual, const B& expected, double tolerance) {
  ExpectNear(actual.rgb, expected.rgb, tolerance, "rgb");
  ExpectNear(actual.alpha, expected.alpha, tolerance, "alpha");
  ExpectNear(actual.depth, expected.depth, tolerance, "depth");
}

// By relative L2 of whole arrays: single elements are sums that cancel.
template <typename A, typename B>
void ExpectGradientsNear(const A& actual, const B& expected, double tolerance) {
  const auto compare = [&](const auto& a, const auto& b, const char* what) {
    ASSERT_EQ(a.size(), b.size()) << what;
    double error = 0, norm = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      error += (a[i] - b[i]) * (a[i] - b[i]);
      norm += b[i] * b[i];
    }
    EXPECT_GT(norm, 0) << what;
    EXPECT_LE(std::sqrt(error), tolerance * std::sqrt(norm)) << what;
  };
  compare(actual.means, expected.means, "means");
  compare(actual.quaternions, expected.quaternions, "quaternions");
  compare(actual.log_scales, expected.log_scales, "log_scales");
  compare(actual.logits, expected.logits, "logits");
  compare(actual.sh, expected.sh, "sh");
  compare(actual.background, expected.background, "background");
  compare(actual.offsets, expected.offsets, "offsets");
}

TEST(GaussianRasterMath, CovarianceIsPositiveWithTheScalesForAxes) {
  const World<double> world = MakeWorld<double>({.count = 50});
  for (int i = 0; i < world.count; ++i) {
    const double* scales = &world.log_scales[3 * i];
    const auto [xx, xy, xz, yy, yz, zz] =
        gaussian_raster::ActivateGaussian(&world.quaternions[4 * i], scales,
                                          0.0)
            .covariance;
    const double minor = xx * yy - xy * xy;
    const double determinant = xx * (yy * zz - yz * yz) -
                               xy * (xy * zz - yz * xz) +
                               xz * (xy * yz - yy * xz);
    EXPECT_GT(xx, 0);
    EXPECT_GT(minor, 0);
    EXPECT_NEAR(determinant / std::exp(2 * (scales[0] + scales[1] + scales[2])),
                1, 1e-9);
    double trace = 0;
    for (int k = 0; k < 3; ++k) trace += std::exp(2 * scales[k]);
    EXPECT_NEAR(xx + yy + zz, trace, 1e-9);
  }
}

TEST(GaussianRasterMath, NormalisesQuaternions) {
  const double q[] = {0.3, -0.2, 0.9, 0.4};
  const double longer[] = {3, -2, 9, 4};
  double rotation[9], of_longer[9];
  gaussian_raster::RotationFromQuaternion(q, rotation);
  gaussian_raster::RotationFromQuaternion(longer, of_longer);
  for (int i = 0; i < 9; ++i) EXPECT_NEAR(rotation[i], of_longer[i], 1e-12);
}

TEST(GaussianRaster, DrawsAPointAsItsLowPass) {
  constexpr int kSize = 256;
  const World<float> world = MakeSingle<float>(1e-6, 0, kSize, kSize);
  const Images<float> images = Draw(world);
  EXPECT_EQ(images.radii[0], 3);
  // The centre lies between the four pixels in the middle.
  const auto alpha = [&](int x, int y) { return images.alpha[kSize * y + x]; };
  const double expected = 0.5 * std::exp(-0.5 * (0.25 + 0.25) / 0.3);
  for (const int y : {127, 128}) {
    for (const int x : {127, 128}) EXPECT_NEAR(alpha(x, y), expected, 1e-6);
  }
  EXPECT_NEAR(alpha(126, 128), 0.5 * std::exp(-0.5 * (2.25 + 0.25) / 0.3),
              1e-6);
  EXPECT_EQ(alpha(124, 128), 0);
}

TEST(GaussianRaster, SeesColoursFromTheCamerasSide) {
  World<double> world = MakeWorld<double>(
      {.count = 1, .images = 2, .degree = 1, .pixels = 4, .spread = 0});
  world.offsets.assign(4, 0);
  world.logits = {20};
  world.sh.assign(12, 0);
  world.sh[6] = 1;  // red, along +z
  const Images<double> images = Draw(world);
  const int64_t pixels = 16 * 16, middle = 16 * 8 + 8;
  const double alpha = images.alpha[middle];
  ASSERT_GT(alpha, 0.9);
  // The first camera stands on +z and looks along -z; the other faces it.
  EXPECT_NEAR(
      images.rgb[middle],
      (0.5 - 0.4886025119029199) * alpha + (1 - alpha) * world.background[0],
      1e-9);
  EXPECT_NEAR(images.rgb[3 * pixels + middle],
              (0.5 + 0.4886025119029199) * images.alpha[pixels + middle] +
                  (1 - images.alpha[pixels + middle]) * world.background[3],
              1e-9);
}

struct Size {
  int width, height;
};
class GaussianRasterSizes : public testing::TestWithParam<Size> {};

TEST_P(GaussianRasterSizes, DrawsEveryPixelByTheDefinition) {
  const auto [width, height] = GetParam();
  for (const double pixels : {0.3, 1.5, 12.0}) {
    const WorldOptions options = {.count = 120,
                                  .times = 2,
                                  .images = 3,
                                  .width = width,
                                  .height = height,
                                  .degree = 3,
                                  .pixels = pixels};
    const World<double> world = MakeWorld<double>(options);
    const Images<double> expected = DrawByDefinition(world);
    ExpectImagesNear(Draw(world), expected, 1e-9);
    // A pixel whose alpha is near 1/255 may fall on either side.
    ExpectImagesNear(Draw(MakeWorld<float>(options)), expected, 0.012);
  }
}

INSTANTIATE_TEST_SUITE_P(All, GaussianRasterSizes,
                         testing::Values(Size{1, 1}, Size{7, 3}, Size{8, 8},
                                         Size{9, 17}, Size{40, 23}));

TEST(GaussianRaster, StopsBehindOpaqueGaussians) {
  World<double> world =
      MakeWorld<double>({.count = 200, .pixels = 6, .spread = 0.3});
  world.logits.assign(200, 6);
  const Images<double> images = Draw(world);
  ExpectImagesNear(images, DrawByDefinition(world), 1e-9);
  EXPECT_GE(*std::max_element(images.alpha.begin(), images.alpha.end()), 0.99);
}

TEST(GaussianRaster, ShiftsByScreenOffsets) {
  World<float> world = MakeSingle<float>(0.1, 1, 16, 12);
  const Images<float> images = Draw(world);
  world.offsets = {2 * 3 / 16.f, 2 * 2 / 12.f};  // 3 right, 2 down
  const Images<float> shifted = Draw(world);
  for (int y = 2; y < 12; ++y) {
    for (int x = 3; x < 16; ++x) {
      EXPECT_NEAR(shifted.alpha[16 * y + x], images.alpha[16 * (y - 2) + x - 3],
                  1e-5);
    }
  }
}

TEST(GaussianRaster, DoesNotDependOnTheOrderOfGaussians) {
  const World<float> world = MakeWorld<float>({.count = 300, .degree = 1});
  World<float> reversed = world;
  const auto reverse = [&](Values<float>& values, int64_t size) {
    std::reverse(values.begin(), values.end());
    for (size_t i = 0; i < values.size(); i += size) {
      std::reverse(values.begin() + i, values.begin() + i + size);
    }
  };
  reverse(reversed.means, 3);
  reverse(reversed.quaternions, 4);
  reverse(reversed.log_scales, 3);
  reverse(reversed.logits, 1);
  reverse(reversed.sh, world.sh_size());
  reverse(reversed.offsets, 2);
  const Images<float> expected = Draw(world);
  Images<float> actual = Draw(reversed);
  std::reverse(actual.radii.begin(), actual.radii.end());
  EXPECT_EQ(actual, expected);
  Gradients<float> gradients = LossGradients(reversed);
  reverse(gradients.means, 3);
  EXPECT_EQ(gradients.means, LossGradients(world).means);
}

TEST(GaussianRaster, RendersABatchAsOneByOne) {
  const World<float> world = MakeWorld<float>(
      {.count = 150, .times = 2, .images = 4, .width = 20, .degree = 2});
  const Images<float> batch = Draw(world);
  Gradients<float> sum{
      Values<float>(world.means.size()), {}, {}, {}, {}, {}, {}};
  for (int64_t b = 0; b < world.images; ++b) {
    GaussianRasterInputs<float> inputs = world.Inputs();
    inputs.images = 1;
    inputs.view_from_world += 12 * b;
    inputs.focal_lengths += 2 * b;
    inputs.time_of_image += b;
    inputs.background += 3 * b;
    inputs.screen_offsets += 2 * b * world.count;
    GaussianRasterWorkspace<float> workspace;
    const Images<float> one = Draw(inputs, workspace);
    const auto part = [&](const auto& values) {
      const size_t size = values.size() / world.images;
      return std::vector(values.begin() + b * size,
                         values.begin() + (b + 1) * size);
    };
    EXPECT_EQ(part(batch.rgb), one.rgb);
    EXPECT_EQ(part(batch.alpha), one.alpha);
    EXPECT_EQ(part(batch.depth), one.depth);
    EXPECT_EQ(part(batch.radii), one.radii);
    const Gradients<float> gradients = LossGradients(inputs);
    for (size_t i = 0; i < sum.means.size(); ++i) {
      sum.means[i] += gradients.means[i];
    }
  }
  ExpectNear(LossGradients(world).means, sum.means, 1e-4, "means");
}

TEST(GaussianRaster, AddsGradientsOfSharedParametersOverTimes) {
  World<double> world =
      MakeWorld<double>({.count = 20, .times = 3, .images = 6, .degree = 1});
  // Equal at all times, so that sharing changes nothing but the gradients.
  for (Values<double>* values : {&world.quaternions, &world.sh}) {
    const size_t size = values->size() / 3;
    for (int t = 1; t < 3; ++t) {
      std::copy_n(values->begin(), size, values->begin() + t * size);
    }
  }
  GaussianRasterInputs<double> shared = world.Inputs();
  shared.quaternions_stride = shared.sh_stride = 0;
  const Gradients<double> each = LossGradients(world);
  const Gradients<double> sum = LossGradients(shared);
  EXPECT_EQ(sum.means, each.means);
  const auto expect_sum = [](const Values<double>& sums,
                             const Values<double>& parts) {
    const size_t size = parts.size() / 3;
    for (size_t i = 0; i < size; ++i) {
      EXPECT_NEAR(sums[i], parts[i] + parts[size + i] + parts[2 * size + i],
                  1e-9);
    }
  };
  expect_sum(sum.quaternions, each.quaternions);
  expect_sum(sum.sh, each.sh);
}

TEST(GaussianRaster, GivesTheSameBytesWithAnyNumberOfThreads) {
  const World<float> world = MakeWorld<float>(
      {.count = 2000, .times = 2, .images = 3, .width = 50, .height = 40});
  SetThreads(1);
  const Images<float> images = Draw(world);
  const Gradients<float> gradients = LossGradients(world);
  for (const int threads : {2, 3}) {
    SetThreads(threads);
    EXPECT_EQ(Draw(world), images);
    EXPECT_EQ(LossGradients(world), gradients);
  }
  SetThreads(1);
}

TEST(GaussianRaster, AgreesBetweenInstructionSets) {
  World<float> world = MakeWorld<float>(
      {.count = 400, .images = 2, .width = 50, .height = 40, .degree = 3});
  const Images<float> fast = Draw(world);
  const Gradients<float> fast_gradients = LossGradients(world);
  world.portable = true;
  ExpectImagesNear(fast, Draw(world), 1e-4);
  ExpectGradientsNear(fast_gradients, LossGradients(world), 1e-4);
}

TEST(GaussianRaster, AgreesBetweenFloatAndDouble) {
  const WorldOptions options = {
      .count = 400, .images = 2, .width = 50, .height = 40, .degree = 3};
  ExpectGradientsNear(LossGradients(MakeWorld<float>(options)),
                      LossGradients(MakeWorld<double>(options)), 2e-3);
}

TEST(GaussianRaster, ReusesAWorkspaceForOtherSizes) {
  GaussianRasterWorkspace<float> workspace;
  for (const int64_t count : {100, 10, 300}) {
    const World<float> world = MakeWorld<float>(
        {.count = count, .images = 1 + 200 / count, .width = 10});
    EXPECT_EQ(Draw(world.Inputs(), workspace), Draw(world));
  }
}

TEST(GaussianRaster, AcceptsAZeroQuaternion) {
  World<float> world = MakeWorld<float>({.count = 30});
  std::fill_n(world.quaternions.begin(), 4, 0);
  const Gradients<float> gradients = LossGradients(world);
  for (const float x : gradients.quaternions) EXPECT_TRUE(std::isfinite(x));
}

}  // namespace
}  // namespace dg4d
