#ifndef DG4D_GEOMETRY_INFLATION_SEGMENTS_H_
#define DG4D_GEOMETRY_INFLATION_SEGMENTS_H_

#include <vector>

#include "dg4d/geometry/inflation/plane.h"

namespace dg4d::inflation {

// A cutout parted by colour: first into clusters of like colour (materials),
// then into connected segments, of which neighbours that hardly differ are
// merged.
struct Segmentation {
  Plane<int> cluster;        // -1 outside the mask
  std::vector<Rgb> colours;  // of each cluster: the mean (0.6 L, a, b)
  Plane<int> segment;        // -1 outside the mask
  int segments = 0;
};
Segmentation SegmentColours(const RgbPlane& rgb, const Mask& mask);

}  // namespace dg4d::inflation

#endif  // DG4D_GEOMETRY_INFLATION_SEGMENTS_H_
