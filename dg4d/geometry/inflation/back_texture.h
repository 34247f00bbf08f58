#ifndef DG4D_GEOMETRY_INFLATION_BACK_TEXTURE_H_
#define DG4D_GEOMETRY_INFLATION_BACK_TEXTURE_H_

#include "dg4d/geometry/inflation/plane.h"

namespace dg4d::inflation {

// Colours of the back, in the pixel frame of the front: what crosses the
// silhouette continues behind, what is enclosed (a face, buttons) belongs to
// the front alone and is filled with the materials around it.
RgbPlane BackTexture(const RgbPlane& front_colours, const Mask& mask);

// `back`, turning into `front` (FrontTexture) over the last pixels before the
// contour and beyond it, so that no seam shows where the two sides meet.
RgbPlane BlendAtRim(const RgbPlane& front, const RgbPlane& back,
                    const Mask& mask);

}  // namespace dg4d::inflation

#endif  // DG4D_GEOMETRY_INFLATION_BACK_TEXTURE_H_
