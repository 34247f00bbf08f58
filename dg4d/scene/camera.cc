#include "dg4d/scene/camera.h"

#include <algorithm>
#include <cmath>

namespace dg4d {
namespace {

constexpr double kRadiansPerDegree = 3.14159265358979323846 / 180;

using Vector = std::array<double, 3>;

double Length(const Vector& v) {
  return std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
}

Vector Cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2],
          a[0] * b[1] - a[1] * b[0]};
}

// `intrinsics` with these unit axes and this position.
Camera PlacedCamera(const Camera& intrinsics, const Vector& right,
                    const Vector& back, const Vector& position) {
  const Vector up = Cross(back, right);
  Camera camera = intrinsics;
  for (int row = 0; row < 3; ++row) {
    camera.world_from_camera[4 * row] = right[row];
    camera.world_from_camera[4 * row + 1] = up[row];
    camera.world_from_camera[4 * row + 2] = back[row];
    camera.world_from_camera[4 * row + 3] = position[row];
  }
  camera.world_from_camera[12] = 0;
  camera.world_from_camera[13] = 0;
  camera.world_from_camera[14] = 0;
  camera.world_from_camera[15] = 1;
  return camera;
}

}  // namespace

double Camera::focal() const { return height / (2 * std::tan(fov_y / 2)); }

Camera Camera::WithSize(int new_height, int new_width) const {
  Camera camera = *this;
  camera.height = new_height;
  camera.width = new_width;
  return camera;
}

std::array<double, 16> Camera::camera_from_world() const {
  const auto& m = world_from_camera;
  std::array<double, 16> inverse = {};
  for (int row = 0; row < 3; ++row) {
    for (int column = 0; column < 3; ++column) {
      inverse[4 * row + column] = m[4 * column + row];
      inverse[4 * row + 3] -= m[4 * column + row] * m[4 * column + 3];
    }
  }
  inverse[15] = 1;
  return inverse;
}

Camera OrbitCamera(const Orbit& orbit, const Camera& intrinsics) {
  const double elevation =
      std::clamp(orbit.elevation_degrees, -89.9, 89.9) * kRadiansPerDegree;
  const double azimuth = orbit.azimuth_degrees * kRadiansPerDegree;
  const Vector back = {std::cos(elevation) * std::sin(azimuth),
                       -std::sin(elevation),
                       std::cos(elevation) * std::cos(azimuth)};
  const Vector right = {std::cos(azimuth), 0, -std::sin(azimuth)};
  Vector position;
  for (int row = 0; row < 3; ++row) {
    position[row] = orbit.target[row] + orbit.radius * back[row];
  }
  return PlacedCamera(intrinsics, right, back, position);
}

Camera LookAt(const Vector& position, const Vector& target,
              const Camera& intrinsics) {
  Vector back = {position[0] - target[0], position[1] - target[1],
                 position[2] - target[2]};
  const double distance = Length(back);
  if (distance > 0) {
    for (double& value : back) value /= distance;
  } else {
    back = {0, 0, 1};
  }
  // The horizontal axis that is square to the viewing axis.
  const double level = std::hypot(back[0], back[2]);
  const Vector right = level > 1e-9
                           ? Vector{back[2] / level, 0, -back[0] / level}
                           : Vector{1, 0, 0};
  return PlacedCamera(intrinsics, right, back, position);
}

Orbit OrbitOf(const Camera& camera, const std::array<double, 3>& target) {
  const Vector position = camera.position();
  const Vector offset = {position[0] - target[0], position[1] - target[1],
                         position[2] - target[2]};
  Orbit orbit;
  orbit.target = target;
  orbit.radius = Length(offset);
  if (orbit.radius > 0) {
    orbit.elevation_degrees =
        -std::asin(std::clamp(offset[1] / orbit.radius, -1.0, 1.0)) /
        kRadiansPerDegree;
    orbit.azimuth_degrees =
        std::atan2(offset[0], offset[2]) / kRadiansPerDegree;
  }
  return orbit;
}

}  // namespace dg4d
