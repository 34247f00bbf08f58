#ifndef DG4D_KERNELS_GAUSSIAN_RASTER_DRAW_H_
#define DG4D_KERNELS_GAUSSIAN_RASTER_DRAW_H_

#include <cuda_pipeline_primitives.h>

#include "dg4d/kernels/gaussian_raster_device.h"

// How a warp walks through the splats of its pixels: what drawing and its
// gradients share.

namespace dg4d::gaussian_raster {

constexpr int kWarpsPerBlock = 4;

// How many splats a warp looks at together. Two, where there are too few warps
// to keep the processors busy: what of one does not depend on the other
// overlaps. One, where there are enough: two need more registers.
constexpr int64_t kFewPixels = 1 << 17;
template <typename Real>
int GroupFor(const Scene<Real>& scene) {
  const GaussianRasterInputs<Real>& in = scene.inputs;
  return in.images * in.width * in.height < kFewPixels ? 2 : 1;
}

__device__ inline float Exp2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
__device__ inline double Exp2(double x) { return exp2(x); }

__device__ inline float Reciprocal(float x) { return __fdividef(1.0f, x); }
__device__ inline double Reciprocal(double x) { return 1 / x; }

// What a warp draws, and from which entries.
template <typename Real>
struct WarpTask {
  int lane;
  int image;
  int x, y;       // the lane's pixel
  int x0, y0;     // that of lane 0
  bool inside;    // whether the lane's pixel is in the image
  int64_t pixel;  // the lane's, through all images
  const uint32_t* list;
  int32_t entries;
  bool all_rows;  // the list is that of all rows of all images

  // Warp `k` of all images; false if there is nothing to draw.
  __device__ bool Set(const Scene<Real>& scene, int64_t k) {
    const GaussianRasterInputs<Real>& in = scene.inputs;
    lane = threadIdx.x % kWarp;
    const int tile = static_cast<int>(k / kWarpsPerTile);
    if (tile >= scene.grid.total) return false;
    const int part = static_cast<int>(k % kWarpsPerTile);
    image = tile / scene.grid.per_image;
    const int in_image = tile % scene.grid.per_image;
    constexpr int kAcross = kCudaTile / kWarpWidth;
    x0 =
        in_image % scene.grid.columns * kCudaTile + part % kAcross * kWarpWidth;
    y0 = in_image / scene.grid.columns * kCudaTile +
         part / kAcross * kWarpHeight;
    if (x0 >= in.width || y0 >= in.height) return false;
    x = x0 + lane % kWarpWidth;
    y = y0 + lane / kWarpWidth;
    inside = x < in.width && y < in.height;
    pixel = (int64_t{image} * in.height + y) * in.width + x;
    all_rows = !scene.has_lists();
    if (all_rows) {
      list = scene.arrays.list;
      entries = static_cast<int32_t>(scene.rows());
    } else {
      const int32_t begin = scene.arrays.tile_begin[tile];
      list = scene.arrays.list + begin;
      entries = scene.arrays.tile_begin[tile + 1] - begin;
    }
    return true;
  }

  // The row of an entry; 0 beyond the list's ends.
  __device__ uint32_t RowAt(int32_t entry) const {
    return entry >= 0 && entry < entries ? list[entry] : 0u;
  }

  // Whether an entry's splat is one of the image.
  __device__ bool Wants(const Scene<Real>& scene, int32_t entry,
                        uint32_t row) const {
    if (entry < 0 || entry >= entries) return false;
    return !all_rows || row / static_cast<uint32_t>(scene.inputs.count) ==
                            static_cast<uint32_t>(image);
  }

  // Whether the splat may touch the warp's pixels.
  __device__ bool Touches(const CudaSplat<Real>& splat) const {
    if (all_rows && !(splat.half_extent[0] >= 0)) return false;
    return TouchesRectangle<Real>(splat, Real(x0), Real(y0),
                                  Real(x0 + kWarpWidth - 1),
                                  Real(y0 + kWarpHeight - 1));
  }
};

// The splats of 32 list entries, a lane each, and of the 32 that come next:
// these are on their way while the first are drawn. Without that, one of few
// warps with long lists spends its time waiting.
template <typename Real>
struct FetchedSplats {
  CudaSplat<Real> splats[2][kWarp];
};

// The lane's part. Each call belongs to a group, which WaitForFetch counts.
template <typename Real>
__device__ inline void FetchSplat(const CudaSplat<Real>* from, bool wanted,
                                  CudaSplat<Real>* to) {
  static_assert(sizeof(*to) % 16 == 0);
  if (wanted) {
    for (size_t byte = 0; byte < sizeof(*to); byte += 16) {
      __pipeline_memcpy_async(reinterpret_cast<char*>(to) + byte,
                              reinterpret_cast<const char*>(from) + byte, 16);
    }
  }
  __pipeline_commit();
}

template <typename Real>
__device__ inline Real Power(const CudaSplat<Real>& splat, Real dx, Real dy) {
  return (splat.log2_opacity - splat.yy * dy * dy) -
         dx * (splat.xx * dx + splat.xy * dy);
}

}  // namespace dg4d::gaussian_raster

#endif  // DG4D_KERNELS_GAUSSIAN_RASTER_DRAW_H_
