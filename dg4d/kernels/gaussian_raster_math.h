#ifndef DG4D_KERNELS_GAUSSIAN_RASTER_MATH_H_
#define DG4D_KERNELS_GAUSSIAN_RASTER_MATH_H_

#include <cmath>

#include "dg4d/kernels/host_device.h"
#include "dg4d/kernels/spherical_harmonics.h"

// The maths of one Gaussian in one view. `XVjp` maps gradients with respect to
// what X returns to gradients with respect to what it takes, and adds them to
// its outputs (names ending in _gradient). Symmetric 3x3 matrices are xx, xy,
// xz, yy, yz, zz; their gradients are those of the nine separate entries.

namespace dg4d::gaussian_raster {

inline constexpr double kOpacityCap = 0.99;
// A pixel is not touched by splats that cover less of it than this.
inline constexpr double kLog2MinAlpha = -7.994353436858858;  // of 1/255
// A pixel through which less light passes is opaque.
inline constexpr double kMinTransmittance = 1e-4;
inline constexpr double kLog2E = 1.4426950408889634;
// The slope of a ray, as a multiple of the view's edge, beyond which the
// perspective's shear stays that of the bound (Kerbl et al. 2023).
inline constexpr double kShearBound = 1.3;

// ---- A Gaussian in the world ------------------------------------------------

template <typename Real>
struct WorldGaussian {
  Real covariance[6];
  Real opacity;
};

// The rotation of the normalised quaternion q [4] (w x y z), row-major.
// Quaternions shorter than 1e-12 are divided by that instead of their length.
template <typename Real>
DG4D_HOST_DEVICE inline void RotationFromQuaternion(const Real* q,
                                                    Real* rotation) {
  const Real length =
      std::sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
  const Real scale = 1 / (length > Real(1e-12) ? length : Real(1e-12));
  const Real w = q[0] * scale, x = q[1] * scale, y = q[2] * scale,
             z = q[3] * scale;
  rotation[0] = 1 - 2 * (y * y + z * z);
  rotation[1] = 2 * (x * y - w * z);
  rotation[2] = 2 * (x * z + w * y);
  rotation[3] = 2 * (x * y + w * z);
  rotation[4] = 1 - 2 * (x * x + z * z);
  rotation[5] = 2 * (y * z - w * x);
  rotation[6] = 2 * (x * z - w * y);
  rotation[7] = 2 * (y * z + w * x);
  rotation[8] = 1 - 2 * (x * x + y * y);
}

template <typename Real>
DG4D_HOST_DEVICE inline void RotationFromQuaternionVjp(
    const Real* q, const Real* rotation_gradient, Real* q_gradient) {
  const Real* g = rotation_gradient;
  const Real length =
      std::sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
  const bool normalised = length > Real(1e-12);
  const Real scale = 1 / (normalised ? length : Real(1e-12));
  const Real w = q[0] * scale, x = q[1] * scale, y = q[2] * scale,
             z = q[3] * scale;
  const Real unit[4] = {w, x, y, z};
  const Real unit_gradient[4] = {
      2 * (x * (g[7] - g[5]) + y * (g[2] - g[6]) + z * (g[3] - g[1])),
      2 * (w * (g[7] - g[5]) + y * (g[1] + g[3]) + z * (g[2] + g[6])) -
          4 * x * (g[4] + g[8]),
      2 * (w * (g[2] - g[6]) + x * (g[1] + g[3]) + z * (g[5] + g[7])) -
          4 * y * (g[0] + g[8]),
      2 * (w * (g[3] - g[1]) + x * (g[2] + g[6]) + y * (g[5] + g[7])) -
          4 * z * (g[0] + g[4])};
  // d(q/|q|) = (I - q q^T / |q|^2) dq / |q|.
  Real along = 0;
  for (int i = 0; i < 4; ++i) along += unit[i] * unit_gradient[i];
  if (!normalised) along = 0;
  for (int i = 0; i < 4; ++i) {
    q_gradient[i] += scale * (unit_gradient[i] - along * unit[i]);
  }
}

// covariance = R diag(exp(2 log_scales)) R^T, opacity = sigmoid(logit).
template <typename Real>
DG4D_HOST_DEVICE inline WorldGaussian<Real> ActivateGaussian(
    const Real* quaternion, const Real* log_scales, Real opacity_logit) {
  Real rotation[9];
  RotationFromQuaternion(quaternion, rotation);
  Real axes[9];  // R diag(exp(log_scales))
  for (int j = 0; j < 3; ++j) {
    const Real scale = std::exp(log_scales[j]);
    for (int i = 0; i < 3; ++i) axes[3 * i + j] = rotation[3 * i + j] * scale;
  }
  const auto dot = [&axes](int i, int j) {
    return axes[3 * i] * axes[3 * j] + axes[3 * i + 1] * axes[3 * j + 1] +
           axes[3 * i + 2] * axes[3 * j + 2];
  };
  return {{dot(0, 0), dot(0, 1), dot(0, 2), dot(1, 1), dot(1, 2), dot(2, 2)},
          1 / (1 + std::exp(-opacity_logit))};
}

template <typename Real>
DG4D_HOST_DEVICE inline void CovarianceVjp(const Real* quaternion,
                                           const Real* log_scales,
                                           const Real* covariance_gradient,
                                           Real* quaternion_gradient,
                                           Real* log_scales_gradient) {
  const Real* g = covariance_gradient;
  const Real full[9] = {g[0], g[1], g[2], g[1], g[3], g[4], g[2], g[4], g[5]};
  Real rotation[9], rotation_gradient[9];
  RotationFromQuaternion(quaternion, rotation);
  for (int j = 0; j < 3; ++j) {
    const Real scale = std::exp(log_scales[j]);
    Real along = 0;
    for (int i = 0; i < 3; ++i) {
      // Of the entry (i, j) of the axes: 2 (full axes)_ij.
      const Real axis_gradient =
          2 * scale *
          (full[3 * i] * rotation[j] + full[3 * i + 1] * rotation[3 + j] +
           full[3 * i + 2] * rotation[6 + j]);
      along += axis_gradient * rotation[3 * i + j];
      rotation_gradient[3 * i + j] = axis_gradient * scale;
    }
    log_scales_gradient[j] += along * scale;
  }
  RotationFromQuaternionVjp(quaternion, rotation_gradient, quaternion_gradient);
}

// The unit normal of a Gaussian as a flat thing: its shortest axis (the first
// of several), on the side that faces `position`. Which axis and side counts as
// constant in the vjp.
template <typename Real>
struct FacingAxis {
  int axis;
  Real sign;
  Real normal[3];

