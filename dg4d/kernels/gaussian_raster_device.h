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
  uint32_t* order;          // [B N], rows front to back
  uint32_t* touches_end;    // [B N], touches of rows order[0] to order[k]
  uint32_t* list;           // [room], rows tile by tile, front to back
  int32_t* tile_begin;      // [tiles + 1], in list
  Real* light;              // [B, H, W], left for the background
  int32_t* last;            // [B, H, W], list entries up to the last one drawn
  // If normals are drawn: splats with them in the place of colours, and what
  // lies behind them.
  CudaSplat<Real>* normal_splats;  // [B N]
  Real* black;                     // [B, 3]

  uint32_t* rows[2];   // [B N], one of them is `order`
  uint32_t* lists[2];  // [room], one of them is `list`

  // All in the same place. Until the touches are counted:
  DepthBits<Real>* depths[2];  // [B N]
  uint32_t* touches;           // [B N]
  // Until tile_begin is known:
  uint32_t* tiles[2];  // [room]
  // In the backward pass:
  Real* sums;  // [B N, kSums]
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

// Touches are counted up to this: more have no lists.
constexpr uint32_t kMostTouches = 1u << 30;

template <typename Real>
struct Scene {
  GaussianRasterInputs<Real> inputs;
  Arrays<Real> arrays;
  TileGrid grid;
  uint32_t room;  // touches

  __host__ __device__ int64_t rows() const {
    return inputs.images * inputs.count;
  }
  // Of all rows, once they are counted.
  __device__ uint32_t touches() const {
    return rows() ? arrays.touches_end[rows() - 1] : 0;
  }
  __device__ bool has_lists() const {
    return touches() <= room && touches() < kMostTouches;
  }
};

// Views and images by time.
template <typename Real>
void LaunchPrepare(const Scene<Real>& scene, cudaStream_t stream);
// Splats, depths[0], rows[0], touches and radii.
template <typename Real>
void LaunchProject(const Scene<Real>& scene, int32_t* radii,
                   cudaStream_t stream);
// Gradients of the inputs, but for the background's, from the sums of some
// images: adds to those of the images before, if there are any. All images but
// in deterministic passes.
template <typename Real>
void LaunchProjectBackward(const Scene<Real>& scene,
                           const GaussianRasterGradients<Real>& gradients,
                           ImageRange range, cudaStream_t stream);

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
                           ImageRange range, cudaStream_t stream);

// What the sorts need, in bytes; `temporary` is that.
template <typename Real>
cudaError_t SortBytes(int64_t rows, int64_t room, size_t& bytes);
// Sets `order` and touches_end.
template <typename Real>
cudaError_t SortByDepth(Scene<Real>& scene, void* temporary, size_t bytes,
                        cudaStream_t stream);
// Sets list and tile_begin, unless there is too little room.
template <typename Real>
cudaError_t MakeLists(Scene<Real>& scene, void* temporary, size_t bytes,
                      cudaStream_t stream);

template <typename Real>
void LaunchDraw(const Scene<Real>& scene,
                const GaussianRasterImages<Real*>& images, cudaStream_t stream);
// Maxima of all images, for deterministic passes.
template <typename Real>
void LaunchMaxima(const Scene<Real>& scene,
                  const GaussianRasterImages<const Real*>& image_gradients,
                  cudaStream_t stream);
// Sums of some images; of all but in deterministic passes.
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
