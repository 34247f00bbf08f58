#ifndef DG4D_GEOMETRY_INFLATION_HEIGHTS_H_
#define DG4D_GEOMETRY_INFLATION_HEIGHTS_H_

#include "dg4d/geometry/inflation/front_colours.h"
#include "dg4d/geometry/inflation/plane.h"

namespace dg4d::inflation {

struct HeightOptions {
  // Heights approach this limit softly; pixels of the picture.
  double highest = 58.8;
  // See FindHems.
  double hem_min_aspect = 0.6;
};

// How far the surface stands out in front of the plane through the silhouette:
// the union of all inscribed balls, lightly smoothed, cut flat where the object
// stands or leaves the picture, and open below hems. For a picture of S x S,
// planes are 2S x 2S: pixel (x, y) of the picture is at (2x + 0.5, 2y + 0.5).
struct Heights {
  Plane<float> squared;    // height^2, pixels^2 of the picture; 0 outside the
                           // object and its continuation
  Plane<float> inscribed;  // distance to the contour (of the object continued
                           // where it is cut flat), pixels of the picture; < 0
                           // outside
  int hems = 0;

  double Squared(double x, double y) const {
    return Sample(squared, 2 * x + 0.5, 2 * y + 0.5);
  }
  // Pixels, at the point (x, y) of the picture.
  double Height(double x, double y) const { return std::sqrt(Squared(x, y)); }
};

// Lengths are meant for S = 256 and scale with S.
Heights ComputeHeights(const Cutout& cutout, const RgbPlane& front_colours,
                       const HeightOptions& options);

}  // namespace dg4d::inflation

#endif  // DG4D_GEOMETRY_INFLATION_HEIGHTS_H_