  DG4D_HOST_DEVICE FacingAxis(const Real* quaternion, const Real* log_scales,
                              const Real* mean, const Real* position)
      : axis(log_scales[1] < log_scales[0]) {
    if (log_scales[2] < log_scales[axis]) axis = 2;
    Real rotation[9];
    RotationFromQuaternion(quaternion, rotation);
    Real towards = 0;
    for (int i = 0; i < 3; ++i) {
      normal[i] = rotation[3 * i + axis];
      towards += normal[i] * (position[i] - mean[i]);
    }
    sign = towards < 0 ? Real(-1) : Real(1);
    for (int i = 0; i < 3; ++i) normal[i] *= sign;
  }
};

template <typename Real>
DG4D_HOST_DEVICE inline void FacingAxisVjp(const FacingAxis<Real>& facing,
                                           const Real* quaternion,
                                           const Real* normal_gradient,
                                           Real* quaternion_gradient) {
  Real rotation_gradient[9] = {};
  for (int i = 0; i < 3; ++i) {
    rotation_gradient[3 * i + facing.axis] = facing.sign * normal_gradient[i];
  }
  RotationFromQuaternionVjp(quaternion, rotation_gradient, quaternion_gradient);
}

// ---- A Gaussian in a view ---------------------------------------------------

template <typename Real>
struct View {
  Real rotation[9];     // of view_from_world
  Real translation[3];  // of view_from_world
  Real position[3];     // of the camera, in the world
  Real focal[2];        // pixels
  Real half_size[2];    // pixels
  Real max_slope[2];    // bound of x/z and y/z in the shear
};

template <typename Real>
DG4D_HOST_DEVICE inline View<Real> MakeView(const Real* view_from_world,
                                            const Real* focal_lengths,
                                            int width, int height) {
  View<Real> view;
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) {
      view.rotation[3 * i + j] = view_from_world[4 * i + j];
    }
    view.translation[i] = view_from_world[4 * i + 3];
  }
  for (int j = 0; j < 3; ++j) {
    view.position[j] = -(view.rotation[j] * view.translation[0] +
                         view.rotation[3 + j] * view.translation[1] +
                         view.rotation[6 + j] * view.translation[2]);
  }
  const int size[2] = {width, height};
  for (int k = 0; k < 2; ++k) {
    view.focal[k] = focal_lengths[k];
    view.half_size[k] = Real(size[k]) / 2;
    view.max_slope[k] = Real(kShearBound) * view.half_size[k] / view.focal[k];
  }
  return view;
}

