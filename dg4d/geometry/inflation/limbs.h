#ifndef DG4D_GEOMETRY_INFLATION_LIMBS_H_
#define DG4D_GEOMETRY_INFLATION_LIMBS_H_

#include <array>
#include <vector>

#include "dg4d/geometry/inflation/heights.h"
#include "dg4d/geometry/inflation/plane.h"

namespace dg4d::inflation {

// A long part that sticks out of the body: an arm, a tail, a leg.
struct Limb {
  std::array<double, 2> pivot;  // pixels: where it meets the body
  std::array<double, 2> tip;    // pixels: its farthest point from there
  double length;                // pixels, along the limb
  // Whether it reaches the ground: then the object stands on it.
  bool anchored;
  // How far each pixel takes part in the limb's motion: 0 at the pivot and on
  // the body, 1 at the tip. Defined everywhere.
  Plane<float> weight;
};

// The limbs of a cutout's `mask`, from its `heights`. What an opening with half
// the largest inscribed ball takes away, if it is long enough.
std::vector<Limb> FindLimbs(const Mask& mask, const Heights& heights);

}  // namespace dg4d::inflation

#endif  // DG4D_GEOMETRY_INFLATION_LIMBS_H_
