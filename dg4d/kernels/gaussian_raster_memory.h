#ifndef DG4D_KERNELS_GAUSSIAN_RASTER_MEMORY_H_
#define DG4D_KERNELS_GAUSSIAN_RASTER_MEMORY_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "dg4d/kernels/gaussian_raster_device.h"
#include "dg4d/kernels/gaussian_raster_sums.h"

// What lies where in the device memory of the CUDA rasteriser. Each function
// sets the arrays of one block and returns the block's bytes, also where there
// is no block yet.

namespace dg4d::gaussian_raster {

// A piece of device memory.
struct Block {
  std::shared_ptr<void> memory;
  size_t bytes = 0;

  char* data() const { return static_cast<char*>(memory.get()); }
  void Free() {
    memory.reset();
    bytes = 0;
  }
};

// Hands out arrays of a block; of none, it adds up their sizes.
class Layout {
 public:
  explicit Layout(char* data) : data_(data) {}

  template <typename T>
  void Place(int64_t count, T*& array) {
    array = data_ ? reinterpret_cast<T*>(data_ + bytes_) : nullptr;
    bytes_ += (count * sizeof(T) + 255) / 256 * 256;
  }
  size_t bytes() const { return bytes_; }

 private:
  char* data_;
  size_t bytes_ = 0;
};

template <typename Real>
size_t PlaceKept(const Scene<Real>& scene, char* data, Arrays<Real>& arrays) {
  const GaussianRasterInputs<Real>& in = scene.inputs;
  const int64_t rows = scene.rows();
  Layout layout(data);
  layout.Place(in.images, arrays.views);
  layout.Place(in.images, arrays.images_by_time);
  layout.Place(in.times + 1, arrays.time_begin);
  layout.Place(1, arrays.total);
  layout.Place(rows, arrays.splats);
  layout.Place(scene.grid.total + 1, arrays.tile_begin);
  layout.Place(in.images * in.width * in.height, arrays.ends);
  return layout.bytes();
}

template <typename Real>
size_t PlaceList(const Scene<Real>& scene, char* data, Arrays<Real>& arrays) {
  Layout layout(data);
  layout.Place(scene.list_size(), arrays.list);
  return layout.bytes();
}

template <typename Real>
size_t PlaceOrder(const Scene<Real>& scene, char* data, Arrays<Real>& arrays) {
  Layout layout(data);
  layout.Place(scene.rows(), arrays.order);
  layout.Place(scene.rows(), arrays.touches_end);
  return layout.bytes();
}

// How many images' sums the backward pass holds at a time. Those of a
// deterministic one are twice as large, so it holds half of them; as parts that
// do not fill the device cost time, no pass is cut into more.
template <typename Real>
int64_t ImagesAtOnce(const GaussianRasterInputs<Real>& in) {
  return in.deterministic ? (in.images + 1) / 2 : in.images;
}

// What different steps need lies in the same place: none needs what another
// left there.
template <typename Real>
size_t PlaceDepthSort(const Scene<Real>& scene, size_t sort_bytes, char* data,
                      Arrays<Real>& arrays) {
  Layout layout(data);
  layout.Place(scene.rows(), arrays.depths[0]);
  layout.Place(scene.rows(), arrays.depths[1]);
  layout.Place(scene.rows(), arrays.spare_order);
  layout.Place(scene.rows(), arrays.touches);
  layout.Place(sort_bytes, arrays.depth_sort);
  return layout.bytes();
}

template <typename Real>
size_t PlaceTileSort(const Scene<Real>& scene, size_t sort_bytes, char* data,
                     Arrays<Real>& arrays) {
  const int64_t size = scene.list_size();
  Layout layout(data);
  layout.Place(size, arrays.tiles[0]);
  layout.Place(size, arrays.tiles[1]);
  layout.Place(size, arrays.spare_list);
  layout.Place(sort_bytes, arrays.tile_sort);
  return layout.bytes();
}

template <typename Real>
size_t PlaceBackward(const Scene<Real>& scene, char* data,
                     Arrays<Real>& arrays) {
  const GaussianRasterInputs<Real>& in = scene.inputs;
  const int64_t sums = kSums * in.count * ImagesAtOnce(in);
  Layout layout(data);
  if (in.deterministic) {
    layout.Place(in.images, arrays.maxima);
    layout.Place(in.images, arrays.normal_maxima);
    layout.Place(sums, arrays.exact_sums);
  } else {
    layout.Place(sums, arrays.sums);
  }
  return layout.bytes();
}

template <typename Real>
size_t PlaceNormals(const Scene<Real>& scene, char* data,
                    Arrays<Real>& arrays) {
  Layout layout(data);
  layout.Place(scene.rows(), arrays.normal_splats);
  layout.Place(3 * scene.inputs.images, arrays.black);
  return layout.bytes();
}

}  // namespace dg4d::gaussian_raster

#endif  // DG4D_KERNELS_GAUSSIAN_RASTER_MEMORY_H_
