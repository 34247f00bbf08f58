#include "dg4d/scene/camera.h"

#include <cmath>

#include "gtest/gtest.h"

namespace dg4d {
namespace {

// World to pixel, as every renderer must do it.
std::array<double, 2> Project(const Camera& camera,
                              const std::array<double, 3>& point) {
  const auto m = camera.camera_from_world();
  std::array<double, 3> p;
  for (int row = 0; row < 3; ++row) {
    p[row] = m[4 * row] * point[0] + m[4 * row + 1] * point[1] +
             m[4 * row + 2] * point[2] + m[4 * row + 3];
  }
  return {camera.width / 2.0 + camera.focal() * p[0] / -p[2],
          camera.height / 2.0 - camera.focal() * p[1] / -p[2]};
}

TEST(OrbitCamera, StandsInFrontOnPlusZByDefault) {
  const Camera camera = OrbitCamera({.radius = 2});
  const std::array<double, 16> expected = {1, 0, 0, 0, 0, 1, 0, 0,
                                           0, 0, 1, 2, 0, 0, 0, 1};
  for (int i = 0; i < 16; ++i) {
    EXPECT_NEAR(camera.world_from_camera[i], expected[i], 1e-15) << i;
  }
}

TEST(OrbitCamera, GoesTowardsPlusXAsAzimuthGrows) {
  const auto position = OrbitCamera({.azimuth_degrees = 90}).position();
  EXPECT_NEAR(position[0], 2, 1e-12);
  EXPECT_NEAR(position[1], 0, 1e-12);
  EXPECT_NEAR(position[2], 0, 1e-12);
}

TEST(OrbitCamera, LooksFromAboveAtNegativeElevation) {
  const auto position = OrbitCamera({.elevation_degrees = -30}).position();
  EXPECT_NEAR(position[1], 1, 1e-12);
  EXPECT_NEAR(position[2], std::sqrt(3.0), 1e-12);
}

TEST(OrbitCamera, SeesItsTargetInTheMiddleAndUpAsUp) {
  const Orbit orbit = {-25, 130, 3, {0.5, -0.25, 1}};
  const Camera camera = OrbitCamera(orbit, Camera{.width = 320, .height = 200});
  const auto middle = Project(camera, orbit.target);
  EXPECT_NEAR(middle[0], 160, 1e-9);
  EXPECT_NEAR(middle[1], 100, 1e-9);
  const auto above = Project(camera, {0.5, 0.25, 1});
  EXPECT_NEAR(above[0], 160, 1e-9);
  EXPECT_LT(above[1], 100);
}

TEST(OrbitCamera, StaysUprightAndFiniteStraightAbove) {
  const Camera camera = OrbitCamera({.elevation_degrees = -90});
  for (const double value : camera.world_from_camera) {
    EXPECT_TRUE(std::isfinite(value));
  }
  EXPECT_GT(camera.position()[1], 1.99);
}

TEST(OrbitOf, UndoesOrbitCamera) {
  const Orbit orbit = {-15, -160, 2.5, {0.1, 0.2, 0.3}};
  const Orbit back = OrbitOf(OrbitCamera(orbit), orbit.target);
  EXPECT_NEAR(back.elevation_degrees, orbit.elevation_degrees, 1e-9);
  EXPECT_NEAR(back.azimuth_degrees, orbit.azimuth_degrees, 1e-9);
  EXPECT_NEAR(back.radius, orbit.radius, 1e-12);
}

TEST(Camera, LooksWhereAnOrbitDoes) {
  for (const double azimuth : {0.0, 70.0, 200.0}) {
    const Camera orbiting = OrbitCamera({-40, azimuth, 2, {1, 2, 3}});
    const Camera looking = LookAt(orbiting.position(), {1, 2, 3});
    for (int i = 0; i < 16; ++i) {
      EXPECT_NEAR(looking.world_from_camera[i], orbiting.world_from_camera[i],
                  1e-12);
    }
  }
}

TEST(Camera, KeepsPlusXRightWhereUpIsNotDefined) {
  for (const double y : {5.0, -5.0, 0.0}) {
    const auto m = LookAt({0, y, 0}, {0, 0, 0}).world_from_camera;
    EXPECT_EQ(m[0], 1);
    EXPECT_EQ(m[4], 0);
    EXPECT_EQ(m[8], 0);
  }
}

TEST(Camera, InvertsItsPose) {
  const Camera camera = OrbitCamera({-40, 70, 2, {1, 2, 3}});
  const auto inverse = camera.camera_from_world();
  for (int row = 0; row < 4; ++row) {
    for (int column = 0; column < 4; ++column) {
      double sum = 0;
      for (int k = 0; k < 4; ++k) {
        sum += inverse[4 * row + k] * camera.world_from_camera[4 * k + column];
      }
      EXPECT_NEAR(sum, row == column ? 1 : 0, 1e-12) << row << ", " << column;
    }
  }
}

TEST(Camera, SeesItsVerticalFieldOfViewAtAnySize) {
  Camera camera;
  camera.fov_y = 2 * std::atan(0.5);
  camera = camera.WithSize(100, 60);
  EXPECT_EQ(camera.height, 100);
  EXPECT_EQ(camera.width, 60);
  EXPECT_NEAR(camera.focal(), 100, 1e-12);
  EXPECT_NEAR(Project(camera, {0, 0.5, -1})[1], 0, 1e-12);
  EXPECT_NEAR(camera.WithSize(50, 50).focal(), 50, 1e-12);
}

}  // namespace
}  // namespace dg4d
