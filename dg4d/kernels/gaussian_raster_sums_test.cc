// The integers of deterministic sums, as the CUDA twin makes them, on the CPU:
// that they hold what they must, and lose nothing that floats have.

#include "dg4d/kernels/gaussian_raster_sums.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "dg4d/kernels/gaussian_raster_math.h"
#include "dg4d/kernels/gaussian_raster_test_world.h"
#include "gtest/gtest.h"

namespace dg4d::gaussian_raster {
namespace {

constexpr int kSums = 10;

TEST(GaussianRasterSums, ExponentsAreJustAbove) {
  for (const float x : {1e-30f, 0.3f, 0.5f, 1.f, 1.5f, 2.f, 1e30f}) {
    const int e = ExponentAbove(x);
    EXPECT_LT(x, std::ldexp(1., e));
    EXPECT_GE(x, std::ldexp(1., e - 1));
    EXPECT_EQ(ExponentAbove(-x), e);
    EXPECT_EQ(ExponentAbove(double{x}), e);
    if (std::abs(e) <= kMostExponent<float>) {
      EXPECT_EQ(PowerOfTwo<float>(e), std::ldexp(1.f, e));
    }
    EXPECT_EQ(PowerOfTwo<double>(e), std::ldexp(1., e));
  }
}

TEST(GaussianRasterSums, MaximaSeeWhatIsNotFinite) {
  using Maxima = ImageMaxima<float>;
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(),
                          -std::numeric_limits<float>::infinity(), 1e38f}) {
    for (int k = 0; k < Maxima::kMaxima; ++k) {
      Maxima maxima = {};
      for (int i = 0; i < Maxima::kMaxima; ++i) maxima.Meet(i, 10);
      EXPECT_TRUE(SumBounds(maxima, 9, 9).finite);
      maxima.Meet(k, bad);
      maxima.Meet(k, 1);
      EXPECT_EQ(SumBounds(maxima, 9, 9).finite,
                bad == 1e38f && k == Maxima::kAlpha);
    }
  }
}

// What a pixel adds to the sums of a splat.
template <typename Real>
struct Term {
  int pixel, splat;
  Real values[kSums];
};

// An image of some splats and its gradients, by the definition.
template <typename Real>
struct Drawn {
  std::vector<Splat<Real>> splats;
  ImageMaxima<Real> maxima = {};
  std::vector<Term<Real>> terms;
};

template <typename Real>
Drawn<Real> Differentiate(const World<Real>& world, Real gradient_size) {
  Drawn<Real> drawn;
  using Maxima = ImageMaxima<Real>;
  const View<Real> view = MakeView(world.views.data(), world.focals.data(),
                                   world.width, world.height);
  for (int64_t i = 0; i < world.count; ++i) {
    const WorldGaussian<Real> gaussian = ActivateGaussian(
        &world.quaternions[4 * i], &world.log_scales[3 * i], world.logits[i]);
    Splat<Real> splat;
    if (!MakeSplat(
            ProjectGaussian<Real>(view, &world.means[3 * i],
                                  gaussian.covariance, world.low_pass, nullptr),
            gaussian.opacity, splat)) {
      continue;
    }
    ShColor(world.degree, &world.sh[world.sh_size() * i], &world.means[3 * i],
            view.position, splat.rgb);
    for (const Real colour : splat.rgb) {
      drawn.maxima.Meet(Maxima::kColour, colour);
    }
    drawn.maxima.Meet(Maxima::kZ, splat.z);
    drawn.splats.push_back(splat);
  }
  std::sort(drawn.splats.begin(), drawn.splats.end(),
            [](const auto& a, const auto& b) { return a.z < b.z; });
  for (int c = 0; c < 3; ++c) {
    drawn.maxima.Meet(Maxima::kBackground, world.background[c]);
  }

  std::mt19937 random(3);
  std::uniform_real_distribution<Real> uniform(-gradient_size, gradient_size);
  struct Layer {
    int splat;
    Real dx, dy, raw, light;
  };
  for (int pixel = 0; pixel < world.width * world.height; ++pixel) {
    // rgb, alpha, depth
    Real g[5];
    for (Real& x : g) x = uniform(random);
    for (int c = 0; c < 3; ++c) drawn.maxima.Meet(Maxima::kRgb, g[c]);
    drawn.maxima.Meet(Maxima::kAlpha, g[3]);
    drawn.maxima.Meet(Maxima::kDepth, g[4]);
    std::vector<Layer> layers;
    Real light = 1;
    for (size_t i = 0; i < drawn.splats.size(); ++i) {
      const Splat<Real>& splat = drawn.splats[i];
      const Real dx = splat.mean[0] - pixel % world.width;
      const Real dy = splat.mean[1] - pixel / world.width;
      const Real power = splat.log2_opacity - splat.xx * dx * dx -
                         splat.xy * dx * dy - splat.yy * dy * dy;
      if (power < Real(kLog2MinAlpha)) continue;
      const Real raw = std::exp2(power);
      const Real alpha = std::min(raw, Real(kOpacityCap));
      if (light * (1 - alpha) < Real(kMinTransmittance)) break;
      layers.push_back({static_cast<int>(i), dx, dy, raw, light});
      light *= 1 - alpha;
    }
    Real behind = -light * g[3];
    for (int c = 0; c < 3; ++c) behind += light * g[c] * world.background[c];
    for (size_t k = layers.size(); k-- > 0;) {
      const auto& [i, dx, dy, raw, before] = layers[k];
      const Splat<Real>& splat = drawn.splats[i];
      const Real alpha = std::min(raw, Real(kOpacityCap));
      const Real weight = alpha * before;
      Real value = splat.z * g[4];
      for (int c = 0; c < 3; ++c) value += splat.rgb[c] * g[c];
      const Real p = raw < Real(kOpacityCap)
                         ? raw * (before * value - behind / (1 - alpha))
                         : Real(0);
      behind += weight * value;
      drawn.terms.push_back(
          {pixel,
           i,
           {p, p * dx, p * dy, p * dx * dx, p * dx * dy, p * dy * dy,
            weight * g[0], weight * g[1], weight * g[2], weight * g[4]}});
    }
  }
  return drawn;
}

