#include "dg4d/geometry/mesh_motion.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "dg4d/geometry/gaussian_shell.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

std::vector<Vec3> Positions(const std::vector<Surfel>& surfels) {
  std::vector<Vec3> positions;
  for (const Surfel& surfel : surfels) positions.push_back(surfel.position);
  return positions;
}

// Vertices near a sphere of Gaussians; the triangles only make neighbours.
struct Skin {
  std::vector<Vec3> points = Positions(SphereSurfels({0.2, 0, 0}, 0.5, 0.03));
  Surface surface;

  Skin() {
    surface.vertices = Positions(SphereSurfels({0.2, 0, 0}, 0.505, 0.02));
    // Consecutive points of the spiral by golden angles: 1, 2, 3 turns on.
    const auto count = static_cast<int32_t>(surface.vertices.size());
    for (int32_t i = 0; i + 34 < count; ++i) {
      surface.triangles.push_back({i, i + 21, i + 34});
    }
  }
  template <typename Move>
  double WorstError(const Move& move, const MotionOptions& options) const {
    const MotionTransfer transfer(surface, TensorOf(points), options);
    std::vector<Vec3> moved;
    for (const Vec3& p : points) moved.push_back(move(p));
    const std::vector<Vec3> result = transfer.At(TensorOf(moved));
    double worst = 0;
    for (size_t i = 0; i < result.size(); ++i) {
      worst = std::max(worst, Norm(result[i] - move(surface.vertices[i])));
    }
    return worst;
  }
};

TEST(PointIndex, FindsWhatACompleteSearchFinds) {
  std::mt19937 generator(3);
  std::normal_distribution<double> normal;
  std::vector<Vec3> points(500);
  for (Vec3& p : points) {
    p = {normal(generator), 0.1 * normal(generator), 2 * normal(generator)};
  }
  const PointIndex index(points);
  std::vector<PointIndex::Neighbour> found;
  for (int i = 0; i < 50; ++i) {
    const Vec3 query = {2 * normal(generator), normal(generator),
                        5 * normal(generator)};
    index.Nearest(query, 7, found);
    std::vector<double> all;
    for (const Vec3& p : points) all.push_back(Dot(p - query, p - query));
    std::sort(all.begin(), all.end());
    ASSERT_EQ(found.size(), 7u);
    for (int k = 0; k < 7; ++k) EXPECT_EQ(found[k].squared_distance, all[k]);
  }
}

TEST(PointIndex, HasAllPointsWhenThereAreFew) {
  const std::vector<Vec3> points = {{0, 0, 0}, {1, 0, 0}, {0, 0, 0}};
  std::vector<PointIndex::Neighbour> found;
  PointIndex(points).Nearest({0.1, 0, 0}, 9, found);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].point, 0);
  EXPECT_EQ(found[1].point, 2);
}

TEST(MotionTransfer, IsExactWhereNothingMoved) {
  const Skin skin;
  const MotionTransfer transfer(skin.surface, TensorOf(skin.points), {});
  const std::vector<Vec3> result = transfer.At(TensorOf(skin.points));
  for (size_t i = 0; i < result.size(); ++i) {
    EXPECT_EQ(Norm(result[i] - skin.surface.vertices[i]), 0);
  }
}

TEST(MotionTransfer, FollowsARigidMotionEvenFarFromTheStart) {
  const auto move = [](const Vec3& p) {
    const double c = std::cos(2.5), s = std::sin(2.5);
    return Vec3{c * p.x - s * p.z + 0.3, p.y - 0.4, s * p.x + c * p.z};
  };
  EXPECT_LT(Skin().WorstError(move, {.smoothing = 0}), 1e-4);
}

TEST(MotionTransfer, FollowsABendSmoothly) {
  const auto bend = [](const Vec3& p) {
    const double angle = 0.8 * p.y;
    const double c = std::cos(angle), s = std::sin(angle);
    return Vec3{c * p.x - s * p.y, s * p.x + c * p.y, p.z};
  };
  EXPECT_LT(Skin().WorstError(bend, {.smoothing = 0}), 0.006);
}

TEST(MotionTransfer, AveragesTheNoiseOfItsCarriers) {
  Skin skin;
  std::mt19937 generator(3);
  std::normal_distribution<double> noise(0, 0.002);
  const MotionTransfer transfer(skin.surface, TensorOf(skin.points), {});
  std::vector<Vec3> moved = skin.points;
  for (Vec3& p : moved)
    p += {noise(generator), noise(generator), noise(generator)};
  const std::vector<Vec3> result = transfer.At(TensorOf(moved));
  double squares = 0;
  for (size_t i = 0; i < result.size(); ++i) {
    const Vec3 error = result[i] - skin.surface.vertices[i];
    squares += Dot(error, error) / 3;
  }
  EXPECT_LT(std::sqrt(squares / result.size()), 0.001);
}

TEST(MotionTransfer, OnePointCarriesEverything) {
  Surface surface;
  surface.vertices = {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}};
  surface.triangles = {{0, 1, 2}};
  const MotionTransfer transfer(surface, TensorOf({{5, 5, 5}}), {});
  const std::vector<Vec3> result = transfer.At(TensorOf({{5, 6, 5}}));
  EXPECT_NEAR(Norm(result[2] - Vec3{0, 2, 0}), 0, 1e-6);
}

}  // namespace
}  // namespace dg4d
