#ifndef DG4D_GEOMETRY_MESH_REPAIR_H_
#define DG4D_GEOMETRY_MESH_REPAIR_H_

#include <cstdint>

#include "dg4d/scene/mesh.h"

namespace dg4d {

// These work on surfaces: they read and write vertices and triangles, and
// return meshes without normals and texture. A closed manifold stays one.

// `mesh` without the parts (triangles joined by edges) whose bounding box has a
// diagonal below `least_diagonal`, a fraction of that of the whole, and without
// the vertices that no triangle uses. Of what remains the order is kept. The
// largest part is always kept.
Mesh RemoveSmallComponents(const Mesh& mesh, double least_diagonal);

struct SmoothOptions {
  int iterations = 10;
  // Shares of the way to the mean of its neighbours that each vertex goes in
  // turns; the second, negative, undoes the shrinking of the first.
  double shrink = 0.5;
  double grow = -0.53;
};

// `mesh` with its noise smoothed and its size kept (Taubin 1995, "A signal
// processing approach to fair surface design"). All neighbours of a vertex
// count alike, which also evens out the slivers of marching cubes. (Open3D's
// weighs them by the inverse of their distance, which does not: of a sphere of
// 125,000 triangles it leaves a mean quality, 1 for equilateral ones, of 0.73
// and needles of 0.00; this 0.90, none below 0.41.)
Mesh SmoothTaubin(const Mesh& mesh, const SmoothOptions& options);

struct DecimateOptions {
  int64_t target_triangles = 25000;
  // How much nearness to what vertices it replaces counts against nearness to
  // their planes in the place of a vertex: keeps triangles of flat regions from
  // becoming slivers.
  double regularity = 0.01;
};

// `mesh`, which must be a closed manifold, with fewer triangles: the target, or
// more if no edge is left that can go. Collapses edges in the order of the
// squared distance to the planes they stood for (Garland & Heckbert 1997). An
// edge whose collapse would change the topology (Dey et al. 1999, the link
// condition) or turn a triangle over stays, so that the result is a closed
// manifold of as many parts and holes. (Open3D's decimation does not look and
// now and then pinches thin limbs.)
Mesh Decimate(const Mesh& mesh, const DecimateOptions& options);

}  // namespace dg4d

#endif  // DG4D_GEOMETRY_MESH_REPAIR_H_
