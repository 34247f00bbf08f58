// The lists of splats that touch each tile, front to back: all rows are sorted
// by depth, then their touches, in that order, by tile. Radix sorts keep the
// order of equal keys, so few bits are sorted: those of the depth for each row,
// those of the tile for each touch.

#include <thrust/iterator/transform_iterator.h>

#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_scan.cuh>

#include "dg4d/kernels/gaussian_raster_device.h"
#include "dg4d/kernels/gaussian_raster_tiles.h"

namespace dg4d::gaussian_raster {
namespace {

constexpr int kThreads = 256;

struct TouchesOf {
  const uint32_t* touches;
  __host__ __device__ uint32_t operator()(uint32_t row) const {
    return touches[row];
  }
};

// No term and no sum exceeds kMostTouches.
struct CappedSum {
  __host__ __device__ uint32_t operator()(uint32_t a, uint32_t b) const {
    const uint32_t sum = a + b;
    return sum < kMostTouches ? sum : kMostTouches;
  }
};

int BitsFor(uint32_t most) {
  int bits = 1;
  while (most >> bits) ++bits;
  return bits;
}

template <typename Real>
constexpr int kDepthBits = sizeof(DepthBits<Real>) * 8 - 1;

template <typename Real>
__global__ void __launch_bounds__(kThreads) WriteTouches(Scene<Real> scene) {
  const Arrays<Real>& arrays = scene.arrays;
  const uint32_t rows = static_cast<uint32_t>(scene.rows());
  if (!scene.has_lists()) return;
  const uint32_t touches = scene.touches();
  const uint32_t k = blockIdx.x * kThreads + threadIdx.x;
  // What lies after the touches sorts to the end.
  for (uint32_t touch = touches + k; touch < scene.room;
       touch += gridDim.x * kThreads) {
    arrays.tiles[0][touch] = scene.grid.total;
  }
  if (k >= rows) return;
  const uint32_t row = arrays.order[k];
  uint32_t touch = k == 0 ? 0 : arrays.touches_end[k - 1];
  if (touch == arrays.touches_end[k]) return;
  const uint32_t image = row / static_cast<uint32_t>(scene.inputs.count);
  const CudaSplat<Real> splat = arrays.splats[row];
  ForTouchedTiles(splat, scene.grid, [&](int tile) {
    arrays.tiles[0][touch] = image * scene.grid.per_image + tile;
    arrays.lists[0][touch] = row;
    ++touch;
  });
}

// A thread per tile looks where its list begins.
template <typename Real>
__global__ void __launch_bounds__(kThreads)
    FindTiles(Scene<Real> scene, const uint32_t* sorted_tiles) {
  const int tile = blockIdx.x * kThreads + threadIdx.x;
  if (tile > scene.grid.total) return;
  if (!scene.has_lists()) return;
  uint32_t begin = 0, end = scene.touches();
  while (begin < end) {
    const uint32_t middle = (begin + end) / 2;
    if (sorted_tiles[middle] < static_cast<uint32_t>(tile)) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  scene.arrays.tile_begin[tile] = static_cast<int32_t>(begin);
}

}  // namespace

template <typename Real>
cudaError_t SortBytes(int64_t rows, int64_t room, size_t& bytes) {
  size_t needed[3] = {};
  cub::DoubleBuffer<DepthBits<Real>> depths;
  cub::DoubleBuffer<uint32_t> values;
  cudaError_t error = cub::DeviceRadixSort::SortPairs(
      nullptr, needed[0], depths, values, rows, 0, kDepthBits<Real>);
  if (error != cudaSuccess) return error;
  const thrust::transform_iterator<TouchesOf, const uint32_t*> touches(
      nullptr, TouchesOf{nullptr});
  error = cub::DeviceScan::InclusiveScan(nullptr, needed[1], touches,
                                         static_cast<uint32_t*>(nullptr),
                                         CappedSum{}, rows);
  if (error != cudaSuccess) return error;
  cub::DoubleBuffer<uint32_t> tiles;
  error = cub::DeviceRadixSort::SortPairs(nullptr, needed[2], tiles, values,
                                          room, 0, 32);
  bytes = 0;
  for (const size_t size : needed) bytes = size > bytes ? size : bytes;
  return error;
}

template <typename Real>
cudaError_t SortByDepth(Scene<Real>& scene, void* temporary, size_t bytes,
                        cudaStream_t stream) {
  Arrays<Real>& arrays = scene.arrays;
  cub::DoubleBuffer<DepthBits<Real>> depths(arrays.depths[0], arrays.depths[1]);
  cub::DoubleBuffer<uint32_t> rows(arrays.rows[0], arrays.rows[1]);
  size_t room = bytes;
  cudaError_t error = cub::DeviceRadixSort::SortPairs(
      temporary, room, depths, rows, scene.rows(), 0, kDepthBits<Real>, stream);
  if (error != cudaSuccess) return error;
  arrays.order = rows.Current();
  const thrust::transform_iterator<TouchesOf, const uint32_t*> touches(
      arrays.order, TouchesOf{arrays.touches});
  room = bytes;
  return cub::DeviceScan::InclusiveScan(temporary, room, touches,
                                        arrays.touches_end, CappedSum{},
                                        scene.rows(), stream);
}

template <typename Real>
cudaError_t MakeLists(Scene<Real>& scene, void* temporary, size_t bytes,
                      cudaStream_t stream) {
  Arrays<Real>& arrays = scene.arrays;
  const unsigned tile_blocks = scene.grid.total / kThreads + 1;
  if (scene.rows() == 0) {
    FindTiles<<<tile_blocks, kThreads, 0, stream>>>(scene, nullptr);
    return cudaGetLastError();
  }
  WriteTouches<<<static_cast<unsigned>((scene.rows() + kThreads - 1) /
                                       kThreads),
                 kThreads, 0, stream>>>(scene);
  cub::DoubleBuffer<uint32_t> tiles(arrays.tiles[0], arrays.tiles[1]);
  cub::DoubleBuffer<uint32_t> lists(arrays.lists[0], arrays.lists[1]);
  const cudaError_t error = cub::DeviceRadixSort::SortPairs(
      temporary, bytes, tiles, lists, int64_t{scene.room}, 0,
      BitsFor(scene.grid.total), stream);
  if (error != cudaSuccess) return error;
  arrays.list = lists.Current();
  FindTiles<<<tile_blocks, kThreads, 0, stream>>>(scene, tiles.Current());
  return cudaGetLastError();
}

#define DG4D_INSTANTIATE(Real)                                                 \
  template cudaError_t SortBytes<Real>(int64_t, int64_t, size_t&);             \
  template cudaError_t SortByDepth(Scene<Real>&, void*, size_t, cudaStream_t); \
  template cudaError_t MakeLists(Scene<Real>&, void*, size_t, cudaStream_t)

DG4D_INSTANTIATE(float);
DG4D_INSTANTIATE(double);

}  // namespace dg4d::gaussian_raster
