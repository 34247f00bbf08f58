#ifndef DG4D_GEOMETRY_INFLATION_SHEET_H_
#define DG4D_GEOMETRY_INFLATION_SHEET_H_

#include <array>
#include <vector>

#include "dg4d/geometry/inflation/plane.h"

namespace dg4d::inflation {

// A flat triangulation of the inside of a cutout, in pixels.
struct Sheet {
  std::vector<std::array<double, 2>> points;  // x, y
  // Counter-clockwise as seen on the screen (y is down).
  std::vector<std::array<int, 3>> triangles;
  // The edges with one triangle, directed as in that triangle. Each contour
  // point begins one and ends one.
  std::vector<std::array<int, 2>> contour;
};

// Marching squares of `alpha` at 0.5, with a ring of zeros around the picture.
// Pixel centres inside are points; a contour point lies where alpha crosses,
// not closer than 0.02 pixels to a pixel centre. Pixels that touch by a corner
// alone are joined by a bridge where alpha between them is at least 0.5, and
// apart elsewhere; they never share just a point, so that the sheet can be
// closed to a manifold.
Sheet MarchingSquares(const Plane<float>& alpha);

}  // namespace dg4d::inflation

#endif  // DG4D_GEOMETRY_INFLATION_SHEET_H_
