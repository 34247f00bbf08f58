#include "dg4d/geometry/inflation/screened_poisson.h"

#include <numbers>

#include "gtest/gtest.h"

namespace dg4d::inflation {
namespace {

TEST(ScreenedPoisson, DampsASineByItsFrequency) {
  // sin is an eigenfunction of the Laplacian on a box with zeros around it.
  constexpr int kWidth = 63, kHeight = 31;
  constexpr double kLambda = 40;
  Plane<float> u(kHeight, kWidth);
  const double fx = std::numbers::pi * 3 / (kWidth + 1);
  const double fy = std::numbers::pi * 2 / (kHeight + 1);
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      u(y, x) =
          static_cast<float>(std::sin(fx * (x + 1)) * std::sin(fy * (y + 1)));
    }
  }
  const double eigenvalue = 4 - 2 * std::cos(fx) - 2 * std::cos(fy);
  const Plane<float> v =
      SolveScreenedPoisson(u, Mask(kHeight, kWidth, 1), kLambda, u);
  for (int i = 0; i < u.size(); ++i) {
    EXPECT_NEAR(v.values[i], u.values[i] / (1 + kLambda * eigenvalue), 1e-3);
  }
}

TEST(ScreenedPoisson, IsZeroOutsideTheDomainAndLeavesPartsApart) {
  Plane<float> u(9, 9);
  Mask domain(9, 9);
  for (int y = 0; y < 9; ++y) {
    for (int x = 0; x < 9; ++x) domain(y, x) = x != 4;
    u(y, 1) = 1;
  }
  const Plane<float> v = SolveScreenedPoisson(u, domain, 5, u);
  for (int y = 0; y < 9; ++y) {
    EXPECT_EQ(v(y, 4), 0);
    EXPECT_NEAR(v(y, 6), 0, 1e-6);
    EXPECT_GT(v(y, 2), 0.02);
  }
}

}  // namespace
}  // namespace dg4d::inflation
