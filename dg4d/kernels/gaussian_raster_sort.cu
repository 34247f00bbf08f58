// The lists of splats that touch each tile, front to back: all rows are sorted
// by depth, then their touches, in that order, by tile. Radix sorts keep the
// order of equal keys, so few bits are sorted: those of the depth for each row,
// those of the tile for each touch.

#include <thrust/iterator/transform_iterator.h>

#include <algorithm>
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
__global__ void __launch_bounds__(kThreads)
    WriteTouches(Scene<Real> scene, uint32_t* list, int64_t list_size) {
  const Arrays<Real>& arrays = scene.arrays;
  const uint32_t rows = static_cast<uint32_t>(scene.rows());
  const bool has_lists = scene.has_lists();
  const uint32_t k = blockIdx.x * kThreads + threadIdx.x;
  // What lies after the touches sorts to the end. Without room for them,
  // everything does, and keeps the order of rows.
  for (int64_t touch = int64_t{k} + (has_lists ? scene.touches() : 0);
       touch < list_size; touch += int64_t{gridDim.x} * kThreads) {
    arrays.tiles[0][touch] = scene.grid.total;
  }
  if (k >= rows) return;
  const uint32_t row = arrays.order[k];
  if (!has_lists) {
    list[k] = row;
    return;
  }
  uint32_t touch = k == 0 ? 0 : arrays.touches_end[k - 1];
  const uint32_t end = arrays.touches_end[k];
  if (touch == end) return;
  const uint32_t image = row / static_cast<uint32_t>(scene.inputs.count);
  const CudaSplat<Real> splat = arrays.splats[row];
  ForTouchedTiles(splat, scene.grid, [&](int tile) {
    if (touch == end) return;
    arrays.tiles[0][touch] = image * scene.grid.per_image + tile;
    list[touch] = row;
    ++touch;
  });
  // The compiler fuses operations of this loop otherwise than where touches
  // were counted. A tile so near to the margin that rounding decides, where
  // nothing is drawn, may thus be counted and not be found, or not be counted.
  for (; touch < end; ++touch) arrays.tiles[0][touch] = scene.grid.total;
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
cudaError_t SetSortBytes(int64_t rows, int64_t list_size, Sorts& sorts) {
  size_t scan_bytes = 0;
  cub::DoubleBuffer<DepthBits<Real>> depths;
  cub::DoubleBuffer<uint32_t> values;
  cudaError_t error = cub::DeviceRadixSort::SortPairs(
      nullptr, sorts.depth_bytes, depths, values, rows, 0, kDepthBits<Real>);
  if (error != cudaSuccess) return error;
  const thrust::transform_iterator<TouchesOf, const uint32_t*> touches(
      nullptr, TouchesOf{nullptr});
  error = cub::DeviceScan::InclusiveScan(nullptr, scan_bytes, touches,
                                         static_cast<uint32_t*>(nullptr),
                                         CappedSum{}, rows);
  if (error != cudaSuccess) return error;
  sorts.depth_bytes = std::max(sorts.depth_bytes, scan_bytes);
  cub::DoubleBuffer<uint32_t> tiles;
  error = cub::DeviceRadixSort::SortPairs(nullptr, sorts.tile_bytes, tiles,
                                          values, list_size, 0, 32);
  sorts.rows = rows;
  sorts.list_size = list_size;
  return error;
}

template <typename Real>
cudaError_t SortByDepth(const Scene<Real>& scene, Sorts& sorts,
                        cudaStream_t stream) {
  const Arrays<Real>& arrays = scene.arrays;
  const int64_t rows = scene.rows();
  cub::DoubleBuffer<DepthBits<Real>> depths(arrays.depths[0], arrays.depths[1]);
  cub::DoubleBuffer<uint32_t> order(arrays.rows, arrays.rows == arrays.order
                                                     ? arrays.spare_order
                                                     : arrays.order);
  size_t bytes = sorts.depth_bytes;
  cudaError_t error =
      cub::DeviceRadixSort::SortPairs(arrays.depth_sort, bytes, depths, order,
                                      rows, 0, kDepthBits<Real>, stream);
  if (error != cudaSuccess) return error;
  sorts.order_stays = order.Current() == arrays.rows;
  if (order.Current() != arrays.order) {
    cudaMemcpyAsync(arrays.order, order.Current(), sizeof(uint32_t) * rows,
                    cudaMemcpyDeviceToDevice, stream);
  }
  const thrust::transform_iterator<TouchesOf, const uint32_t*> touches(
      arrays.order, TouchesOf{arrays.touches});
  bytes = sorts.depth_bytes;
  error = cub::DeviceScan::InclusiveScan(arrays.depth_sort, bytes, touches,
                                         arrays.touches_end, CappedSum{}, rows,
                                         stream);
  if (error != cudaSuccess) return error;
  return cudaMemcpyAsync(arrays.total, arrays.touches_end + rows - 1,
                         sizeof(uint32_t), cudaMemcpyDeviceToDevice, stream);
}

template <typename Real>
cudaError_t MakeLists(const Scene<Real>& scene, Sorts& sorts,
                      cudaStream_t stream) {
  const Arrays<Real>& arrays = scene.arrays;
  const unsigned tile_blocks = scene.grid.total / kThreads + 1;
  if (scene.rows() == 0) {
    FindTiles<<<tile_blocks, kThreads, 0, stream>>>(scene, nullptr);
    return cudaGetLastError();
  }
  const int64_t size = scene.list_size();
  uint32_t* const begin = sorts.list_stays ? arrays.list : arrays.spare_list;
  WriteTouches<<<static_cast<unsigned>((scene.rows() + kThreads - 1) /
                                       kThreads),
                 kThreads, 0, stream>>>(scene, begin, size);
  cub::DoubleBuffer<uint32_t> tiles(arrays.tiles[0], arrays.tiles[1]);
  cub::DoubleBuffer<uint32_t> list(
      begin, sorts.list_stays ? arrays.spare_list : arrays.list);
  size_t bytes = sorts.tile_bytes;
  const cudaError_t error = cub::DeviceRadixSort::SortPairs(
      arrays.tile_sort, bytes, tiles, list, size, 0, BitsFor(scene.grid.total),
      stream);
  if (error != cudaSuccess) return error;
  sorts.list_stays = list.Current() == begin;
  if (list.Current() != arrays.list) {
    cudaMemcpyAsync(arrays.list, list.Current(), sizeof(uint32_t) * size,
                    cudaMemcpyDeviceToDevice, stream);
  }
  FindTiles<<<tile_blocks, kThreads, 0, stream>>>(scene, tiles.Current());
  return cudaGetLastError();
}

#define DG4D_INSTANTIATE(Real)                                                \
  template cudaError_t SetSortBytes<Real>(int64_t, int64_t, Sorts&);          \
  template cudaError_t SortByDepth(const Scene<Real>&, Sorts&, cudaStream_t); \
  template cudaError_t MakeLists(const Scene<Real>&, Sorts&, cudaStream_t)

DG4D_INSTANTIATE(float);
DG4D_INSTANTIATE(double);

}  // namespace dg4d::gaussian_raster
