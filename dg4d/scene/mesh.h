#ifndef DG4D_SCENE_MESH_H_
#define DG4D_SCENE_MESH_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "dg4d/scene/image.h"

namespace dg4d {

// A triangle mesh with one texture. Positions and texture coordinates are
// indexed apart, so that a seam of the texture does not cut the surface.
// Triangles are counter-clockwise seen from outside.
struct Mesh {
  at::Tensor vertices;      // [V, 3] float32, world units
  at::Tensor triangles;     // [T, 3] int32, rows of `vertices` and `normals`
  at::Tensor normals;       // [V, 3] float32, unit; may be undefined
  at::Tensor uvs;           // [U, 2] float32; (0, 0) is the top left of
                            // `albedo`, v grows downwards; may be undefined
  at::Tensor uv_triangles;  // [T, 3] int32, rows of `uvs`; may be undefined
  Image albedo;             // RGB; may be empty

  int64_t vertex_count() const {
    return vertices.defined() ? vertices.size(0) : 0;
  }
  int64_t triangle_count() const {
    return triangles.defined() ? triangles.size(0) : 0;
  }
  bool textured() const { return uvs.defined() && !albedo.empty(); }
};

// OK if `mesh` is as declared above: shapes and types, indices in range, finite
// numbers, at least one triangle, uvs and uv_triangles together. Else
// InvalidArgument, which says what is wrong.
absl::Status CheckMesh(const Mesh& mesh);

// Unit normals of `vertices` [V, 3]: the area-weighted mean of the triangles
// around each; +z where a vertex has none. Differentiable in `vertices`.
at::Tensor VertexNormals(const at::Tensor& vertices,
                         const at::Tensor& triangles);

// Whether all meshes have equal triangles, uvs and uv_triangles: then only
// vertices (and textures) change from frame to frame.
bool HaveOneTopology(const std::vector<Mesh>& meshes);

// Whether all meshes have the same (equal) albedo.
bool HaveOneTexture(const std::vector<Mesh>& meshes);

// What a mesh looks like as a surface. "Closed" means each edge has exactly two
// triangles that run along it in opposite directions.
struct MeshTopology {
  int64_t edges = 0;
  int64_t open_edges = 0;             // without exactly two opposite triangles
  int64_t non_manifold_vertices = 0;  // whose triangles form no single fan
  int64_t components = 0;             // connected through edges
  double signed_volume = 0;           // > 0 when triangles face outwards

  bool closed_manifold() const {
    return open_edges == 0 && non_manifold_vertices == 0;
  }
};
MeshTopology AnalyzeTopology(const Mesh& mesh);

}  // namespace dg4d

#endif  // DG4D_SCENE_MESH_H_
