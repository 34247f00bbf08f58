#ifndef DG4D_KERNELS_MESH_VISIBILITY_MATH_H_
#define DG4D_KERNELS_MESH_VISIBILITY_MATH_H_

#include <cstdint>
#include <limits>

#include "dg4d/kernels/host_device.h"
#include "dg4d/kernels/mesh_raster_math.h"

namespace dg4d::mesh_raster {

template <typename Real>
DG4D_HOST_DEVICE inline Vector3<double> Load(const Real* values) {
  return {double(values[0]), double(values[1]), double(values[2])};
}

// The corners of triangle `id` in one image's `positions` [V, 3].
template <typename Real>
DG4D_HOST_DEVICE inline void LoadCorners(const Real* positions,
                                         const int32_t* triangles, int64_t id,
                                         Vector3<double> corners[3]) {
  for (int k = 0; k < 3; ++k) {
    corners[k] = Load(positions + 3 * int64_t{triangles[3 * id + k]});
  }
}

struct Sampling {
  int samples = 1;  // samples x samples of them a pixel
  // Only triangles that are counter-clockwise as seen; faster.
  bool front_only = false;
};

// Sample columns and rows whose points a triangle may hold; empty if none.
struct Bounds {
  int left = 0, right = 0;  // [left, right)
  int top = 0, bottom = 0;  // [top, bottom)

  DG4D_HOST_DEVICE bool empty() const { return left >= right || top >= bottom; }
};

struct Box {
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();

  double low[2] = {kInfinity, kInfinity};
  double high[2] = {-kInfinity, -kInfinity};

  DG4D_HOST_DEVICE void Add(const Vector3<double>& q, double z) {
    const double inverse = 1 / z;
    const double point[2] = {q.x * inverse, q.y * inverse};
    for (int i = 0; i < 2; ++i) {
      if (point[i] < low[i]) low[i] = point[i];
      if (point[i] > high[i]) high[i] = point[i];
    }
  }
};

// The box of the part of a triangle beyond the plane z = near.
DG4D_HOST_DEVICE inline Box BoxBeyond(const Vector3<double> corners[3],
                                      double near) {
  Box box;
  for (int k = 0; k < 3; ++k) {
    const Vector3<double>& a = corners[k];
    const Vector3<double>& b = corners[(k + 1) % 3];
    if (a.z >= near) box.Add(a, a.z);
    if ((a.z >= near) != (b.z >= near)) {
      const double t = (near - a.z) / (b.z - a.z);
      box.Add((1 - t) * a + t * b, near);
    }
  }
  return box;
}

// Of samples at (i + 1/2) / samples, the first at or after `low` and the one
// behind the last at or before `high`. The slack makes up for rounding in the
// box; the edge functions decide.
DG4D_HOST_DEVICE inline int SampleBound(double position, int count) {
  return position < 0       ? 0
         : position > count ? count
                            : static_cast<int>(position);
}

DG4D_HOST_DEVICE inline int FirstSample(double low, int samples, int count) {
  return SampleBound(low * samples + 0.5 - 1e-5, count);
}

DG4D_HOST_DEVICE inline int EndSample(double high, int samples, int count) {
  return SampleBound(high * samples + 0.5 + 1e-5, count);
}

DG4D_HOST_DEVICE inline bool Finite(const Vector3<double>& v) {
  const double sum = v.x + v.y + v.z;
  return sum - sum == 0;
}

// Of a triangle in an image of `width` x `height` pixels.
DG4D_HOST_DEVICE inline Bounds BoundsOf(const Vector3<double> corners[3],
                                        double near, int width, int height,
                                        const Sampling& sampling) {
  if (!Finite(corners[0]) || !Finite(corners[1]) || !Finite(corners[2])) {
    return {};
  }
  // The frame x right, y down, z forward is right-handed: counter-clockwise
  // triangles that face the camera have a negative determinant.
  if (sampling.front_only &&
      !(Dot(corners[0], Cross(corners[1], corners[2])) < 0)) {
    return {};
  }
  const int samples = sampling.samples;
  const Box box = BoxBeyond(corners, near);
  if (!(box.low[0] <= box.high[0])) return {};
  return {.left = FirstSample(box.low[0], samples, width * samples),
          .right = EndSample(box.high[0], samples, width * samples),
          .top = FirstSample(box.low[1], samples, height * samples),
          .bottom = EndSample(box.high[1], samples, height * samples)};
}

}  // namespace dg4d::mesh_raster

#endif  // DG4D_KERNELS_MESH_VISIBILITY_MATH_H_
