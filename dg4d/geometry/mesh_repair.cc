#include "dg4d/geometry/mesh_repair.h"

#include <Eigen/Geometry>
#include <algorithm>
#include <cstdint>
#include <vector>

#include "dg4d/base/parallel.h"
#include "dg4d/geometry/surface.h"
#include "open3d/geometry/TriangleMesh.h"

namespace dg4d {
namespace {

open3d::geometry::TriangleMesh Open3dMeshOf(const Surface& surface) {
  open3d::geometry::TriangleMesh mesh;
  mesh.vertices_.reserve(surface.vertices.size());
  for (const Vec3& p : surface.vertices) {
    mesh.vertices_.emplace_back(p.x, p.y, p.z);
  }
  mesh.triangles_.reserve(surface.triangles.size());
  for (const TriangleIndices& t : surface.triangles) {
    mesh.triangles_.emplace_back(t[0], t[1], t[2]);
  }
  return mesh;
}

Surface SurfaceOf(const open3d::geometry::TriangleMesh& mesh) {
  Surface surface;
  surface.vertices.reserve(mesh.vertices_.size());
  for (const Eigen::Vector3d& p : mesh.vertices_) {
    surface.vertices.push_back({p.x(), p.y(), p.z()});
  }
  surface.triangles.reserve(mesh.triangles_.size());
  for (const Eigen::Vector3i& t : mesh.triangles_) {
    surface.triangles.push_back({t[0], t[1], t[2]});
  }
  return surface;
}

// The length of the diagonal; 0 of a box without points.
double DiagonalOf(const Eigen::AlignedBox3d& box) {
  return box.isEmpty() ? 0 : box.diagonal().norm();
}

// Moves each vertex `share` of the way to the mean of its neighbours.
void MoveToNeighbours(const IndexLists& neighbours, double share,
                      std::vector<Vec3>& vertices) {
  const std::vector<Vec3> old = vertices;
  ParallelFor(neighbours.size(), 4096, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int32_t* first = neighbours.First(i);
      const int32_t* last = neighbours.Last(i);
      if (first == last) continue;
      Vec3 mean;
      for (const int32_t* n = first; n != last; ++n) mean += old[*n];
      mean = mean * (1.0 / static_cast<double>(last - first));
      vertices[i] = old[i] + share * (mean - old[i]);
    }
  });
}

}  // namespace

Mesh RemoveSmallComponents(const Mesh& mesh, double least_diagonal) {
  open3d::geometry::TriangleMesh cleaned = Open3dMeshOf(SurfaceOf(mesh));
  const auto [part_of_triangle, sizes, areas] =
      cleaned.ClusterConnectedTriangles();
  std::vector<Eigen::AlignedBox3d> boxes(sizes.size());
  Eigen::AlignedBox3d whole;
  for (size_t i = 0; i < part_of_triangle.size(); ++i) {
    for (const int vertex : cleaned.triangles_[i]) {
      boxes[part_of_triangle[i]].extend(cleaned.vertices_[vertex]);
      whole.extend(cleaned.vertices_[vertex]);
    }
  }
  double largest = 0;
  for (const Eigen::AlignedBox3d& box : boxes) {
    largest = std::max(largest, DiagonalOf(box));
  }
  const double least = std::min(least_diagonal * DiagonalOf(whole), largest);

  std::vector<bool> is_small(part_of_triangle.size());
  for (size_t i = 0; i < is_small.size(); ++i) {
    is_small[i] = DiagonalOf(boxes[part_of_triangle[i]]) < least;
  }
  cleaned.RemoveTrianglesByMask(is_small);
  cleaned.RemoveUnreferencedVertices();
  return MeshOf(SurfaceOf(cleaned));
}

Mesh SmoothTaubin(const Mesh& mesh, const SmoothOptions& options) {
  Surface surface = SurfaceOf(mesh);
  const IndexLists neighbours = NeighboursOfVertices(surface);
  for (int i = 0; i < options.iterations; ++i) {
    MoveToNeighbours(neighbours, options.shrink, surface.vertices);
    MoveToNeighbours(neighbours, options.grow, surface.vertices);
  }
  return MeshOf(surface);
}

}  // namespace dg4d
