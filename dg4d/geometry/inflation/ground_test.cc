#include "dg4d/geometry/inflation/ground.h"

#include "gtest/gtest.h"

namespace dg4d::inflation {
namespace {

void Fill(Mask& mask, int top, int bottom, int left, int right) {
  for (int y = top; y < bottom; ++y) {
    for (int x = left; x < right; ++x) mask(y, x) = 1;
  }
}

TEST(FindFeet, FindsEachLegThatEndsLevel) {
  Mask mask(100, 60);
  Fill(mask, 10, 50, 10, 50);
  Fill(mask, 50, 90, 12, 20);
  Fill(mask, 50, 89, 40, 48);
  const std::vector<Foot> feet = FindFeet(mask);
  ASSERT_EQ(feet.size(), 2u);
  EXPECT_EQ(feet[0].left, 12);
  EXPECT_EQ(feet[0].ground, std::vector<int>(8, 90));
  EXPECT_EQ(feet[0].depth, 80);
  EXPECT_EQ(feet[1].left, 40);
  EXPECT_EQ(feet[1].ground, std::vector<int>(8, 89));
}

TEST(FindFeet, TakesNoTipForAFoot) {
  Mask mask(100, 101);
  for (int y = 0; y < 100; ++y) {
    Fill(mask, y, y + 1, 50 - (99 - y) / 2, 51 + (99 - y) / 2);
  }
  // The lowest 6 rows are 1 to 5 pixels wide, of which few are level.
  EXPECT_TRUE(FindFeet(mask).empty());
}

TEST(FindFeet, GoesOnBelowTheGroundAsFarAsTheObjectIsHigh) {
  Mask mask(40, 80);
  Fill(mask, 20, 30, 5, 75);
  const std::vector<Foot> feet = FindFeet(mask);
  ASSERT_EQ(feet.size(), 1u);
  EXPECT_EQ(feet[0].depth, 10);
}

TEST(FindFeet, FindsNothingInAnEmptyMask) {
  EXPECT_TRUE(FindFeet(Mask(5, 5)).empty());
}

}  // namespace
}  // namespace dg4d::inflation
