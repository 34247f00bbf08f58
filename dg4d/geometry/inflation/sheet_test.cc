#include "dg4d/geometry/inflation/sheet.h"

#include <map>
#include <set>

#include "gtest/gtest.h"

namespace dg4d::inflation {
namespace {

// Twice the signed area on the screen; positive: clockwise in x, y with y down.
double TwiceArea(const Sheet& sheet, const std::array<int, 3>& t) {
  const auto &a = sheet.points[t[0]], &b = sheet.points[t[1]],
             &c = sheet.points[t[2]];
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

double Area(const Sheet& sheet) {
  double area = 0;
  for (const auto& t : sheet.triangles) area -= TwiceArea(sheet, t) / 2;
  return area;
}

Plane<float> Noise(int height, int width) {
  Plane<float> alpha(height, width);
  uint32_t state = 1;
  for (float& value : alpha.values) {
    state = state * 1664525 + 1013904223;
    value = float(state >> 8) / float(1 << 24);
  }
  return alpha;
}

TEST(MarchingSquares, EveryTriangleIsCounterClockwise) {
  const Sheet sheet = MarchingSquares(Noise(20, 30));
  for (const auto& t : sheet.triangles) EXPECT_LT(TwiceArea(sheet, t), 0);
}

TEST(MarchingSquares, TheContourIsWhatHasOneTriangle) {
  const Sheet sheet = MarchingSquares(Noise(20, 30));
  std::map<std::pair<int, int>, int> directed;
  for (const auto& [a, b, c] : sheet.triangles) {
    for (const auto& edge : {std::pair(a, b), {b, c}, {c, a}}) {
      EXPECT_EQ(++directed[edge], 1);
    }
  }
  std::set<std::pair<int, int>> single;
  for (const auto& [edge, count] : directed) {
    if (!directed.count({edge.second, edge.first})) single.insert(edge);
  }
  std::set<std::pair<int, int>> contour;
  std::map<int, int> begins, ends;
  for (const auto& [a, b] : sheet.contour) {
    contour.insert({a, b});
    EXPECT_EQ(++begins[a], 1);
    EXPECT_EQ(++ends[b], 1);
  }
  EXPECT_EQ(single, contour);
  EXPECT_EQ(begins, ends);
}

TEST(MarchingSquares, CoversWhatAlphaSays) {
  Plane<float> alpha(12, 12);
  for (int y = 3; y < 9; ++y) {
    for (int x = 2; x < 7; ++x) alpha(y, x) = 1;
  }
  // Contours half-way between pixel centres, corners cut.
  EXPECT_NEAR(Area(MarchingSquares(alpha)), 6 * 5 - 4 * 0.125, 1e-6);
}

TEST(MarchingSquares, ClosesAtTheBorderOfThePicture) {
  const Sheet sheet = MarchingSquares(Plane<float>(4, 4, 1));
  EXPECT_NEAR(Area(sheet), 16 - 4 * 0.125, 1e-6);
  EXPECT_EQ(sheet.contour.size(), 16u);
}

TEST(MarchingSquares, BridgesADiagonalLineWhoseMiddleIsCovered) {
  Plane<float> alpha(6, 6);
  for (int i = 1; i < 5; ++i) alpha(i, i) = 1;
  // Three bridges of four triangles instead of two corners each.
  EXPECT_EQ(MarchingSquares(alpha).triangles.size(), 4u * 4 + 3 * 2);
  for (int i = 1; i < 5; ++i) alpha(i, i) = 0.9f;
  const Sheet apart = MarchingSquares(alpha);
  EXPECT_EQ(apart.triangles.size(), 4u * 4);
  EXPECT_LT(Area(apart), 4 * 0.5);
}

}  // namespace
}  // namespace dg4d::inflation
