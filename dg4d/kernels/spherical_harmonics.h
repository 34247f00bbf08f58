#ifndef DG4D_KERNELS_SPHERICAL_HARMONICS_H_
#define DG4D_KERNELS_SPHERICAL_HARMONICS_H_

#include <cmath>

#include "dg4d/kernels/host_device.h"

namespace dg4d {

// Real spherical harmonics up to degree 3 at unit direction d [3], with the
// signs of Kerbl et al. 2023: basis [(degree + 1)^2].
template <typename Real>
DG4D_HOST_DEVICE inline void ShBasis(int degree, const Real* d, Real* basis) {
  basis[0] = Real(0.28209479177387814);
  if (degree < 1) return;
  const Real x = d[0], y = d[1], z = d[2];
  constexpr Real k1 = Real(0.4886025119029199);
  basis[1] = -k1 * y;
  basis[2] = k1 * z;
  basis[3] = -k1 * x;
  if (degree < 2) return;
  constexpr Real k2 = Real(1.0925484305920792);
  basis[4] = k2 * x * y;
  basis[5] = -k2 * y * z;
  basis[6] = Real(0.31539156525252005) * (2 * z * z - x * x - y * y);
  basis[7] = -k2 * x * z;
  basis[8] = Real(0.5462742152960396) * (x * x - y * y);
  if (degree < 3) return;
  constexpr Real k3 = Real(0.5900435899266435);
  constexpr Real k4 = Real(0.4570457994644658);
  basis[9] = -k3 * y * (3 * x * x - y * y);
  basis[10] = Real(2.890611442640554) * x * y * z;
  basis[11] = -k4 * y * (4 * z * z - x * x - y * y);
  basis[12] =
      Real(0.3731763325901154) * z * (2 * z * z - 3 * x * x - 3 * y * y);
  basis[13] = -k4 * x * (4 * z * z - x * x - y * y);
  basis[14] = Real(1.445305721320277) * z * (x * x - y * y);
  basis[15] = -k3 * x * (x * x - 3 * y * y);
}

// Adds to d_gradient [3] the gradient with respect to d, as if its three
// components were independent, given that with respect to the basis.
template <typename Real>
DG4D_HOST_DEVICE inline void ShBasisVjp(int degree, const Real* d,
                                        const Real* g, Real* d_gradient) {
  if (degree < 1) return;
  const Real x = d[0], y = d[1], z = d[2];
  constexpr Real k1 = Real(0.4886025119029199);
  Real gx = -k1 * g[3], gy = -k1 * g[1], gz = k1 * g[2];
  if (degree >= 2) {
    constexpr Real k2 = Real(1.0925484305920792);
    const Real g6 = Real(0.31539156525252005) * g[6];
    const Real g8 = Real(0.5462742152960396) * g[8];
    gx += k2 * (y * g[4] - z * g[7]) + 2 * x * (g8 - g6);
    gy += k2 * (x * g[4] - z * g[5]) - 2 * y * (g8 + g6);
    gz += -k2 * (y * g[5] + x * g[7]) + 4 * z * g6;
  }
  if (degree >= 3) {
    constexpr Real k3 = Real(0.5900435899266435);
    constexpr Real k4 = Real(0.4570457994644658);
    const Real g9 = -k3 * g[9], g10 = Real(2.890611442640554) * g[10],
               g11 = -k4 * g[11], g12 = Real(0.3731763325901154) * g[12],
               g13 = -k4 * g[13], g14 = Real(1.445305721320277) * g[14],
               g15 = -k3 * g[15];
    const Real xx = x * x, yy = y * y, zz = z * z;
    gx += 6 * x * y * g9 + y * z * g10 - 2 * x * y * g11 - 6 * x * z * g12 +
          (4 * zz - 3 * xx - yy) * g13 + 2 * x * z * g14 + 3 * (xx - yy) * g15;
    gy += 3 * (xx - yy) * g9 + x * z * g10 + (4 * zz - xx - 3 * yy) * g11 -
          6 * y * z * g12 - 2 * x * y * g13 - 2 * y * z * g14 - 6 * x * y * g15;
    gz += x * y * g10 + 8 * y * z * g11 + (6 * zz - 3 * xx - 3 * yy) * g12 +
          8 * x * z * g13 + (xx - yy) * g14;
  }
  d_gradient[0] += gx;
  d_gradient[1] += gy;
  d_gradient[2] += gz;
}

// The colour that `position` sees at `point`: 0.5 + basis . sh [K, 3], at
// least 0.
template <typename Real>
DG4D_HOST_DEVICE inline void ShColor(int degree, const Real* sh,
                                     const Real* point, const Real* position,
                                     Real* rgb) {
  Real d[3] = {point[0] - position[0], point[1] - position[1],
               point[2] - position[2]};
  const Real scale = 1 / std::sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
  for (int i = 0; i < 3; ++i) d[i] *= scale;
  Real basis[16];
  ShBasis(degree, d, basis);
  const int coefficients = (degree + 1) * (degree + 1);
  for (int c = 0; c < 3; ++c) {
    Real sum = Real(0.5);
    for (int k = 0; k < coefficients; ++k) sum += basis[k] * sh[3 * k + c];
    rgb[c] = sum < 0 ? 0 : sum;
  }
}

// Adds the gradients with respect to `sh` [K, 3] and `point` [3]; zero for a
// channel that was raised to 0.
template <typename Real>
DG4D_HOST_DEVICE inline void ShColorVjp(int degree, const Real* sh,
                                        const Real* point, const Real* position,
                                        const Real* rgb_gradient,
                                        Real* sh_gradient,
                                        Real* point_gradient) {
  Real d[3] = {point[0] - position[0], point[1] - position[1],
               point[2] - position[2]};
  const Real scale = 1 / std::sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
  for (int i = 0; i < 3; ++i) d[i] *= scale;
  Real basis[16];
  ShBasis(degree, d, basis);
  const int coefficients = (degree + 1) * (degree + 1);
  Real basis_gradient[16] = {};
  for (int c = 0; c < 3; ++c) {
    Real sum = Real(0.5);
    for (int k = 0; k < coefficients; ++k) sum += basis[k] * sh[3 * k + c];
    if (sum < 0) continue;
    for (int k = 0; k < coefficients; ++k) {
      sh_gradient[3 * k + c] += basis[k] * rgb_gradient[c];
      basis_gradient[k] += sh[3 * k + c] * rgb_gradient[c];
    }
  }
  if (degree < 1) return;
  Real d_gradient[3] = {};
  ShBasisVjp(degree, d, basis_gradient, d_gradient);
  const Real along =
      d[0] * d_gradient[0] + d[1] * d_gradient[1] + d[2] * d_gradient[2];
  for (int i = 0; i < 3; ++i) {
    point_gradient[i] += scale * (d_gradient[i] - along * d[i]);
  }
}

}  // namespace dg4d

#endif  // DG4D_KERNELS_SPHERICAL_HARMONICS_H_
