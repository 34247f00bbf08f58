#ifndef DG4D_KERNELS_MESH_SCATTER_H_
#define DG4D_KERNELS_MESH_SCATTER_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "dg4d/base/parallel.h"

namespace dg4d::mesh_raster {

// Private to the mesh kernels. Sums what pixels add at scattered places.
//
// Image b adds to row target_of_image[b] (null: row 0; identity if `targets` ==
// `images`) of `total` [targets, size]: `body(image, row, sum)` adds what image
// row `row` does to `sum` [size]. Each target's rows are split into parts with
// a sum each, whose number depends on sizes alone; the parts combine in order.
struct ScatterShape {
  int64_t images = 0;
  int64_t height = 0;
  int64_t width = 0;
  int64_t targets = 0;
  int64_t size = 0;
  const int64_t* target_of_image = nullptr;
};

template <typename Real, typename Body>
void ScatterRows(const ScatterShape& shape, Real* total, Body body) {
  if (shape.targets == 0 || shape.size == 0) return;
  std::vector<std::vector<int64_t>> images_of_target(shape.targets);
  size_t most_images = 0;
  for (int64_t b = 0; b < shape.images; ++b) {
    const int64_t target = shape.target_of_image != nullptr
                               ? shape.target_of_image[b]
                               : (shape.targets == shape.images ? b : 0);
    images_of_target[target].push_back(b);
    most_images = std::max(most_images, images_of_target[target].size());
  }
  // A part costs clearing and adding `size` numbers: worth it for a few times
  // as many pixels.
  const int64_t pixels = int64_t(most_images) * shape.height * shape.width;
  const int64_t parts = std::clamp<int64_t>(pixels / (shape.size + 1), 1, 8);
  std::vector<Real> extra((parts - 1) * shape.targets * shape.size);

  ParallelFor(shape.targets * parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t target = i / parts, part = i % parts;
      Real* sum = part == 0 ? total + target * shape.size
                            : extra.data() + (target * (parts - 1) + part - 1) *
                                                 shape.size;
      std::fill(sum, sum + shape.size, Real(0));
      const std::vector<int64_t>& images = images_of_target[target];
      const int64_t rows = int64_t(images.size()) * shape.height;
      for (int64_t row = rows * part / parts; row < rows * (part + 1) / parts;
           ++row) {
        body(images[row / shape.height], row % shape.height, sum);
      }
    }
  });
  if (parts == 1) return;
  ParallelFor(shape.targets * shape.size, 16384,
              [&](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i) {
                  const Real* sums = extra.data() +
                                     i / shape.size * (parts - 1) * shape.size +
                                     i % shape.size;
                  for (int64_t part = 0; part < parts - 1; ++part) {
                    total[i] += sums[part * shape.size];
                  }
                }
              });
}

}  // namespace dg4d::mesh_raster

#endif  // DG4D_KERNELS_MESH_SCATTER_H_
