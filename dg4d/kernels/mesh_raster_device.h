#ifndef DG4D_KERNELS_MESH_RASTER_DEVICE_H_
#define DG4D_KERNELS_MESH_RASTER_DEVICE_H_

#include <cuda_runtime.h>

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dg4d/kernels/mesh_raster.h"

namespace dg4d::mesh_raster {

// Private to the mesh kernels in .cu files.

constexpr int kBlock = 256;

// What is counted by the last dimension of a grid.
inline absl::Status CheckImages(int64_t images) {
  if (images <= 65535) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("mesh kernels take up to 65535 images, meshes or rows of "
                   "texels at once, not ",
                   images, ": draw them in parts"));
}

inline unsigned BlocksFor(int64_t threads) {
  return static_cast<unsigned>((threads + kBlock - 1) / kBlock);
}

// Pixel kernels: a block is 16 x 16 pixels, a warp 8 x 4 of them, so that its
// lanes share triangles and texels.
constexpr int kTile = 16;

inline dim3 PixelGrid(int64_t images, int width, int height) {
  return dim3((width + kTile - 1) / kTile, (height + kTile - 1) / kTile,
              static_cast<unsigned>(images));
}

struct Pixel {
  int x, y;
  int64_t image;
  int64_t index;  // into [B, H, W]
  bool inside;
};

__device__ inline Pixel ThisPixel(int width, int height) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  Pixel pixel;
  pixel.x = blockIdx.x * kTile + warp % 2 * 8 + lane % 8;
  pixel.y = blockIdx.y * kTile + warp / 2 * 4 + lane / 8;
  pixel.image = blockIdx.z;
  pixel.index = (pixel.image * height + pixel.y) * int64_t{width} + pixel.x;
  pixel.inside = pixel.x < width && pixel.y < height;
  return pixel;
}

template <typename Real>
bool IsEmpty(const MeshGeometry<Real>& geometry) {
  return geometry.images == 0 || geometry.width == 0 || geometry.height == 0;
}

// Sums `values` over the lanes of each `key`; true for the lane that then has a
// key's sum. All lanes of a warp must call it.
template <typename Real, int kCount>
__device__ inline bool SumOverEqualKeys(int key, Real (&values)[kCount]) {
  constexpr unsigned kAll = 0xffffffff;
  const unsigned lane = threadIdx.x % 32;
  const unsigned peers = __match_any_sync(kAll, key);
  const bool first = static_cast<int>(lane) == __ffs(peers) - 1;
  unsigned rank = __popc(peers & ((1u << lane) - 1));
  unsigned rest = lane == 31 ? 0 : peers & (kAll << (lane + 1));
  while (__any_sync(kAll, rest != 0)) {
    const int next = __ffs(rest) - 1;
#pragma unroll
    for (int c = 0; c < kCount; ++c) {
      const Real other = __shfl_sync(kAll, values[c], next < 0 ? lane : next);
      if (next >= 0) values[c] += other;
    }
    rest &= ~__ballot_sync(kAll, rank & 1);
    rank >>= 1;
  }
  return first;
}

}  // namespace dg4d::mesh_raster

#endif  // DG4D_KERNELS_MESH_RASTER_DEVICE_H_
