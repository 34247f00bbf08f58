#include "dg4d/kernels/knn.h"

#include <algorithm>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "dg4d/base/parallel.h"
#include "dg4d/kernels/knn_math.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

std::vector<float> Measure(const std::vector<float>& points) {
  std::vector<float> result(points.size() / 3, -1);
  MeanSquaredDistanceToNearest3Cpu(
      {.points = points.data(), .count = int64_t(result.size())},
      result.data());
  return result;
}

std::vector<float> MeasureByDefinition(const std::vector<float>& points) {
  std::vector<float> result;
  for (size_t i = 0; i < points.size(); i += 3) {
    std::vector<float> distances;
    for (size_t j = 0; j < points.size(); j += 3) {
      if (i == j) continue;
      distances.push_back(knn::SquaredDistance(&points[i], &points[j]));
    }
    std::sort(distances.begin(), distances.end());
    result.push_back((distances[0] + distances[1] + distances[2]) / 3);
  }
  return result;
}

std::vector<float> RandomPoints(int count) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::vector<float> points(3 * count);
  for (float& x : points) x = normal(random);
  return points;
}

TEST(Knn, MeasuresTheThreeNearestOthers) {
  EXPECT_THAT(Measure({0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9, 9, 9})[0],
              (1 + 4 + 9) / 3.f);
}

TEST(Knn, AgreesWithTheDefinition) {
  std::vector<float> points = RandomPoints(1500);
  EXPECT_EQ(Measure(points), MeasureByDefinition(points));
  // A grid, where distances tie and coordinates repeat; points on a line.
  points.clear();
  for (int i = 0; i < 900; ++i) {
    for (const int x : {i % 10, i / 10 % 10, i / 100}) points.push_back(x);
  }
  EXPECT_EQ(Measure(points), MeasureByDefinition(points));
  for (size_t i = 0; i < points.size(); ++i) {
    if (i % 3 != 1) points[i] = 0.5f;
  }
  EXPECT_EQ(Measure(points), MeasureByDefinition(points));
}

TEST(Knn, GivesZeroForPointsInOnePlace) {
  EXPECT_THAT(Measure(std::vector<float>(300, 0.25f)), Each(0));
}

TEST(Knn, AcceptsFewerThanFourPoints) {
  EXPECT_THAT(Measure({}), ElementsAre());
  EXPECT_THAT(Measure({1, 2, 3}), ElementsAre(0));
  EXPECT_THAT(Measure({0, 0, 0, 2, 0, 0}), ElementsAre(4, 4));
}

TEST(Knn, IgnoresPointsThatAreNowhere) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_THAT(Measure({0, 0, 0, kNan, 0, 0, 2, 0, 0, 0, kInfinity, 0}),
              ElementsAre(4, 0, 4, 0));
}

TEST(Knn, GivesTheSameBytesWithAnyNumberOfThreads) {
  const std::vector<float> points = RandomPoints(5000);
  const std::vector<float> expected = Measure(points);
  SetThreads(2);
  EXPECT_EQ(Measure(points), expected);
  SetThreads(1);
}

TEST(Knn, FindsTheNearestOthersInOrder) {
  const std::vector<float> points = RandomPoints(400);
  constexpr int kCount = 5;
  std::vector<int64_t> found(400 * kCount);
  NearestNeighboursCpu({.points = points.data(), .count = 400}, kCount,
                       found.data());
  for (int64_t i = 0; i < 400; ++i) {
    std::vector<std::pair<float, int64_t>> others;
    for (int64_t j = 0; j < 400; ++j) {
      if (i == j) continue;
      others.emplace_back(knn::SquaredDistance(&points[3 * i], &points[3 * j]),
                          j);
    }
    std::sort(others.begin(), others.end());
    for (int k = 0; k < kCount; ++k) {
      ASSERT_EQ(found[i * kCount + k], others[k].second) << i << " " << k;
    }
  }
}

TEST(Knn, GivesAPointItsOwnNumberWhereNeighboursAreMissing) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> points = {0, 0, 0, kNan, 0, 0, 2, 0, 0};
  std::vector<int64_t> found(6);
  NearestNeighboursCpu({.points = points.data(), .count = 3}, 2, found.data());
  EXPECT_THAT(found, ElementsAre(2, 0, 1, 1, 0, 2));
}

}  // namespace
}  // namespace dg4d
