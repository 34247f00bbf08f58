#ifndef DG4D_GEOMETRY_INFLATION_SURFACE_GAUSSIANS_H_
#define DG4D_GEOMETRY_INFLATION_SURFACE_GAUSSIANS_H_

#include "absl/status/status.h"
#include "dg4d/geometry/inflation/inflate.h"
#include "dg4d/scene/gaussians.h"

namespace dg4d::inflation {

struct SurfaceGaussianOptions {
  double low_pass = 0.3;
  double colour_tolerance = 3;
  double rim_spacing = 1.6;

  template <typename V>
  void Visit(V& v) {
    v("low_pass", low_pass,
      "Variance that the renderer adds on the screen, in pixels^2 of the "
      "geometry: discs at the rim are set back by it, else they make a halo.");
    v("colour_tolerance", colour_tolerance,
      "A square is split while its colours deviate by more (CIE Lab).");
    v("rim_spacing", rim_spacing,
      "Pixels of the geometry between discs on steep parts.");
  }
  absl::Status Validate() const;
};

// Flat Gaussians that cover the surface: squares of 1 to 4 pixels in front and
// 2 to 4 behind, finer where colours or heights change, and small discs on the
// steep parts and the walls. Colours are of degree 0.
Gaussians SurfaceGaussians(const Inflation& inflation,
                           const SurfaceGaussianOptions& options = {});

}  // namespace dg4d::inflation

#endif  // DG4D_GEOMETRY_INFLATION_SURFACE_GAUSSIANS_H_
