#ifndef DG4D_KERNELS_GAUSSIAN_RASTER_DEVICE_H_
#define DG4D_KERNELS_GAUSSIAN_RASTER_DEVICE_H_

#include <cuda_runtime.h>

#include <cstdint>

#include "dg4d/kernels/gaussian_raster.h"
#include "dg4d/kernels/gaussian_raster_math.h"
#include "dg4d/kernels/gaussian_raster_sums.h"

// What the steps of the CUDA rasteriser share. For its .cu files alone.

namespace dg4d::gaussian_raster {

constexpr int kCudaTile = 16;  // pixels along each side
// A warp draws a rectangle of a tile, a pixel per lane.
constexpr int kWarp = 32;
constexpr int kWarpWidth = 8, kWarpHeight = 4;
constexpr int kWarpsPerTile =
    kCudaTile * kCudaTile / (kWarpWidth * kWarpHeight);
constexpr unsigned kAllLanes = 0xffffffffu;

constexpr int kSums = 10;  // values in SplatSums

// A splat as a warp fetches it.
template <typename Real>
struct alignas(16) CudaSplat {
  Real mean[2];
  Real xx, xy, yy;
  Real log2_opacity;
  Real rgb[3];
  Real z;
  Real half_extent[2];  // negative: not drawn
};

// Once a splat's sums are known, they take the place of all but its extent.
template <typename Real>
__device__ inline void StoreSums(const Real (&s)[kSums],
                                 CudaSplat<Real>& splat) {
  splat = {{s[0], s[1]}, s[2],
           s[3],         s[4],
           s[5],         {s[6], s[7], s[8]},
           s[9],         {splat.half_extent[0], splat.half_extent[1]}};
}
template <typename Real>
__device__ inline SplatSums<Real> StoredSums(const CudaSplat<Real>& s) {
  return {s.mean[0],
          s.mean[1],
          s.xx,
          s.xy,
          s.yy,
          s.log2_opacity,
          {s.rgb[0], s.rgb[1], s.rgb[2]},
          s.z};
}

// Sorts as positive numbers do.
template <typename Real>
using DepthBits = PositiveBits<Real>;

// The arrays of a workspace, on the device. A row is a (image, Gaussian) pair,
// image * N + Gaussian; a tile is counted through all images.
template <typename Real>
struct Arrays {
  // Kept for the backward pass.
  View<Real>* views;        // [B]
  int32_t* images_by_time;  // [B]; those of time t are time_begin[t] and on
  int32_t* time_begin;      // [T + 1]
  CudaSplat<Real>* splats;  // [B N]
  uint32_t* total;          // [1], touches of all rows
  int32_t* tile_begin;      // [tiles + 1], in list
  uint32_t* ends;           // [B, H, W], PixelEnds
  // [max(room, B N)]: rows tile by tile, front to back; if there is too little
  // room for that, all rows front to back.
  uint32_t* list;
  // The image of the forward pass.
  const Real* alpha;  // [B, H, W]
  // If normals are drawn: splats with them in the place of colours, and what
  // lies behind them.
  CudaSplat<Real>* normal_splats;  // [B N]
  Real* black;                     // [B, 3]

  // Until the lists are made:
  uint32_t* order;        // [B N], rows front to back
  uint32_t* touches_end;  // [B N], touches of rows order[0] to order[k]

  // All in the same place. Until the touches are counted:
  DepthBits<Real>* depths[2];  // [B N]
  uint32_t* spare_order;       // [B N]
  uint32_t* touches;           // [B N]
  uint32_t* rows;              // order or spare_order: before they are sorted
  char* depth_sort;            // what the sort by depth needs beside these
  // Then, until tile_begin is known:
  uint32_t* tiles[2];    // as long as list
  uint32_t* spare_list;  // as long as list
  char* tile_sort;
  // In the backward pass:
  Real* sums;  // [rows of some images, kSums]
  // In a deterministic one (gaussian_raster_sums.h):
  ImageMaxima<Real>* maxima;         // [B]
  ImageMaxima<Real>* normal_maxima;  // [B]
  int64_t* exact_sums;               // [rows of some images, kSums]
};

// Images [begin, end), counted as the arrays have them.
struct ImageRange {
  int64_t begin, end;
};

struct TileGrid {
  int columns, rows;
  int per_image;
  int total;
};

// What a pixel keeps for the backward pass: how many of its list's entries
// there are up to the last one drawn, in the lower bits of a word, and light,
// what is left for the background. Of that, alpha lacks the last digits: light
// is a multiple of 2^-37 (of 2^-66 if Real is double), being at least 2^-14,
// and 1 - alpha is within 2^-25 (2^-54) of it. The difference fits in the
// word's upper bits, but where entries may exceed 2^18 - 1 and so need more
// bits: there it is rounded.
template <typename Real>
struct PixelEnds {
  int32_t last;
  Real light;

  static constexpr int kEntryBits = 18;
  static constexpr int kMost = 1 << 12;  // digits of the difference

