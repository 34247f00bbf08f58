#ifndef DG4D_GEOMETRY_INFLATION_GROUND_H_
#define DG4D_GEOMETRY_INFLATION_GROUND_H_

#include <vector>

#include "dg4d/geometry/inflation/plane.h"

namespace dg4d::inflation {

// Where an object stands it is cut flat and not rounded off: a statue gets a
// base instead of a wedge. The foot is taken to go on below the ground.
struct Foot {
  int left;                 // first column
  std::vector<int> ground;  // for each column the row below the lowest pixel
  // How far the foot goes on, rows: as far as the object is high above it, so
  // that a thing that lies flat gets no deeper than about twice its height.
  int depth;
};

// The flat feet of `mask`: runs of columns that end near its lowest row, mostly
// at one level.
std::vector<Foot> FindFeet(const Mask& mask);

}  // namespace dg4d::inflation

#endif  // DG4D_GEOMETRY_INFLATION_GROUND_H_
