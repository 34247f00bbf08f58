#ifndef DG4D_GEOMETRY_INFLATION_DISTANCE_H_
#define DG4D_GEOMETRY_INFLATION_DISTANCE_H_

#include "dg4d/geometry/inflation/plane.h"

namespace dg4d::inflation {

// Distance where there is nothing to measure to.
inline constexpr float kNoDistance = 1e6f;

// Exact Euclidean distance from each pixel centre to that of the nearest set
// pixel of `mask` (0 on set pixels); kNoDistance if none is set.
Plane<float> DistanceTo(const Mask& mask);

// Distance inside `mask` to the nearest pixel outside: 1 on the edge, 0
// outside, kNoDistance if every pixel is set.
Plane<float> DistanceInside(const Mask& mask);

// Index (y * width + x) of the nearest set pixel; -1 everywhere if none is.
Plane<int> NearestSet(const Mask& mask);

// The squared height of the union of all maximal inscribed balls:
//   u(x) = max over c with D(c) > 0 of D(c)^2 - |x - c|^2, at least 0,
// and 0 where D <= 0, for the distance to the contour D. It is an upper
// envelope of parabolas of one width, hence separable and linear in the pixels
// (Felzenszwalb & Huttenlocher 2004).
Plane<float> SquaredBallHeights(const Plane<float>& distance);

}  // namespace dg4d::inflation

#endif  // DG4D_GEOMETRY_INFLATION_DISTANCE_H_