// A Gaussian's footprint on the image, in pixels; (0, 0) is the centre of the
// top left pixel.
template <typename Real>
struct Footprint {
  Real mean[2];
  Real covariance[3];  // xx, xy, yy
  Real z;              // distance along the viewing axis
};

// The affine map from world to image around the Gaussian, J W in the EWA
// papers: row k is focal[k] / z (rotation row k - slope[k] rotation row 2).
template <typename Real>
struct LocalAffine {
  Real point[3];    // the mean, in the view
  Real slope[2];    // x/z and y/z, bounded
  bool bounded[2];  // whether the bound acts
  Real rows[2][3];
};

template <typename Real>
DG4D_HOST_DEVICE inline LocalAffine<Real> LinearizeView(const View<Real>& view,
                                                        const Real* mean) {
  LocalAffine<Real> affine;
  const Real* r = view.rotation;
  for (int i = 0; i < 3; ++i) {
    affine.point[i] = r[3 * i] * mean[0] + r[3 * i + 1] * mean[1] +
                      r[3 * i + 2] * mean[2] + view.translation[i];
  }
  const Real inverse_z = 1 / affine.point[2];
  for (int k = 0; k < 2; ++k) {
    const Real slope = affine.point[k] * inverse_z;
    const Real bound = view.max_slope[k];
    affine.bounded[k] = !(slope >= -bound && slope <= bound);
    affine.slope[k] = slope < -bound ? -bound : slope > bound ? bound : slope;
    for (int j = 0; j < 3; ++j) {
      affine.rows[k][j] = view.focal[k] * inverse_z *
                          (r[3 * k + j] - affine.slope[k] * r[6 + j]);
    }
  }
  return affine;
}

// The products of a symmetric matrix with the affine map's rows.
template <typename Real>
DG4D_HOST_DEVICE inline void TimesRows(const Real* s, const Real (&rows)[2][3],
                                       Real (&products)[2][3]) {
  for (int k = 0; k < 2; ++k) {
    const Real* m = rows[k];
    products[k][0] = s[0] * m[0] + s[1] * m[1] + s[2] * m[2];
    products[k][1] = s[1] * m[0] + s[3] * m[1] + s[4] * m[2];
    products[k][2] = s[2] * m[0] + s[4] * m[1] + s[5] * m[2];
  }
}

// EWA: covariance = M covariance M^T + low_pass I. Meaningful where the mean is
// in front of the camera. `screen_offset` [2] may be null.
template <typename Real>
DG4D_HOST_DEVICE inline Footprint<Real> ProjectGaussian(
    const View<Real>& view, const Real* mean, const Real* covariance,
    Real low_pass, const Real* screen_offset) {
  const LocalAffine<Real> affine = LinearizeView(view, mean);
  const Real(&m)[2][3] = affine.rows;
  Real sm[2][3];
  TimesRows(covariance, m, sm);
  Footprint<Real> footprint;
  footprint.z = affine.point[2];
  for (int k = 0; k < 2; ++k) {
    footprint.mean[k] = view.focal[k] * affine.point[k] / affine.point[2] +
                        view.half_size[k] - Real(0.5);
    if (screen_offset) {
      footprint.mean[k] += screen_offset[k] * view.half_size[k];
    }
  }
  footprint.covariance[0] =
      m[0][0] * sm[0][0] + m[0][1] * sm[0][1] + m[0][2] * sm[0][2] + low_pass;
  footprint.covariance[1] =
      m[0][0] * sm[1][0] + m[0][1] * sm[1][1] + m[0][2] * sm[1][2];
  footprint.covariance[2] =
      m[1][0] * sm[1][0] + m[1][1] * sm[1][1] + m[1][2] * sm[1][2] + low_pass;
  return footprint;
}

