#ifndef DG4D_GEOMETRY_INFLATION_PLANE_H_
#define DG4D_GEOMETRY_INFLATION_PLANE_H_

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

namespace dg4d::inflation {

// Values on a pixel grid, row by row from the top. Pixel (x, y) has its centre
// at the integers (x, y), y down.
template <typename T>
struct Plane {
  int height = 0;
  int width = 0;
  std::vector<T> values;

  Plane() = default;
  Plane(int height, int width, T value = T())
      : height(height),
        width(width),
        values(static_cast<size_t>(height) * width, value) {}

  T& operator()(int y, int x) {
    return values[static_cast<size_t>(y) * width + x];
  }
  const T& operator()(int y, int x) const {
    return values[static_cast<size_t>(y) * width + x];
  }
  bool contains(int y, int x) const {
    return y >= 0 && y < height && x >= 0 && x < width;
  }
  int size() const { return height * width; }
};

using Mask = Plane<uint8_t>;  // 0 or 1
using Rgb = std::array<float, 3>;
using RgbPlane = Plane<Rgb>;

// Bilinear between pixel centres; outside, the nearest border value.
inline float Sample(const Plane<float>& plane, double x, double y) {
  x = std::clamp(x, 0.0, plane.width - 1.0);
  y = std::clamp(y, 0.0, plane.height - 1.0);
  const int x0 = std::min(static_cast<int>(x), std::max(plane.width - 2, 0));
  const int y0 = std::min(static_cast<int>(y), std::max(plane.height - 2, 0));
  const int x1 = std::min(x0 + 1, plane.width - 1);
  const int y1 = std::min(y0 + 1, plane.height - 1);
  const double fx = x - x0, fy = y - y0;
  return static_cast<float>(
      (plane(y0, x0) * (1 - fx) + plane(y0, x1) * fx) * (1 - fy) +
      (plane(y1, x0) * (1 - fx) + plane(y1, x1) * fx) * fy);
}

inline Rgb Sample(const RgbPlane& plane, double x, double y) {
  x = std::clamp(x, 0.0, plane.width - 1.0);
  y = std::clamp(y, 0.0, plane.height - 1.0);
  const int x0 = std::min(static_cast<int>(x), std::max(plane.width - 2, 0));
  const int y0 = std::min(static_cast<int>(y), std::max(plane.height - 2, 0));
  const int x1 = std::min(x0 + 1, plane.width - 1);
  const int y1 = std::min(y0 + 1, plane.height - 1);
  const float fx = static_cast<float>(x - x0);
  const float fy = static_cast<float>(y - y0);
  Rgb result;
  for (int c = 0; c < 3; ++c) {
    result[c] =
        (plane(y0, x0)[c] * (1 - fx) + plane(y0, x1)[c] * fx) * (1 - fy) +
        (plane(y1, x0)[c] * (1 - fx) + plane(y1, x1)[c] * fx) * fy;
  }
  return result;
}

inline float SmoothStep(float t) {
  t = std::clamp(t, 0.0f, 1.0f);
  return t * t * (3 - 2 * t);
}

inline int Count(const Mask& mask) {
  int count = 0;
  for (const uint8_t value : mask.values) count += value != 0;
  return count;
}

}  // namespace dg4d::inflation

#endif  // DG4D_GEOMETRY_INFLATION_PLANE_H_
