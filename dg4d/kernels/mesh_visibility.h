#ifndef DG4D_KERNELS_MESH_VISIBILITY_H_
#define DG4D_KERNELS_MESH_VISIBILITY_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "dg4d/kernels/mesh_raster.h"
#include "dg4d/kernels/mesh_raster_math.h"
#include "dg4d/kernels/mesh_visibility_math.h"

namespace dg4d::mesh_raster {

// Private to the mesh kernels: the z-buffer on the CPU.

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
