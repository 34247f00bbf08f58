#ifndef DG4D_KERNELS_MESH_TEXTURE_MATH_H_
#define DG4D_KERNELS_MESH_TEXTURE_MATH_H_

#include <cmath>
#include <cstdint>

#include "dg4d/kernels/host_device.h"

namespace dg4d::mesh_raster {

enum class Border { kClamp, kWrap };

// `i`, one of -1 .. size, brought into [0, size).
DG4D_HOST_DEVICE inline int64_t TexelAt(int64_t i, int64_t size,
                                        Border border) {
  if (border == Border::kWrap)
    return i < 0 ? i + size : i < size ? i : i - size;
  return i < 0 ? 0 : i < size ? i : size - 1;
}

// The four texels around a point and their weights, (x0, y0), (x1, y0),
// (x0, y1), (x1, y1), and the weights' slopes along u and v.
template <typename Real>
struct BilinearTaps {
  int64_t texels[4];  // row * width + column
  Real weights[4];
  Real u_slopes[4];
  Real v_slopes[4];
};

// One axis: t = u size - 1/2, texels floor(t) and floor(t) + 1. Outside of the
// border's reach a clamped axis is constant. NaN counts as 0.
template <typename Real>
struct LinearTaps {
  int64_t first, second;
  Real fraction, slope;
};

template <typename Real>
DG4D_HOST_DEVICE inline LinearTaps<Real> LinearTapsAt(Real u, int64_t size,
                                                      Border border) {
  if (!(u - u == 0)) u = 0;
  LinearTaps<Real> taps;
  Real slope = Real(size);
  if (border == Border::kWrap) {
    u -= std::floor(u);
  } else if (u < 0 || u > 1) {
    u = u < 0 ? Real(0) : Real(1);
    slope = 0;
  }
  const Real t = u * Real(size) - Real(0.5);
  const Real floor = std::floor(t);
  const int64_t i = static_cast<int64_t>(floor);
  taps.first = TexelAt(i, size, border);
  taps.second = TexelAt(i + 1, size, border);
  taps.fraction = t - floor;
  taps.slope = slope;
  return taps;
}

template <typename Real>
DG4D_HOST_DEVICE inline BilinearTaps<Real> BilinearTapsAt(Real u, Real v,
                                                          int64_t width,
                                                          int64_t height,
                                                          Border border) {
  const LinearTaps<Real> x = LinearTapsAt(u, width, border);
  const LinearTaps<Real> y = LinearTapsAt(v, height, border);
  const Real a = x.fraction, b = y.fraction;
  return {{y.first * width + x.first, y.first * width + x.second,
           y.second * width + x.first, y.second * width + x.second},
          {(1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b},
          {-x.slope * (1 - b), x.slope * (1 - b), -x.slope * b, x.slope * b},
          {-y.slope * (1 - a), -y.slope * a, y.slope * (1 - a), y.slope * a}};
}

}  // namespace dg4d::mesh_raster

#endif  // DG4D_KERNELS_MESH_TEXTURE_MATH_H_
