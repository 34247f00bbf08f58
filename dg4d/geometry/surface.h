#ifndef DG4D_GEOMETRY_SURFACE_H_
#define DG4D_GEOMETRY_SURFACE_H_

#include <array>
#include <cstdint>
#include <vector>

#include "dg4d/geometry/vec3.h"
#include "dg4d/scene/mesh.h"

namespace dg4d {

using TriangleIndices = std::array<int32_t, 3>;

// The vertices and triangles of a Mesh in a form to compute with.
struct Surface {
  std::vector<Vec3> vertices;
  std::vector<TriangleIndices> triangles;
};

Surface SurfaceOf(const Mesh& mesh);
Mesh MeshOf(const Surface& surface);

std::vector<Vec3> PointsOf(const at::Tensor& points);  // [N, 3] of any float
at::Tensor TensorOf(const std::vector<Vec3>& points);  // [N, 3] float32

// Twice the area long.
inline Vec3 AreaNormal(const Surface& surface, const TriangleIndices& t) {
  const Vec3& origin = surface.vertices[t[0]];
  return Cross(surface.vertices[t[1]] - origin,
               surface.vertices[t[2]] - origin);
}

// Area-weighted unit normals of the vertices.
std::vector<Vec3> VertexNormalsOf(const Surface& surface);

// Lists of numbers, one list after the other.
struct IndexLists {
  std::vector<int32_t> begin;  // one more than there are lists
  std::vector<int32_t> values;

  int64_t size() const { return static_cast<int64_t>(begin.size()) - 1; }
  const int32_t* First(int64_t list) const {
    return values.data() + begin[list];
  }
  const int32_t* Last(int64_t list) const {
    return values.data() + begin[list + 1];
  }
};

// The triangles at each vertex, ascending.
IndexLists TrianglesAtVertices(const Surface& surface);

// The vertices joined to each vertex by an edge, ascending.
IndexLists NeighboursOfVertices(const Surface& surface);

}  // namespace dg4d

#endif  // DG4D_GEOMETRY_SURFACE_H_
