#ifndef DG4D_KERNELS_GAUSSIAN_RASTER_EDGE_CASES_H_
#define DG4D_KERNELS_GAUSSIAN_RASTER_EDGE_CASES_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "dg4d/kernels/gaussian_raster_test_world.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

// Inputs at the edges of what the rasteriser takes, for both twins. A twin is
//
//   struct Twin {
//     using Fixture = ...;  // of the tests
//     static constexpr bool kSameBytes = ...;  // whether gradients have them
//     template <typename Real>
//     static Images<Real> Draw(const World<Real>& world);
//     template <typename Real>
//     static Gradients<Real> LossGradients(const World<Real>& world);
//   };

namespace dg4d {

template <typename Twin>
class GaussianRasterEdges : public Twin::Fixture {
 protected:
  static void ExpectTheDefinition(const World<double>& world) {
    const Images<double> actual = Twin::Draw(world);
    const Images<double> expected = DrawByDefinition(world);
    const auto compare = [](const Values<double>& a, const Values<double>& b,
                            const char* what) {
      ASSERT_EQ(a.size(), b.size()) << what;
      for (size_t i = 0; i < a.size(); ++i) {
        ASSERT_NEAR(a[i], b[i], 1e-9 * (1 + std::abs(b[i]))) << what << i;
      }
    };
    compare(actual.rgb, expected.rgb, "rgb");
    compare(actual.alpha, expected.alpha, "alpha");
    compare(actual.depth, expected.depth, "depth");
  }
  // To the byte, or to what another order of summation makes of it.
  static void ExpectSame(const Gradients<float>& actual,
                         const Gradients<float>& expected) {
    if (Twin::kSameBytes) {
      EXPECT_EQ(actual, expected);
      return;
    }
    const auto compare = [](const Values<float>& a, const Values<float>& b) {
      ASSERT_EQ(a.size(), b.size());
      double error = 0, norm = 0;
      for (size_t i = 0; i < a.size(); ++i) {
        error += std::pow(a[i] - b[i], 2);
        norm += std::pow(b[i], 2);
      }
      EXPECT_LE(std::sqrt(error), 1e-4 * std::sqrt(norm));
    };
    compare(actual.means, expected.means);
    compare(actual.quaternions, expected.quaternions);
    compare(actual.log_scales, expected.log_scales);
    compare(actual.logits, expected.logits);
    compare(actual.sh, expected.sh);
    compare(actual.background, expected.background);
    compare(actual.offsets, expected.offsets);
  }
  template <typename Real>
  static void ExpectFinite(const Gradients<Real>& gradients) {
    for (const Values<Real>* values :
         {&gradients.means, &gradients.quaternions, &gradients.log_scales,
          &gradients.logits, &gradients.sh, &gradients.background,
          &gradients.offsets}) {
      for (const Real x : *values) ASSERT_TRUE(std::isfinite(x));
    }
  }
};

TYPED_TEST_SUITE_P(GaussianRasterEdges);

TYPED_TEST_P(GaussianRasterEdges, DrawsHarmonicsOfEveryDegree) {
  for (int degree = 0; degree <= 3; ++degree) {
    SCOPED_TRACE(degree);
    this->ExpectTheDefinition(MakeWorld<double>({.count = 60,
                                                 .times = 2,
                                                 .images = 3,
                                                 .width = 24,
                                                 .height = 17,
                                                 .degree = degree}));
  }
}

TYPED_TEST_P(GaussianRasterEdges, DrawsASinglePixel) {
  for (const double pixels : {0.3, 4.0}) {
    const World<double> world = MakeWorld<double>({.count = 100,
                                                   .images = 4,
                                                   .width = 1,
                                                   .height = 1,
                                                   .degree = 1,
                                                   .pixels = pixels});
    this->ExpectTheDefinition(world);
    this->ExpectFinite(TypeParam::LossGradients(world));
  }
}

TYPED_TEST_P(GaussianRasterEdges, ShowsTheBackgroundWithoutGaussians) {
  const World<float> world =
      MakeWorld<float>({.images = 2, .width = 9, .height = 5});
  const Images<float> images = TypeParam::Draw(world);
  for (int i = 0; i < 2 * 3 * 45; ++i) {
    EXPECT_EQ(images.rgb[i], world.background[i / 45]);
  }
  EXPECT_THAT(images.alpha, testing::Each(0));
  EXPECT_THAT(images.depth, testing::Each(0));
  const Values<float> background = TypeParam::LossGradients(world).background;
  const Images<float> weights = LossWeights<float>(2, 45);
  for (int i = 0; i < 6; ++i) {
    EXPECT_NEAR(background[i],
                std::accumulate(weights.rgb.begin() + 45 * i,
                                weights.rgb.begin() + 45 * (i + 1), 0.0),
                1e-5);
  }
}

TYPED_TEST_P(GaussianRasterEdges, DrawsWhatStandsAroundTheCamera) {
  // The cameras stand at distance 2: some Gaussians are behind them, some
  // nearer than any may be, and some hold a camera.
  const World<double> world = MakeWorld<double>({.count = 300,
                                                 .images = 4,
                                                 .width = 30,
                                                 .height = 20,
                                                 .pixels = 3,
                                                 .spread = 3});
  this->ExpectTheDefinition(world);
  const Images<double> images = TypeParam::Draw(world);
  const Gradients<double> gradients = TypeParam::LossGradients(world);
  this->ExpectFinite(gradients);
  int behind = 0;
  for (int64_t b = 0; b < world.images; ++b) {
    for (int64_t i = 0; i < world.count; ++i) {
      const double* view = &world.views[12 * b];
      const double* mean = &world.means[3 * i];
      const double z =
          view[8] * mean[0] + view[9] * mean[1] + view[10] * mean[2] + view[11];
      if (z > 0.2) continue;
      ++behind;
      const int64_t row = b * world.count + i;
      EXPECT_EQ(images.radii[row], 0);
      EXPECT_EQ(gradients.offsets[2 * row], 0);
      EXPECT_EQ(gradients.offsets[2 * row + 1], 0);
    }
  }
  EXPECT_GT(behind, 100);
}

TYPED_TEST_P(GaussianRasterEdges, DrawsGaussiansThatHoldTheCamera) {
  for (const double scale : {1.0, 5.0, 100.0}) {
    SCOPED_TRACE(scale);
    const World<double> world = MakeSingle<double>(scale, 0.5, 30, 20);
    this->ExpectTheDefinition(world);
    this->ExpectFinite(TypeParam::LossGradients(world));
  }
}

TYPED_TEST_P(GaussianRasterEdges, IgnoresGaussiansThatCannotBeDrawn) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  struct {
    double mean[3], log_scale, logit, sh, quaternion;
  } const bad[] = {
      {{kNan, 0, 0}, -3, 0, 0, 1}, {{0, 0, kInfinity}, -3, 0, 0, 1},
      {{0, 0, 0}, kNan, 0, 0, 1},  {{0, 0, 0}, 200, 0, 0, 1},
      {{0, 0, 0}, -3, kNan, 0, 1}, {{0, 0, 0}, -3, -8, 0, 1},
      {{0, 0, 0}, -3, 0, kNan, 1}, {{0, 0, 0}, -3, 0, kInfinity, 1},
      {{0, 0, 0}, -3, 0, 0, kNan}, {{0, 0, 2}, -3, 0, 0, 1},  // camera
      {{0, 0, 1.81}, -3, 0, 0, 1},  // nearer than `near`
      {{0, 0, 5}, 1, 0, 0, 1},      // behind
      {{100, 0, 0}, -3, 0, 0, 1},   // beside
      {{0, 1e30, 0}, -3, 0, 0, 1}, {{0, 0, -kInfinity}, 3, 0, 0, 1}};
  const World<float> good = MakeWorld<float>({.count = 30, .degree = 1});
  World<float> world = good;
  for (const auto& row : bad) {
    ++world.count;
    for (const double x : row.mean) world.means.push_back(float(x));
    for (const float x : {float(row.quaternion), 0.f, 0.f, 0.f}) {
      world.quaternions.push_back(x);
    }
    for (int k = 0; k < 3; ++k) world.log_scales.push_back(row.log_scale);
    world.logits.push_back(float(row.logit));
    for (int k = 0; k < 12; ++k) world.sh.push_back(float(row.sh));
    for (int k = 0; k < 2; ++k) world.offsets.push_back(0);
  }
  Images<float> images = TypeParam::Draw(world);
  for (int i = 30; i < world.count; ++i) EXPECT_EQ(images.radii[i], 0) << i;
  images.radii.resize(30);
  EXPECT_EQ(images, TypeParam::Draw(good));

