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

// The footprint of a pixel in texels decides the mip level. With the slopes of
// s = u width, t = v height along pixel x, y,
//   A = s_x^2 + t_x^2,  B = s_y^2 + t_y^2,  C = s_x s_y + t_x t_y
//   m = (A + B)/2 + sqrt((A - B)^2/4 + C^2),  level = log2(m) / 2
// m is the square of the footprint's longer axis.
template <typename Real>
struct Footprint {
  Real a, b, c, root, m;
};

// `slopes` are u_x, u_y, v_x, v_y.
template <typename Real>
DG4D_HOST_DEVICE inline Footprint<Real> FootprintOf(const Real slopes[4],
                                                    Real width, Real height) {
  const Real sx = slopes[0] * width, sy = slopes[1] * width;
  const Real tx = slopes[2] * height, ty = slopes[3] * height;
  Footprint<Real> footprint;
  footprint.a = sx * sx + tx * tx;
  footprint.b = sy * sy + ty * ty;
  footprint.c = sx * sy + tx * ty;
  const Real half = (footprint.a - footprint.b) / 2;
  footprint.root = std::sqrt(half * half + footprint.c * footprint.c);
  footprint.m = (footprint.a + footprint.b) / 2 + footprint.root;
  return footprint;
}

// Two mip levels and how to mix them; `fraction` is that of `upper`.
template <typename Real>
struct MipTaps {
  int lower = 0, upper = 0;
  Real fraction = 0;
};

template <typename Real>
DG4D_HOST_DEVICE inline MipTaps<Real> MipTapsAt(
    const Footprint<Real>& footprint, int last_level) {
  if (!(footprint.m > 1)) return {};  // also where slopes are not finite
  const Real level = Real(0.5) * std::log2(footprint.m);
  if (!(level < last_level)) return {last_level, last_level, 0};
  const int lower = static_cast<int>(level);
  return {lower, lower + 1, level - Real(lower)};
}

// Adds the gradient of the level to that of the slopes.
template <typename Real>
DG4D_HOST_DEVICE inline void LevelVjp(const Real slopes[4], Real width,
                                      Real height,
                                      const Footprint<Real>& footprint,
                                      Real level_gradient,
                                      Real slope_gradients[4]) {
  constexpr Real kLn2 = Real(0.69314718055994530942);
  const Real gm = level_gradient / (2 * kLn2 * footprint.m);
  // Where both axes are equal the root has no slope of its own.
  const Real inverse = footprint.root > 0 ? 1 / footprint.root : Real(0);
  const Real difference = (footprint.a - footprint.b) * inverse / 4;
  const Real ga = gm * (Real(0.5) + difference);
  const Real gb = gm * (Real(0.5) - difference);
  const Real gc = gm * footprint.c * inverse;
  const Real w = width * width, h = height * height;
  slope_gradients[0] += w * (2 * ga * slopes[0] + gc * slopes[1]);
  slope_gradients[1] += w * (2 * gb * slopes[1] + gc * slopes[0]);
  slope_gradients[2] += h * (2 * ga * slopes[2] + gc * slopes[3]);
  slope_gradients[3] += h * (2 * gb * slopes[3] + gc * slopes[2]);
}

}  // namespace dg4d::mesh_raster

#endif  // DG4D_KERNELS_MESH_TEXTURE_MATH_H_