  // Given that entries, of all images, are at most `rows`.
  __host__ __device__ static int BitsFor(int64_t rows) {
    int bits = kEntryBits;
    while (rows >> bits) ++bits;
    return bits;
  }
  // Digits are multiples of 2^e.
  __device__ static int Exponent(int bits) {
    return (sizeof(Real) == 4 ? -37 : -66) + bits - kEntryBits;
  }
  __device__ static uint32_t Pack(int32_t last, Real light, int bits) {
    const Real clear = 1 - (1 - light);
    const int64_t digits =
        RoundToInteger((light - clear) * PowerOfTwo<Real>(-Exponent(bits))) +
        (kMost >> (bits - kEntryBits));
    return static_cast<uint32_t>(digits) << bits | static_cast<uint32_t>(last);
  }
  __device__ static PixelEnds Unpack(uint32_t word, Real alpha, int bits) {
    const int digits =
        static_cast<int>(word >> bits) - (kMost >> (bits - kEntryBits));
    return {static_cast<int32_t>(word & ((1u << bits) - 1)),
            (1 - alpha) + Real(digits) * PowerOfTwo<Real>(Exponent(bits))};
  }
};

// Touches are counted up to this: more have no lists.
constexpr uint32_t kMostTouches = 1u << 30;

template <typename Real>
struct Scene {
  GaussianRasterInputs<Real> inputs;
  Arrays<Real> arrays;
  TileGrid grid;
  uint32_t room;   // touches
  int entry_bits;  // of PixelEnds

  __host__ __device__ int64_t rows() const {
    return inputs.images * inputs.count;
  }
  // Of all rows, once they are counted.
  __device__ uint32_t touches() const { return *arrays.total; }
  __device__ bool has_lists() const {
    return touches() <= room && touches() < kMostTouches;
  }
  int64_t list_size() const { return room > rows() ? room : rows(); }
};

// Views and images by time.
template <typename Real>
void LaunchPrepare(const Scene<Real>& scene, cudaStream_t stream);
// Splats; unless arrays.touches is null, also depths[0], `rows`, touches and
// radii.
template <typename Real>
void LaunchProject(const Scene<Real>& scene, int32_t* radii,
                   cudaStream_t stream);
// Stores the sums of some images in their splats.
template <typename Real>
void LaunchStoreSums(const Scene<Real>& scene, ImageRange range,
                     cudaStream_t stream);
// Gradients of the inputs, but for the background's, from stored sums.
template <typename Real>
void LaunchProjectBackward(const Scene<Real>& scene,
                           const GaussianRasterGradients<Real>& gradients,
                           cudaStream_t stream);

// The scene with normals in the place of colours: all that draws and
// differentiates does the same with it.
template <typename Real>
Scene<Real> NormalsOf(Scene<Real> scene) {
  scene.arrays.splats = scene.arrays.normal_splats;
  scene.arrays.maxima = scene.arrays.normal_maxima;
  scene.inputs.background = scene.arrays.black;
  return scene;
}
// Sets normal_splats and black.
template <typename Real>
void LaunchMakeNormals(const Scene<Real>& scene, cudaStream_t stream);
// Adds the gradients through normals to those of LaunchProjectBackward, which
// went before; `scene` is NormalsOf a scene.
template <typename Real>
void LaunchNormalsBackward(const Scene<Real>& scene,
                           const GaussianRasterGradients<Real>& gradients,
                           cudaStream_t stream);

// The sorts of a workspace. A sort leaves its values in either of two arrays,
// as it likes; if it starts with the right one, these are `order` and `list`.
// Which one that is, the last sort tells.
struct Sorts {
  // For these sizes:
  int64_t rows = -1, list_size = -1;
  // What they need, in bytes.
  size_t depth_bytes = 0, tile_bytes = 0;
  // Whether values end in the array where they started.
  bool order_stays = true, list_stays = true;
};
// Sets the bytes.
template <typename Real>
cudaError_t SetSortBytes(int64_t rows, int64_t list_size, Sorts& sorts);
// Sets `order`, touches_end and total.
template <typename Real>
cudaError_t SortByDepth(const Scene<Real>& scene, Sorts& sorts,
                        cudaStream_t stream);
// Sets list and tile_begin.
template <typename Real>
cudaError_t MakeLists(const Scene<Real>& scene, Sorts& sorts,
                      cudaStream_t stream);

template <typename Real>
void LaunchDraw(const Scene<Real>& scene,
                const GaussianRasterImages<Real*>& images, cudaStream_t stream);
// Maxima of all images, for deterministic passes.
template <typename Real>
void LaunchMaxima(const Scene<Real>& scene,
                  const GaussianRasterImages<const Real*>& image_gradients,
                  cudaStream_t stream);
// Sums of some images.
template <typename Real>
void LaunchDrawBackward(
    const Scene<Real>& scene,
    const GaussianRasterImages<const Real*>& image_gradients, ImageRange range,
    cudaStream_t stream);
template <typename Real>
void LaunchBackgroundBackward(const Scene<Real>& scene,
                              const Real* rgb_gradient,
                              Real* background_gradient, cudaStream_t stream);

}  // namespace dg4d::gaussian_raster

#endif  // DG4D_KERNELS_GAUSSIAN_RASTER_DEVICE_H_
