#ifndef DG4D_KERNELS_GAUSSIAN_RASTER_SUMS_H_
#define DG4D_KERNELS_GAUSSIAN_RASTER_SUMS_H_

#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "dg4d/kernels/host_device.h"

// Sums over pixels that do not depend on the order of their terms. Warps add
// what they have to a splat's sums in any order, so the terms are whole
// numbers: multiples of a power of two of which the sum's bound is 2^61. The
// bound follows from the splat and from the largest values of its image, by
//
//   |gradient by alpha| <= light (|x| + max |x|),
//
// with x the gradient's product with a colour, and light, what is left at the
// pixel, at most 1. In a splat of 2^k pixels, a term that is 2^(k - 37) of its
// own bound still has all digits of a float.

namespace dg4d::gaussian_raster {

// The bits of positive numbers sort as they do; those of infinity and NaN come
// last.
template <typename Real>
using PositiveBits = std::conditional_t<sizeof(Real) == 4, uint32_t, uint64_t>;

template <typename Real>
DG4D_HOST_DEVICE inline PositiveBits<Real> MagnitudeBits(Real x) {
  PositiveBits<Real> bits;
  memcpy(&bits, &x, sizeof(bits));
  return bits & (PositiveBits<Real>(-1) >> 1);
}

// The largest magnitudes in an image, as bits.
template <typename Real>
struct ImageMaxima {
  enum { kRgb, kAlpha, kDepth, kColour, kZ, kBackground, kMaxima };
  PositiveBits<Real> bits[kMaxima];  // the first three of image gradients

  DG4D_HOST_DEVICE void Meet(int k, Real value) {
    const PositiveBits<Real> other = MagnitudeBits(value);
    if (other > bits[k]) bits[k] = other;
  }
  DG4D_HOST_DEVICE Real Get(int k) const {
    Real value;
    memcpy(&value, &bits[k], sizeof(value));
    return value;
  }
};

// Some e with |x| < 2^e, the least one for ordinary numbers.
template <typename Real>
DG4D_HOST_DEVICE inline int ExponentAbove(Real x) {
  constexpr int kFraction = sizeof(Real) == 4 ? 23 : 52;
  constexpr int kBias = sizeof(Real) == 4 ? 126 : 1022;
  return static_cast<int>(MagnitudeBits(x) >> kFraction) - kBias;
}

// 2^e and 2^-e are numbers for |e| up to this.
template <typename Real>
constexpr int kMostExponent = sizeof(Real) == 4 ? 126 : 1022;

template <typename Real>
DG4D_HOST_DEVICE inline Real PowerOfTwo(int e) {
  constexpr int kFraction = sizeof(Real) == 4 ? 23 : 52;
  constexpr int kBias = sizeof(Real) == 4 ? 127 : 1023;
  const PositiveBits<Real> bits = static_cast<PositiveBits<Real>>(e + kBias)
                                  << kFraction;
  Real power;
  memcpy(&power, &bits, sizeof(power));
  return power;
}

// To the nearest, ties to even.
template <typename Real>
DG4D_HOST_DEVICE inline int64_t RoundToInteger(Real x) {
#ifdef __CUDA_ARCH__
  if constexpr (sizeof(Real) == 4) {
    return __float2ll_rn(x);
  } else {
    return __double2ll_rn(x);
  }
#else
  return std::llrint(x);
#endif
}

// The powers of dx and dy in the terms of a sum, counted as in SplatSums.
DG4D_HOST_DEVICE constexpr int PowersOfDx(int sum) {
  return sum == 3 ? 2 : sum == 1 || sum == 4 ? 1 : 0;
}
DG4D_HOST_DEVICE constexpr int PowersOfDy(int sum) {
  return sum == 5 ? 2 : sum == 2 || sum == 4 ? 1 : 0;
}

// What is the same for all splats of an image: the exponents of bounds of what
// a pixel adds to the sums, but for the splat's opacity and offsets.
struct SumBounds {
  int p, rgb, z;
  int columns, rows;  // of the image
  bool finite;

  template <typename Real>
  DG4D_HOST_DEVICE SumBounds(const ImageMaxima<Real>& maxima, int width,
                             int height)
      : columns(ExponentAbove(static_cast<float>(width))),
        rows(ExponentAbove(static_cast<float>(height))) {
    using Maxima = ImageMaxima<Real>;
    const Real rgb_gradient = maxima.Get(Maxima::kRgb);
    const Real z_gradient = maxima.Get(Maxima::kDepth);
    const Real front = 3 * rgb_gradient * maxima.Get(Maxima::kColour) +
                       z_gradient * maxima.Get(Maxima::kZ);
    const Real back = 3 * rgb_gradient * maxima.Get(Maxima::kBackground) +
                      maxima.Get(Maxima::kAlpha);
    const Real both = front + back;
    // One more than it would be without rounding.
    p = ExponentAbove(both) + 2;
    rgb = ExponentAbove(rgb_gradient) + 1;
    z = ExponentAbove(z_gradient) + 1;
    finite = both - both == 0;
  }

  DG4D_HOST_DEVICE int Of(int sum) const {
    return sum < 6 ? p : sum < 9 ? rgb : z;
  }
};

// What depends on the splat, which has the names of a Splat.
struct SplatExponents {
  int dx, dy;  // offsets of pixels
  int rest;    // opacity and number of pixels

  template <typename AnySplat>
  DG4D_HOST_DEVICE SplatExponents(const AnySplat& splat,
                                  const SumBounds& bounds)
      : dx(ExponentAbove(splat.half_extent[0])),
        dy(ExponentAbove(splat.half_extent[1])),
        rest(static_cast<int>(std::ceil(splat.log2_opacity)) +
             PixelsAlong(dx, bounds.columns) + PixelsAlong(dy, bounds.rows)) {}

  // The exponent e to store the terms of a sum with: as multiples of 2^-e.
  template <typename Real>
  DG4D_HOST_DEVICE int For(int bound, int dx_powers, int dy_powers) const {
    const int e = 61 - (bound + rest + dx_powers * dx + dy_powers * dy);
    constexpr int kMost = kMostExponent<Real>;
    return e < -kMost ? -kMost : e > kMost ? kMost : e;
  }

 private:
  // How many pixels of a row or column, fewer than 2^most, are less than 2^e
  // from a point, as an exponent.
  DG4D_HOST_DEVICE static int PixelsAlong(int e, int most) {
    const int pixels = e < -1 ? 1 : e + 2;
    return pixels < most ? pixels : most;
  }
};

}  // namespace dg4d::gaussian_raster

#endif  // DG4D_KERNELS_GAUSSIAN_RASTER_SUMS_H_
