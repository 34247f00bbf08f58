#include "dg4d/geometry/inflation/distance.h"

#include "gtest/gtest.h"

namespace dg4d::inflation {
namespace {

// Scattered pixels of a grid that is neither square nor even.
Mask Scattered() {
  Mask mask(17, 23);
  for (int i = 0; i < mask.size(); ++i) mask.values[i] = i * 7919 % 31 == 0;
  return mask;
}

TEST(Distance, IsThatToTheNearestOfAllSetPixels) {
  const Mask mask = Scattered();
  const Plane<float> distance = DistanceTo(mask);
  const Plane<int> nearest = NearestSet(mask);
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      double least = 1e9;
      for (int v = 0; v < mask.height; ++v) {
        for (int u = 0; u < mask.width; ++u) {
          if (mask(v, u)) least = std::min(least, std::hypot(u - x, v - y));
        }
      }
      EXPECT_NEAR(distance(y, x), least, 1e-5);
      const int index = nearest(y, x);
      ASSERT_TRUE(mask.values[index]);
      EXPECT_NEAR(std::hypot(index % mask.width - x, index / mask.width - y),
                  least, 1e-5);
    }
  }
}

TEST(Distance, InsideIsOneOnTheEdge) {
  Mask mask(5, 5);
  for (int y = 1; y < 4; ++y) {
    for (int x = 1; x < 4; ++x) mask(y, x) = 1;
  }
  const Plane<float> distance = DistanceInside(mask);
  EXPECT_EQ(distance(0, 0), 0);
  EXPECT_EQ(distance(1, 1), 1);
  EXPECT_EQ(distance(2, 2), 2);
}

TEST(Distance, KnowsWhenThereIsNothing) {
  EXPECT_EQ(DistanceTo(Mask(3, 4))(1, 1), kNoDistance);
  EXPECT_EQ(NearestSet(Mask(3, 4))(2, 3), -1);
  EXPECT_EQ(DistanceInside(Mask(3, 4, 1))(1, 1), kNoDistance);
}

TEST(SquaredBallHeights, IsTheUnionOfAllInscribedBalls) {
  Plane<float> distance(19, 14, -1);
  for (int i = 0; i < distance.size(); ++i) {
    distance.values[i] = float(i * 104729 % 13) - 6;
  }
  const Plane<float> heights = SquaredBallHeights(distance);
  for (int y = 0; y < distance.height; ++y) {
    for (int x = 0; x < distance.width; ++x) {
      double highest = 0;
      for (int v = 0; v < distance.height; ++v) {
        for (int u = 0; u < distance.width; ++u) {
          const double d = distance(v, u);
          if (d <= 0) continue;
          highest =
              std::max(highest, d * d - (u - x) * (u - x) - (v - y) * (v - y));
        }
      }
      EXPECT_NEAR(heights(y, x), distance(y, x) > 0 ? highest : 0, 1e-4);
    }
  }
}

}  // namespace
}  // namespace dg4d::inflation
