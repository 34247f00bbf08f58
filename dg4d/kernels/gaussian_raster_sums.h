#ifndef DG4D_KERNELS_GAUSSIAN_RASTER_SUMS_H_
#define DG4D_KERNELS_GAUSSIAN_RASTER_SUMS_H_

#include "dg4d/kernels/gaussian_raster_device.h"

// Sums over pixels that do not depend on the order of their terms. Warps add
// what they have to a splat's sums in any order, so the terms are whole
// numbers: multiples of a power of two that is so small that the sum's bound
// is 2^61 of it. The bound follows from the splat and from the largest values
// of its image, by
//
//   |gradient by alpha| <= light (|x| + max |x|),
//
// with x the gradient's product with a colour, which the light that is left at
// the pixel scales down. A term that is 2^-37 of the largest possible still has
// all of a float's digits.

namespace dg4d::gaussian_raster {

// The largest magnitudes in an image, as bits, which sort as they do; those of
// infinity and NaN come last.
template <typename Real>
struct ImageMaxima {
  enum { kRgb, kAlpha, kDepth, kColour, kZ, kBackground, kMaxima };
  DepthBits<Real> bits[kMaxima];  // the first three of the image's gradients

  __device__ Real Get(int k) const {
    Real value;
    memcpy(&value, &bits[k], sizeof(value));
    return value;
  }
};

__device__ inline uint32_t MagnitudeBits(float x) {
  return __float_as_uint(x) & 0x7fffffffu;
}
__device__ inline uint64_t MagnitudeBits(double x) {
  return static_cast<uint64_t>(__double_as_longlong(x)) & 0x7fffffffffffffffull;
}

// Some e with |x| < 2^e, the least one for ordinary numbers.
__device__ inline int ExponentAbove(float x) {
  return static_cast<int>(MagnitudeBits(x) >> 23) - 126;
}
__device__ inline int ExponentAbove(double x) {
  return static_cast<int>(MagnitudeBits(x) >> 52) - 1022;
}

// 2^e and 2^-e are numbers for |e| up to this.
template <typename Real>
constexpr int kMostExponent = sizeof(Real) == 4 ? 126 : 1022;

template <typename Real>
__device__ inline Real PowerOfTwo(int e) {
  if constexpr (sizeof(Real) == 4) {
    return __int_as_float((e + 127) << 23);
  } else {
    return __hiloint2double((e + 1023) << 20, 0);
  }
}

__device__ inline int64_t RoundToInteger(float x) { return __float2ll_rn(x); }
__device__ inline int64_t RoundToInteger(double x) { return __double2ll_rn(x); }

// The powers of dx and dy in the terms of a sum.
__host__ __device__ constexpr int PowersOfDx(int sum) {
  return sum == 3 ? 2 : sum == 1 || sum == 4 ? 1 : 0;
}
__host__ __device__ constexpr int PowersOfDy(int sum) {
  return sum == 5 ? 2 : sum == 2 || sum == 4 ? 1 : 0;
}

// What is the same for all splats of an image: the exponents of bounds of what
// a pixel adds to the sums, but for the splat's opacity and offsets.
struct SumBounds {
  int p, rgb, z;
  bool finite;

  template <typename Real>
  __device__ explicit SumBounds(const ImageMaxima<Real>& maxima) {
    using Maxima = ImageMaxima<Real>;
    const Real rgb_gradient = maxima.Get(Maxima::kRgb);
    const Real z_gradient = maxima.Get(Maxima::kDepth);
    const Real front = 3 * rgb_gradient * maxima.Get(Maxima::kColour) +
                       z_gradient * maxima.Get(Maxima::kZ);
    const Real back = 3 * rgb_gradient * maxima.Get(Maxima::kBackground) +
                      maxima.Get(Maxima::kAlpha);
    const Real both = front + back;
    // One more than that would be without rounding.
    p = ExponentAbove(both) + 2;
    rgb = ExponentAbove(rgb_gradient) + 1;
    z = ExponentAbove(z_gradient) + 1;
    finite = both - both == 0;
  }

  __device__ int Of(int sum) const { return sum < 6 ? p : sum < 9 ? rgb : z; }
};

// What depends on the splat.
struct SplatExponents {
  int dx, dy;  // offsets of pixels
  int rest;    // opacity and number of pixels

  template <typename Real>
  __device__ explicit SplatExponents(const CudaSplat<Real>& splat)
      : dx(ExponentAbove(splat.half_extent[0])),
        dy(ExponentAbove(splat.half_extent[1])),
        rest(static_cast<int>(ceil(splat.log2_opacity)) + PixelsAlong(dx) +
             PixelsAlong(dy)) {}

  // The exponent e to store the terms of a sum with: as multiples of 2^-e.
  template <typename Real>
  __device__ int For(int bound, int dx_powers, int dy_powers) const {
    const int e = 61 - (bound + rest + dx_powers * dx + dy_powers * dy);
    constexpr int kMost = kMostExponent<Real>;
    return e < -kMost ? -kMost : e > kMost ? kMost : e;
  }

 private:
  // How many pixels are less than 2^e from a point, and no more than an image
  // has along a side, as an exponent.
  __device__ static int PixelsAlong(int e) {
    return e < -1 ? 1 : e > 13 ? 15 : e + 2;
  }
};

}  // namespace dg4d::gaussian_raster

#endif  // DG4D_KERNELS_GAUSSIAN_RASTER_SUMS_H_
