#ifndef DG4D_GEOMETRY_INFLATION_SURFACE_GAUSSIANS_H_
#define DG4D_GEOMETRY_INFLATION_SURFACE_GAUSSIANS_H_

#include "dg4d/geometry/inflation/inflate.h"
#include "dg4d/scene/gaussians.h"

namespace dg4d::inflation {

struct SurfaceGaussianOptions {
  // Variance that the renderer adds on the screen (pixels^2 of the picture).
  // Discs at the rim are set back by it, else their tails make a halo.
  double low_pass = 0.3;
  // A square of the picture is split while its colours deviate by more (Lab).
  double colour_tolerance = 3;
  double rim_spacing = 1.6;  // pixels between discs on steep parts
};

// Flat Gaussians that cover the surface: squares of 1 to 4 pixels in front and
// 2 to 4 behind, finer where colours or heights change, and small discs on the
// steep parts and the walls. Colours are of degree 0.
Gaussians SurfaceGaussians(const Inflation& inflation,
                           const SurfaceGaussianOptions& options = {});

}  // namespace dg4d::inflation

#endif  // DG4D_GEOMETRY_INFLATION_SURFACE_GAUSSIANS_H_
