#ifndef DG4D_GEOMETRY_DENSITY_GRID_H_
#define DG4D_GEOMETRY_DENSITY_GRID_H_

#include "absl/status/statusor.h"
#include "dg4d/geometry/block_grid.h"
#include "dg4d/geometry/vec3.h"
#include "dg4d/scene/gaussians.h"

namespace dg4d {

struct DensityOptions {
  // World units between samples: the size of a pixel of the reference at the
  // object keeps what the picture shows.
  double voxel_size = 0;
  // Gaussians of lower opacity are left out.
  double min_opacity = 0.005;
  // Standard deviation, in voxels, of the filter that each Gaussian is widened
  // by, as the screen-space filter of 0.3 pixels^2 widens it in a rendering
  // (Zwicker et al. 2001). Without one, discs thinner than a voxel fall
  // between samples.
  double low_pass = 0.55;
  // Gaussians centred outside this box are left out.
  Vec3 lower = {-2, -2, -2};
  Vec3 upper = {2, 2, 2};
};

// The density sum_i opacity_i exp(-d_i^T Sigma_i^-1 d_i / 2), d_i = p - mean_i,
// of the Gaussians on a grid that holds them all. Each touches only samples
// within three standard deviations. Blocks near none are constant 0, the
// outermost ones among them.
//
// FailedPrecondition if no Gaussian is left; InvalidArgument for a voxel size
// that is not positive or makes too large a grid.
absl::StatusOr<BlockGrid> DensityGrid(const Gaussians& gaussians,
                                      const DensityOptions& options);

}  // namespace dg4d

#endif  // DG4D_GEOMETRY_DENSITY_GRID_H_