template <typename Real>
void ExpectGoodSums(const World<Real>& world, Real gradient_size) {
  // What floats lose in some additions; here the faintest splats do, which add
  // little to a single pixel of an image.
  constexpr double kTolerance = 1e-6;
  Drawn<Real> drawn = Differentiate(world, gradient_size);
  const SumBounds bounds(drawn.maxima, world.width, world.height);
  ASSERT_TRUE(bounds.finite);
  const size_t size = drawn.splats.size() * kSums;
  std::vector<int64_t> stored[2];
  std::vector<double> expected(size), all(size);  // and of magnitudes
  for (const bool shuffled : {false, true}) {
    if (shuffled) {
      std::shuffle(drawn.terms.begin(), drawn.terms.end(), std::mt19937(1));
    }
    stored[shuffled].assign(size, 0);
    for (const Term<Real>& term : drawn.terms) {
      const SplatExponents exponents(drawn.splats[term.splat], bounds);
      for (int k = 0; k < kSums; ++k) {
        const int e =
            exponents.For<Real>(bounds.Of(k), PowersOfDx(k), PowersOfDy(k));
        const int64_t one =
            RoundToInteger(term.values[k] * PowerOfTwo<Real>(e));
        stored[shuffled][kSums * term.splat + k] += one;
        if (shuffled) continue;
        expected[kSums * term.splat + k] += term.values[k];
        all[kSums * term.splat + k] += std::abs(term.values[k]);
      }
    }
  }
  ASSERT_GT(drawn.terms.size(), 0u);
  EXPECT_EQ(stored[0], stored[1]);
  for (size_t at = 0; at < size; ++at) {
    const int k = at % kSums;
    const int e = SplatExponents(drawn.splats[at / kSums], bounds)
                      .For<Real>(bounds.Of(k), PowersOfDx(k), PowersOfDy(k));
    // The bound holds for the magnitudes too, so nothing can overflow.
    ASSERT_LT(all[at] * std::ldexp(1., e), 0x1p61) << at;
    ASSERT_NEAR(stored[0][at] * std::ldexp(1., -e), expected[at],
                kTolerance * all[at])
        << at;
  }
}

TEST(GaussianRasterSums, HoldAnyOrderOfTermsWithAllTheirDigits) {
  for (const double pixels : {0.1, 1.0, 6.0, 40.0}) {
    for (const int size : {1, 40, 130}) {
      SCOPED_TRACE(testing::Message() << pixels << " " << size);
      const WorldOptions options = {.count = 60,
                                    .width = size,
                                    .height = size,
                                    .degree = 1,
                                    .pixels = pixels};
      ExpectGoodSums<float>(MakeWorld<float>(options), 1);
      ExpectGoodSums<double>(MakeWorld<double>(options), 1);
    }
  }
}

TEST(GaussianRasterSums, HoldGradientsOfAnySize) {
  const World<float> world =
      MakeWorld<float>({.count = 60, .width = 40, .height = 40, .pixels = 6});
  for (const float size : {1e-25f, 1e-10f, 1e10f, 1e25f}) {
    SCOPED_TRACE(size);
    ExpectGoodSums<float>(world, size);
  }
}

TEST(GaussianRasterSums, HoldOpaqueStacksAndFaintOnes) {
  for (const float logit : {-5.f, 8.f}) {
    World<float> world = MakeWorld<float>(
        {.count = 200, .width = 40, .height = 40, .pixels = 6, .spread = 0.3});
    world.logits.assign(200, logit);
    ExpectGoodSums<float>(world, 1);
  }
}

}  // namespace
}  // namespace dg4d::gaussian_raster
