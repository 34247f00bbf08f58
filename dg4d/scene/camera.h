#ifndef DG4D_SCENE_CAMERA_H_
#define DG4D_SCENE_CAMERA_H_

#include <array>

namespace dg4d {

// A pinhole camera. World and camera frames follow OpenGL: right-handed, +y up;
// the camera looks along its own -z, +x is right. Pixel (0, 0) is the top left;
// pixel centres are at +0.5.
struct Camera {
  // Row-major 4x4: axes right, up, back in columns 0-2, position in column 3.
  std::array<double, 16> world_from_camera = {1, 0, 0, 0, 0, 1, 0, 0,
                                              0, 0, 1, 0, 0, 0, 0, 1};
  double fov_y = 49.1 * 3.14159265358979323846 / 180;  // radians, vertical
  int width = 256;
  int height = 256;
  double near = 0.01;  // world units along the viewing axis
  double far = 100;

  std::array<double, 3> position() const {
    return {world_from_camera[3], world_from_camera[7], world_from_camera[11]};
  }
  // Pixels; the same horizontally and vertically.
  double focal() const;
  // This camera with another image size; the vertical field of view stays.
  Camera WithSize(int new_height, int new_width) const;
  // The inverse of world_from_camera (a rigid transform), row-major 4x4.
  std::array<double, 16> camera_from_world() const;
};

// Where a camera stands on a sphere around `target`. Azimuth 0 is in front (+z)
// and grows towards +x; NEGATIVE elevation is above (towards +y), as in
// Zero-1-to-3 and DreamGaussian.
struct Orbit {
  double elevation_degrees = 0;
  double azimuth_degrees = 0;
  double radius = 2;  // world units
  std::array<double, 3> target = {0, 0, 0};
};

// The camera at `orbit` that looks at its target, upright, with the intrinsics
// of `intrinsics`. Elevation is clamped to +-89.9 degrees, where up is defined.
Camera OrbitCamera(const Orbit& orbit, const Camera& intrinsics = {});

// The camera at `position` that looks at `target`, upright, with the intrinsics
// of `intrinsics`. Where up is not defined, +x is right: straight up or down,
// and along -z if both are one point.
Camera LookAt(const std::array<double, 3>& position,
              const std::array<double, 3>& target,
              const Camera& intrinsics = {});

// The orbit of a camera made by OrbitCamera around `target`.
Orbit OrbitOf(const Camera& camera,
              const std::array<double, 3>& target = {0, 0, 0});

}  // namespace dg4d

#endif  // DG4D_SCENE_CAMERA_H_
