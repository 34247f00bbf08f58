#ifndef DG4D_KERNELS_MESH_ANTIALIAS_H_
#define DG4D_KERNELS_MESH_ANTIALIAS_H_

#include <cstdint>

#include "dg4d/kernels/mesh_raster.h"

namespace dg4d {

// Smooths silhouettes, and so makes what is seen where differentiable in the
// vertices (Laine et al. 2020, section 3.5).
//
// Where two adjacent pixels show different triangles and the nearer surface
// ends in a silhouette edge between their centres, at t of the way, the pixel
// that the edge passes blends |t - 1/2| of the other's colour. Unlike there,
//  - the surface is followed across its triangles to its edge, so meshes finer
//    than a pixel are smoothed too;
//  - an edge acts along the axis nearest to its normal alone, first all along
//    x, then all along y. A straight edge then covers what it covers, instead
//    of counting twice, and no pixel leaves the range of its neighbours.

// The triangles next to each: `neighbors` [T, 3] at [t, k] is the one across
// the edge of t that is opposite its corner k; -1 where there is none, or more
// than one: there the surface counts as ending. Edges are equal if their
// vertices' rows are, so weld vertices; seams of UVs have rows of their own.
void FindMeshNeighborsCpu(const int32_t* triangles, int64_t triangle_count,
                          int64_t vertex_count, int32_t* neighbors);

// What was seen, from RasterizeMeshCpu.
template <typename Real>
struct MeshSilhouettes {
  const int32_t* triangle_ids = nullptr;  // [B, H, W]
  const Real* depth = nullptr;            // [B, H, W]
  const int32_t* neighbors = nullptr;     // [T, 3]
};

// Writes `smooth` [B, H, W, C] from the composited `colors` [B, H, W, C] (alpha
// may be one of the channels), and `weights` [B, H, W, 2] for the backward
// pass.
template <typename Real>
void AntialiasMeshCpu(const MeshGeometry<Real>& geometry,
                      const MeshSilhouettes<Real>& silhouettes,
                      int64_t channels, const Real* colors, Real* weights,
                      Real* smooth);

// Writes `color_gradients` [B, H, W, C] and `position_gradients` [B, V, 3].
template <typename Real>
void AntialiasMeshVjpCpu(const MeshGeometry<Real>& geometry,
                         const MeshSilhouettes<Real>& silhouettes,
                         int64_t channels, const Real* colors,
                         const Real* weights, const Real* smooth_gradients,
                         Real* color_gradients, Real* position_gradients);

}  // namespace dg4d

#endif  // DG4D_KERNELS_MESH_ANTIALIAS_H_