// Gradients with respect to a footprint. That of xy is with respect to both
// off-diagonal entries together.
template <typename Real>
struct FootprintGradient {
  Real mean[2];
  Real covariance[3];
  Real z;
};

template <typename Real>
DG4D_HOST_DEVICE inline void ProjectGaussianVjp(
    const View<Real>& view, const Real* mean, const Real* covariance,
    const FootprintGradient<Real>& g, Real* mean_gradient,
    Real* covariance_gradient) {
  const LocalAffine<Real> affine = LinearizeView(view, mean);
  const Real(&m)[2][3] = affine.rows;
  Real sm[2][3];
  TimesRows(covariance, m, sm);
  const Real* r = view.rotation;
  const Real inverse_z = 1 / affine.point[2];

  const Real gxx = g.covariance[0], gxy = g.covariance[1] / 2,
             gyy = g.covariance[2];
  int entry = 0;
  for (int i = 0; i < 3; ++i) {
    for (int j = i; j < 3; ++j) {
      covariance_gradient[entry++] +=
          gxx * m[0][i] * m[0][j] + gyy * m[1][i] * m[1][j] +
          gxy * (m[0][i] * m[1][j] + m[1][i] * m[0][j]);
    }
  }

  Real point_gradient[3] = {0, 0, g.z};
  for (int k = 0; k < 2; ++k) {
    const Real own = k == 0 ? gxx : gyy;
    Real along_row = 0;   // row gradient . row
    Real along_axis = 0;  // row gradient . viewing axis
    for (int j = 0; j < 3; ++j) {
      const Real row_gradient = 2 * (own * sm[k][j] + gxy * sm[1 - k][j]);
      along_row += row_gradient * m[k][j];
      along_axis += row_gradient * r[6 + j];
    }
    // The row is proportional to 1/z at a given slope.
    point_gradient[2] -= along_row * inverse_z;
    const Real focal_over_z = view.focal[k] * inverse_z;
    Real slope_gradient = g.mean[k] * view.focal[k];
    if (!affine.bounded[k]) slope_gradient -= focal_over_z * along_axis;
    point_gradient[k] += slope_gradient * inverse_z;
    point_gradient[2] -=
        slope_gradient * affine.point[k] * inverse_z * inverse_z;
  }
  for (int j = 0; j < 3; ++j) {
    mean_gradient[j] += r[j] * point_gradient[0] +
                        r[3 + j] * point_gradient[1] +
                        r[6 + j] * point_gradient[2];
  }
}

// ---- A footprint over pixels ------------------------------------------------

// At offset d = mean - pixel a splat covers
//   alpha = min(0.99, 2^power),
//   power = log2_opacity - xx dx^2 - xy dx dy - yy dy^2,
// so the coefficients are those of the inverse covariance times log2(e), the
// diagonal halved. Its rectangle holds all pixels with alpha >= 1/255.
template <typename Real>
struct alignas(16 * sizeof(Real)) Splat {
  Real mean[2];
  Real log2_opacity;
  Real xx, xy, yy;
  Real rgb[3];
  Real z;
  Real half_extent[2];  // negative: not drawn
  Real radius;          // three standard deviations along the longer axis
};

// The splat of a footprint; false if it touches no pixel at all, whatever the
// image: too transparent, degenerate, or not finite. Leaves rgb alone.
template <typename Real>
DG4D_HOST_DEVICE inline bool MakeSplat(const Footprint<Real>& footprint,
                                       Real opacity, Splat<Real>& splat) {
  const Real xx = footprint.covariance[0], xy = footprint.covariance[1],
             yy = footprint.covariance[2];
  const Real determinant = xx * yy - xy * xy;
  const Real log2_opacity = std::log2(opacity);
  // Comparisons that fail for NaN.
  if (!(determinant > 0 && xx > 0 && yy > 0)) return false;
  if (!(log2_opacity >= Real(kLog2MinAlpha))) return false;
  const Real scale = Real(kLog2E) / determinant;
  splat.mean[0] = footprint.mean[0];
  splat.mean[1] = footprint.mean[1];
  splat.log2_opacity = log2_opacity;
  splat.xx = yy * scale / 2;
  splat.xy = -xy * scale;
  splat.yy = xx * scale / 2;
  splat.z = footprint.z;
  // Where power reaches its threshold: d^T C^-1 d = reach. The margin keeps
  // rounding from losing a pixel.
  const Real reach = 2 * (log2_opacity - Real(kLog2MinAlpha)) / Real(kLog2E);
  const Real margin = Real(1.0001);
  splat.half_extent[0] = std::sqrt(reach * xx) * margin;
  splat.half_extent[1] = std::sqrt(reach * yy) * margin;
  const Real middle = (xx + yy) / 2;
  const Real spread = middle * middle - determinant;
  splat.radius = std::ceil(
      3 *
      std::sqrt(middle + std::sqrt(spread > Real(0.1) ? spread : Real(0.1))));
  const Real sum = splat.mean[0] + splat.mean[1] + splat.half_extent[0] +
                   splat.half_extent[1] + splat.radius + splat.xx + splat.xy +
                   splat.yy + splat.z;
  return sum - sum == 0;  // finite
}