  Gradients<float> gradients = TypeParam::LossGradients(world);
  const auto split = [&](Values<float>& values, int64_t size) {
    EXPECT_THAT(std::vector(values.begin() + 30 * size, values.end()),
                testing::Each(0));
    values.resize(30 * size);
  };
  split(gradients.means, 3);
  split(gradients.quaternions, 4);
  split(gradients.log_scales, 3);
  split(gradients.logits, 1);
  split(gradients.sh, 12);
  split(gradients.offsets, 2);
  this->ExpectSame(gradients, TypeParam::LossGradients(good));
}

TYPED_TEST_P(GaussianRasterEdges, DrawsLargeImages) {
  constexpr int kSize = 4096;
  World<float> world = MakeWorld<float>({.count = 40,
                                         .width = kSize,
                                         .height = kSize,
                                         .degree = 1,
                                         .pixels = 150,
                                         .spread = 1.2});
  world.log_scales[0] = world.log_scales[1] = world.log_scales[2] = 0;
  const Images<float> images = TypeParam::Draw(world);
  const Definition definition(world, 0);
  const auto plane = int64_t{kSize} * kSize;
  double most = 0;
  for (int y = 0; y < kSize; y += 13) {
    for (int x = y % 7; x < kSize; x += 37) {
      const auto expected = definition.At(x, y);
      const int64_t at = int64_t{y} * kSize + x;
      // A Gaussian that adds 1/255 may fall on either side.
      ASSERT_NEAR(images.alpha[at], expected.alpha, 5e-3) << x << " " << y;
      ASSERT_NEAR(images.depth[at], expected.depth, 2e-2) << x << " " << y;
      for (int c = 0; c < 3; ++c) {
        ASSERT_NEAR(images.rgb[c * plane + at], expected.rgb[c], 1e-2)
            << x << " " << y;
      }
      most = std::max(most, expected.alpha);
    }
  }
  EXPECT_GT(most, 0.8);
  // The last pixel, which sampling may miss.
  EXPECT_NEAR(images.alpha[plane - 1],
              definition.At(kSize - 1, kSize - 1).alpha, 5e-3);
}

REGISTER_TYPED_TEST_SUITE_P(GaussianRasterEdges, DrawsHarmonicsOfEveryDegree,
                            DrawsASinglePixel,
                            ShowsTheBackgroundWithoutGaussians,
                            DrawsWhatStandsAroundTheCamera,
                            DrawsGaussiansThatHoldTheCamera,
                            IgnoresGaussiansThatCannotBeDrawn,
                            DrawsLargeImages);

}  // namespace dg4d

#endif  // DG4D_KERNELS_GAUSSIAN_RASTER_EDGE_CASES_H_
