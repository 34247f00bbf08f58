#ifndef DG4D_GEOMETRY_SOLID_FILL_H_
#define DG4D_GEOMETRY_SOLID_FILL_H_

#include "dg4d/geometry/block_grid.h"

namespace dg4d {

struct SolidFillOptions {
  // Samples of at least this density belong to the object.
  double threshold = 0.2;
  // Gaps in the shell are sealed up to about twice as many voxels wide; 0 to
  // 6. Spaces as narrow as that are still kept open where they do not lead
  // inside, as between an arm and the body.
  int seal_radius = 4;
};

// Makes a solid of a shell: a field that is positive inside, negative outside,
// and crosses zero where `density` comes up to the threshold from outside.
// Clamped to +-2; between, it is the logarithm of density / threshold, which a
// Gaussian flank crosses almost linearly. The outermost blocks of `density`
// must be constant and below the threshold (as DensityGrid makes them).
//
// Outside is what can be reached from the border through samples below the
// threshold; everything else is inside. Where the shell has gaps, both sides
// are seeded with the samples further than seal_radius from any of the object,
// told apart by their connection to the border, and grow towards each other in
// the order of that distance, so that they meet where the gap is narrowest (a
// watershed, Vincent & Soille 1991). The groove that this leaves in the outer
// side of a gap is filled.
BlockGrid SolidFill(const BlockGrid& density, const SolidFillOptions& options);

}  // namespace dg4d

#endif  // DG4D_GEOMETRY_SOLID_FILL_H_
