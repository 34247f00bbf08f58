#include "dg4d/geometry/inflation/filters.h"

#include "gtest/gtest.h"

namespace dg4d::inflation {
namespace {

TEST(Filters, BlurKeepsTheSumAndTheVariance) {
  Plane<float> impulse(41, 41);
  impulse(20, 20) = 1;
  const Plane<float> blurred = Blur(impulse, 2.5);
  double sum = 0, variance = 0;
  for (int y = 0; y < 41; ++y) {
    for (int x = 0; x < 41; ++x) {
      sum += blurred(y, x);
      variance += blurred(y, x) * (x - 20) * (x - 20);
    }
  }
  EXPECT_NEAR(sum, 1, 1e-5);
  EXPECT_NEAR(variance, 2.5 * 2.5, 0.05);
}

TEST(Filters, BlurWithinTakesNothingFromOutside) {
  Plane<float> plane(9, 9, 100);
  Mask within(9, 9);
  for (int y = 0; y < 9; ++y) {
    plane(y, 2) = 3;
    within(y, 2) = 1;
  }
  EXPECT_NEAR(BlurWithin(plane, within, 1.0)(4, 4), 3, 1e-4);
}

TEST(Filters, FillHolesKeepsWhatReachesTheBorder) {
  Mask mask(7, 7);
  for (int i = 1; i < 6; ++i) {
    mask(1, i) = mask(5, i) = mask(i, 1) = mask(i, 5) = 1;
  }
  EXPECT_EQ(Count(FillHoles(mask)), 25);
  mask(3, 5) = 0;
  EXPECT_EQ(Count(FillHoles(mask)), Count(mask));
}

TEST(Filters, OpenCrossRemovesThinLines) {
  Mask mask(9, 9);
  for (int x = 0; x < 9; ++x) mask(1, x) = 1;
  for (int y = 4; y < 8; ++y) {
    for (int x = 2; x < 7; ++x) mask(y, x) = 1;
  }
  const Mask opened = OpenCross(mask);
  EXPECT_EQ(opened(1, 4), 0);
  EXPECT_EQ(opened(5, 4), 1);
}

TEST(Filters, LabKnowsWhiteBlackAndRed) {
  const Rgb white = LabFromRgb(Rgb{1, 1, 1});
  EXPECT_NEAR(white[0], 100, 0.01);
  EXPECT_NEAR(white[1], 0, 0.02);
  EXPECT_NEAR(white[2], 0, 0.02);
  EXPECT_NEAR(LabFromRgb(Rgb{0, 0, 0})[0], 0, 1e-4);
  const Rgb red = LabFromRgb(Rgb{1, 0, 0});
  EXPECT_NEAR(red[0], 53.24, 0.02);
  EXPECT_NEAR(red[1], 80.09, 0.05);
  EXPECT_NEAR(red[2], 67.20, 0.05);
}

TEST(Filters, MinimumFilterIsTheSmallestNearby) {
  Plane<float> plane(7, 7, 1);
  plane(3, 3) = -2;
  const Plane<float> smallest = MinimumFilter(plane, 2);
  EXPECT_EQ(smallest(5, 5), -2);
  EXPECT_EQ(smallest(6, 3), 1);
}

}  // namespace
}  // namespace dg4d::inflation
