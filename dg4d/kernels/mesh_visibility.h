#ifndef DG4D_KERNELS_MESH_VISIBILITY_H_
#define DG4D_KERNELS_MESH_VISIBILITY_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "dg4d/kernels/mesh_raster.h"
#include "dg4d/kernels/mesh_raster_math.h"

namespace dg4d::mesh_raster {

// Private to the mesh kernels: the z-buffer on the CPU.

template <typename Real>
inline Vector3<double> Load(const Real* values) {
  return {double(values[0]), double(values[1]), double(values[2])};
}

// The corners of triangle `id` in one image's `positions` [V, 3].
template <typename Real>
inline void LoadCorners(const Real* positions, const int32_t* triangles,
                        int64_t id, Vector3<double> corners[3]) {
  for (int k = 0; k < 3; ++k) {
    corners[k] = Load(positions + 3 * int64_t{triangles[3 * id + k]});
  }
}

struct Sampling {
  int samples = 1;  // samples x samples of them a pixel
  // Only triangles that are counter-clockwise as seen; faster.
  bool front_only = false;
};

// Some rows of the samples of one image.
struct VisibleBand {
  int64_t image;
  int first_row;             // pixels
  int rows;                  // pixels
  const int32_t* triangles;  // [rows samples, W samples], -1 where empty
};

// Finds the nearest triangle at each sample and calls `body` for each band of
// each image, concurrently.
template <typename Real>
void ForEachVisibleBand(const MeshGeometry<Real>& geometry,
                        const Sampling& sampling,
                        absl::FunctionRef<void(const VisibleBand&)> body);

}  // namespace dg4d::mesh_raster

#endif  // DG4D_KERNELS_MESH_VISIBILITY_H_
