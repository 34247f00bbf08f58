#ifndef DG4D_GEOMETRY_INFLATION_HEMS_H_
#define DG4D_GEOMETRY_INFLATION_HEMS_H_

#include <vector>

#include "dg4d/geometry/inflation/plane.h"

namespace dg4d::inflation {

// A wide part that ends abruptly above thinner ones: the lower edge of a skirt,
// a coat, a cap. Seen as open below, it becomes a bell with legs under it
// instead of a closed sack.
struct Hem {
  int top;                   // the last row of full width
  int left;                  // first column
  std::vector<float> curve;  // for each column from `left`: the last row above
                             // the hem

  int right() const { return left + static_cast<int>(curve.size()); }
};

// The hems of `mask`, from top to bottom. `colours` (of the same size, sRGB)
// show where a hem runs in front of the legs below. A hem of width w counts
// only under a part that is at least w/2 wide over `min_aspect` w rows: this
// tells a skirt from the belly of a four-legged animal (0 accepts both).
std::vector<Hem> FindHems(const Mask& mask, const RgbPlane& colours,
                          double min_aspect);

}  // namespace dg4d::inflation

#endif  // DG4D_GEOMETRY_INFLATION_HEMS_H_
