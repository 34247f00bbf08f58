#ifndef DG4D_GEOMETRY_INFLATION_FRONT_COLOURS_H_
#define DG4D_GEOMETRY_INFLATION_FRONT_COLOURS_H_

#include "dg4d/geometry/inflation/plane.h"

namespace dg4d::inflation {

// A picture cut out of its background, straight alpha.
struct Cutout {
  RgbPlane rgb;
  Plane<float> alpha;

  int size() const { return alpha.width; }  // pictures are square
  Mask mask() const;                        // alpha > 0.5
};

// Colours of the front that are defined everywhere and carry no background:
// pixels that are not opaque, and all beyond the object, take the colour of the
// nearest opaque pixel. Semi-transparent pixels inside the object count as
// opaque over white, since that is how the picture is shown.
RgbPlane FrontColours(const Cutout& cutout);

// FrontColours averaged along the contour by about one pixel: what the front of
// the surface is textured with.
RgbPlane FrontTexture(const RgbPlane& front_colours, const Mask& mask);

}  // namespace dg4d::inflation

#endif  // DG4D_GEOMETRY_INFLATION_FRONT_COLOURS_H_
