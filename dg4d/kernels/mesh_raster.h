#ifndef DG4D_KERNELS_MESH_RASTER_H_
#define DG4D_KERNELS_MESH_RASTER_H_

#include <cstdint>

namespace dg4d {

// Differentiable drawing of triangle meshes in steps, each a function with a
// backward twin (`...Vjp...`): project vertices, find the triangle seen at each
// pixel, interpolate attributes there; mesh_texture.h then looks colours up and
// mesh_antialias.h smooths silhouettes (the steps of Laine et al. 2020,
// "Modular primitives for high-performance differentiable rendering").
// mesh_coverage.h draws a mesh in one call where no gradients are wanted.
//
// All arrays are dense, row-major, on the host, of `Real` = float or double.
// Pixel (0, 0) is the top left; its centre is at (0.5, 0.5). Backward functions
// overwrite their outputs; null inputs count as zero, null outputs are not
// computed. Bytes do not depend on the number of threads.

// Meshes of one topology and the cameras that see them.
template <typename Real>
struct MeshProjection {
  int64_t meshes = 0;                      // M
  int64_t vertex_count = 0;                // V
  int64_t images = 0;                      // B
  int width = 0;                           // W, pixels
  int height = 0;                          // H
  const Real* vertices = nullptr;          // [M, V, 3], world units
  const int64_t* mesh_of_image = nullptr;  // [B], in [0, M)
  // Rigid; the view's axes are x right, y down, z forward.
  const Real* view_from_world = nullptr;  // [B, 3, 4]
  const Real* focal_lengths = nullptr;    // [B, 2], pixels, along x and y
};

// Writes `positions` [B, V, 3]: homogeneous pixel coordinates (x z, y z, z),
// where (x, y) is the pixel that vertex is seen at and z its depth along the
// viewing axis. Defined also behind the camera.
template <typename Real>
void ProjectMeshCpu(const MeshProjection<Real>& projection, Real* positions);

// Writes `vertex_gradients` [M, V, 3].
template <typename Real>
void ProjectMeshVjpCpu(const MeshProjection<Real>& projection,
                       const Real* position_gradients, Real* vertex_gradients);

// Projected triangles, the input of every later step.
template <typename Real>
struct MeshGeometry {
  int64_t images = 0;                  // B
  int64_t vertex_count = 0;            // V
  int64_t triangle_count = 0;          // T, may be 0
  int width = 0;                       // W, at least 1
  int height = 0;                      // H, at least 1
  const Real* positions = nullptr;     // [B, V, 3], as of ProjectMeshCpu
  const int32_t* triangles = nullptr;  // [T, 3], in [0, V)
  // What is nearer or further (world units along the viewing axis, 0 < near <
  // far) is cut away, exactly, pixel by pixel.
  Real near = Real(0.01);
  Real far = Real(100);
};

// What is seen at each pixel's centre, or gradients with respect to it.
template <typename Real>
struct MeshFragments {
  // Weights of the triangle's corners 0 and 1 at the point that is seen; that
  // of corner 2 is what they lack to 1. Perspective-correct. 0 where empty.
  Real* barycentrics = nullptr;  // [B, H, W, 2]
  // d(barycentric i)/d(pixel x, y) at [.., i, 0 or 1]. 0 where empty.
  Real* barycentric_derivatives = nullptr;  // [B, H, W, 2, 2]
  Real* depth = nullptr;  // [B, H, W], along the viewing axis; 0 where empty
};

// Finds the nearest triangle at each pixel's centre: its row into
// `triangle_ids` [B, H, W], -1 where there is none, and `fragments`.
//
// Both sides of a triangle are seen. A centre on an edge that two triangles
// share belongs to exactly one of them (top-left rule; exact also where
// triangles pass the camera's plane). Of two triangles at equal depth the first
// is seen. Triangles without area in the image, or with positions that are not
// finite, are not seen.
template <typename Real>
void RasterizeMeshCpu(const MeshGeometry<Real>& geometry, int32_t* triangle_ids,
                      const MeshFragments<Real>& fragments);

// Writes `position_gradients` [B, V, 3]. Which triangle is seen where counts as
// constant: what changes there is the matter of mesh_antialias.h.
template <typename Real>
void RasterizeMeshVjpCpu(const MeshGeometry<Real>& geometry,
                         const int32_t* triangle_ids,
                         const MeshFragments<const Real>& fragment_gradients,
                         Real* position_gradients);

// Attributes of the triangles' corners, by indices of their own: a seam in the
// attributes need not be one of the surface.
template <typename Real>
struct MeshAttributes {
  int64_t sets = 0;                       // A
  int64_t rows = 0;                       // U
  int64_t channels = 0;                   // K
  const Real* values = nullptr;           // [A, U, K]
  const int32_t* triangles = nullptr;     // [T, 3], in [0, U)
  const int64_t* set_of_image = nullptr;  // [B], in [0, A); null: 0
};

// Writes the attributes at each pixel, `values` [B, H, W, K], and unless null
// their derivatives with respect to pixel x, y, `derivatives` [B, H, W, K, 2];
// 0 where empty. `derivatives` needs fragments.barycentric_derivatives.
template <typename Real>
void InterpolateMeshCpu(const MeshGeometry<Real>& geometry,
                        const int32_t* triangle_ids,
                        const MeshFragments<const Real>& fragments,
                        const MeshAttributes<Real>& attributes, Real* values,
                        Real* derivatives);

// Writes `attribute_gradients` [A, U, K] and the barycentrics and their
// derivatives of `fragment_gradients`.
template <typename Real>
void InterpolateMeshVjpCpu(const MeshGeometry<Real>& geometry,
                           const int32_t* triangle_ids,
                           const MeshFragments<const Real>& fragments,
                           const MeshAttributes<Real>& attributes,
                           const Real* value_gradients,
                           const Real* derivative_gradients,
                           Real* attribute_gradients,
                           const MeshFragments<Real>& fragment_gradients);

}  // namespace dg4d

#endif  // DG4D_KERNELS_MESH_RASTER_H_
