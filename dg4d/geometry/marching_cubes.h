#ifndef DG4D_GEOMETRY_MARCHING_CUBES_H_
#define DG4D_GEOMETRY_MARCHING_CUBES_H_

#include "dg4d/geometry/block_grid.h"
#include "dg4d/scene/mesh.h"

namespace dg4d {

// The surface where `grid` crosses `level` (Lorensen & Cline 1987), with
// vertices and triangles only. Larger values are inside; triangles face
// outwards, counter-clockwise. Samples equal to `level` are outside.
//
// If the outermost samples are all outside, the mesh is closed and every edge
// and vertex of it is manifold, for any field: where a face of a cell is
// ambiguous, both cells at it keep its inside corners apart, and no polygon is
// cut along a face (Nielson & Hamann 1991 describe what goes wrong otherwise).
// The order of vertices and triangles depends on the grid alone.
Mesh MarchingCubes(const BlockGrid& grid, float level);

}  // namespace dg4d

#endif  // DG4D_GEOMETRY_MARCHING_CUBES_H_
