#ifndef DG4D_GEOMETRY_TUNNEL_FILL_H_
#define DG4D_GEOMETRY_TUNNEL_FILL_H_

#include "absl/functional/function_ref.h"
#include "dg4d/geometry/block_grid.h"
#include "dg4d/geometry/vec3.h"

namespace dg4d {

// A solid without the tunnels that nothing shows to be there. `field` is
// positive inside, as SolidFill makes it, and its outermost blocks are constant
// and outside; `is_seen_empty(p)` says whether the background is seen through
// the point p, and may be called from several threads.
//
// A density blurs what is close together: a hem grows onto the leg below it, a
// hand onto the hip, and spaces that are one in the object come to lead around
// the place as a tunnel, each a handle of the surface. Seen space stays as it
// is, so a tunnel that is looked through stays a tunnel. From there the outside
// grows into the rest of the free space, where that is wide first, but never
// such that it meets itself (Bertrand 1994, "Simple points, topological numbers
// and geodesic neighborhoods in cubic grids"): where it would, a wall of one
// sample is left, across the tunnel where it is narrowest. Nothing of the solid
// is removed. In- and outside are connected as MarchingCubes connects them.
BlockGrid FillTunnels(const BlockGrid& field,
                      absl::FunctionRef<bool(const Vec3&)> is_seen_empty);

}  // namespace dg4d

#endif  // DG4D_GEOMETRY_TUNNEL_FILL_H_
