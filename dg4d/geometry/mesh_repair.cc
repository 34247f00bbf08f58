#include "dg4d/geometry/mesh_repair.h"

#include <Eigen/Geometry>
#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <vector>

#include "dg4d/base/parallel.h"
#include "dg4d/geometry/surface.h"

namespace dg4d {
namespace {

// For each triangle the number of its part, from 0 on: triangles that share an
// edge are of one part.
struct Parts {
  std::vector<int32_t> of_triangle;
  int32_t count = 0;
};

Parts PartsOf(const Surface& surface) {
  const auto triangles = static_cast<int32_t>(surface.triangles.size());
  // Each triangle points to one of its part, the first of it to itself.
  std::vector<int32_t> parent(triangles);
  std::iota(parent.begin(), parent.end(), 0);
  const auto first_of = [&](int32_t t) {
    while (parent[t] != t) t = parent[t] = parent[parent[t]];
    return t;
  };
  std::vector<std::array<int32_t, 3>> edges;  // both ends, triangle
  edges.reserve(3 * surface.triangles.size());
  for (int32_t t = 0; t < triangles; ++t) {
    for (int k = 0; k < 3; ++k) {
      const auto [low, high] = std::minmax(surface.triangles[t][k],
                                           surface.triangles[t][(k + 1) % 3]);
      edges.push_back({low, high, t});
    }
  }
  std::sort(edges.begin(), edges.end());
  for (size_t i = 1; i < edges.size(); ++i) {
    if (edges[i][0] != edges[i - 1][0] || edges[i][1] != edges[i - 1][1]) {
      continue;
    }
    const auto [low, high] =
        std::minmax({first_of(edges[i][2]), first_of(edges[i - 1][2])});
    parent[high] = low;
  }
  Parts parts{std::vector<int32_t>(triangles)};
  for (int32_t t = 0; t < triangles; ++t) {
    const int32_t first = first_of(t);
    parts.of_triangle[t] =
        first == t ? parts.count++ : parts.of_triangle[first];
  }
  return parts;
}

// `surface` with those triangles alone that `keep` names, and without the
// vertices that none of them uses.
Surface Restricted(const Surface& surface, const std::vector<bool>& keep) {
  std::vector<int32_t> number(surface.vertices.size(), -1);
  Surface result;
  for (size_t t = 0; t < keep.size(); ++t) {
    if (!keep[t]) continue;
    result.triangles.push_back(surface.triangles[t]);
    for (const int32_t vertex : surface.triangles[t]) number[vertex] = 0;
  }
  for (size_t i = 0; i < number.size(); ++i) {
    if (number[i] < 0) continue;
    number[i] = static_cast<int32_t>(result.vertices.size());
    result.vertices.push_back(surface.vertices[i]);
  }
  for (TriangleIndices& t : result.triangles) {
    for (int32_t& vertex : t) vertex = number[vertex];
  }
  return result;
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
  const Surface surface = SurfaceOf(mesh);
  const Parts parts = PartsOf(surface);
  std::vector<Eigen::AlignedBox3d> boxes(parts.count);
  Eigen::AlignedBox3d whole;
  for (size_t t = 0; t < surface.triangles.size(); ++t) {
    for (const int32_t vertex : surface.triangles[t]) {
      const Vec3& p = surface.vertices[vertex];
      boxes[parts.of_triangle[t]].extend(Eigen::Vector3d(p.x, p.y, p.z));
      whole.extend(Eigen::Vector3d(p.x, p.y, p.z));
    }
  }
  double largest = 0;
  for (const Eigen::AlignedBox3d& box : boxes) {
    largest = std::max(largest, DiagonalOf(box));
  }
  const double least = std::min(least_diagonal * DiagonalOf(whole), largest);

  std::vector<bool> keep(surface.triangles.size());
  for (size_t t = 0; t < keep.size(); ++t) {
    keep[t] = DiagonalOf(boxes[parts.of_triangle[t]]) >= least;
  }
  return MeshOf(Restricted(surface, keep));
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
