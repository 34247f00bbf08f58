#ifndef DG4D_KERNELS_GAUSSIAN_RASTER_TILES_H_
#define DG4D_KERNELS_GAUSSIAN_RASTER_TILES_H_

#include "dg4d/kernels/gaussian_raster_device.h"

namespace dg4d::gaussian_raster {

template <typename Real>
__device__ inline int TileAt(Real pixel, int tiles) {
  if (!(pixel > 0)) return 0;
  if (pixel >= Real(tiles) * kCudaTile) return tiles - 1;
  return static_cast<int>(pixel) / kCudaTile;
}

// Calls `visit` with the tiles of its image that a drawn splat touches.
template <typename Real, typename Visit>
__device__ inline void ForTouchedTiles(const CudaSplat<Real>& splat,
                                       const TileGrid& grid, Visit visit) {
  const int left = TileAt(splat.mean[0] - splat.half_extent[0], grid.columns);
  const int right = TileAt(splat.mean[0] + splat.half_extent[0], grid.columns);
  const int top = TileAt(splat.mean[1] - splat.half_extent[1], grid.rows);
  const int bottom = TileAt(splat.mean[1] + splat.half_extent[1], grid.rows);
  for (int row = top; row <= bottom; ++row) {
    for (int column = left; column <= right; ++column) {
      const Real x0 = Real(column * kCudaTile), y0 = Real(row * kCudaTile);
      if (TouchesRectangle<Real>(splat, x0, y0, x0 + (kCudaTile - 1),
                                 y0 + (kCudaTile - 1))) {
        visit(row * grid.columns + column);
      }
    }
  }
}

}  // namespace dg4d::gaussian_raster

#endif  // DG4D_KERNELS_GAUSSIAN_RASTER_TILES_H_