// Sums over pixels of p, the gradient with respect to the natural logarithm of
// a splat's alpha, times powers of d = mean - pixel, and of the gradients with
// respect to its colour and depth.
template <typename Real>
struct SplatSums {
  Real p, px, py, pxx, pxy, pyy;
  Real rgb[3];
  Real z;
};

// Gradients of the footprint whose splat gathered `sums`. With K the inverse
// covariance, ln alpha = ln opacity - d^T K d / 2, so its gradient is -K d with
// respect to the mean, and K d d^T K / 2 with respect to the covariance.
template <typename Real>
DG4D_HOST_DEVICE inline FootprintGradient<Real> MakeSplatVjp(
    const Footprint<Real>& footprint, const SplatSums<Real>& sums) {
  const Real xx = footprint.covariance[0], xy = footprint.covariance[1],
             yy = footprint.covariance[2];
  const Real scale = 1 / (xx * yy - xy * xy);
  const Real a = yy * scale, b = -xy * scale, c = xx * scale;  // K
  // Rows of K (sum of d d^T).
  const Real m00 = a * sums.pxx + b * sums.pxy;
  const Real m01 = a * sums.pxy + b * sums.pyy;
  const Real m10 = b * sums.pxx + c * sums.pxy;
  const Real m11 = b * sums.pxy + c * sums.pyy;
  return {{-(a * sums.px + b * sums.py), -(b * sums.px + c * sums.py)},
          {(m00 * a + m01 * b) / 2, m00 * b + m01 * c, (m10 * b + m11 * c) / 2},
          sums.z};
}

// Whether a pixel centre of [x0, x1] x [y0, y1] may be covered by the splat:
// whether power reaches its threshold in the rectangle. `AnySplat` has the mean
// and the coefficients of a Splat.
template <typename Real, typename AnySplat>
DG4D_HOST_DEVICE inline bool TouchesRectangle(const AnySplat& splat, Real x0,
                                              Real y0, Real x1, Real y1) {
  const Real dx0 = splat.mean[0] - x1, dx1 = splat.mean[0] - x0;
  const Real dy0 = splat.mean[1] - y1, dy1 = splat.mean[1] - y0;
  // The offsets of the rectangle nearest to 0; if both are 0, it holds the
  // mean.
  const Real dx = dx0 > 0 ? dx0 : dx1 < 0 ? dx1 : 0;
  const Real dy = dy0 > 0 ? dy0 : dy1 < 0 ? dy1 : 0;
  // The loss of power is convex: its least value on the rectangle lies on an
  // edge that faces the mean.
  const auto clamp = [](Real x, Real low, Real high) {
    return x < low ? low : x > high ? high : x;
  };
  const Real best_dy = clamp(-splat.xy * dx / (2 * splat.yy), dy0, dy1);
  const Real best_dx = clamp(-splat.xy * dy / (2 * splat.xx), dx0, dx1);
  const auto loss = [&splat](Real x, Real y) {
    return splat.xx * x * x + splat.xy * x * y + splat.yy * y * y;
  };
  const Real limit =
      (splat.log2_opacity - Real(kLog2MinAlpha)) * Real(1.0002) + Real(1e-4);
  if (dx == 0 && dy == 0) return true;
  return (dx != 0 && loss(dx, best_dy) <= limit) ||
         (dy != 0 && loss(best_dx, dy) <= limit);
}

}  // namespace dg4d::gaussian_raster

#endif  // DG4D_KERNELS_GAUSSIAN_RASTER_MATH_H_
