#include "dg4d/geometry/mesh_repair.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "dg4d/base/parallel.h"
#include "dg4d/geometry/surface.h"

namespace dg4d {
namespace {

struct Box {
  Vec3 lower = {std::numeric_limits<double>::infinity(),
                std::numeric_limits<double>::infinity(),
                std::numeric_limits<double>::infinity()};
  Vec3 upper = -lower;

  void Add(const Vec3& p) {
    lower = {std::min(lower.x, p.x), std::min(lower.y, p.y),
             std::min(lower.z, p.z)};
    upper = {std::max(upper.x, p.x), std::max(upper.y, p.y),
             std::max(upper.z, p.z)};
  }
  // 0 for a box without points.
  double Diagonal() const {
    return upper.x < lower.x ? 0 : Norm(upper - lower);
  }
};

// The smallest vertex of the part that each vertex belongs to.
std::vector<int32_t> PartOfVertices(const Surface& surface) {
  std::vector<int32_t> parent(surface.vertices.size());
  std::iota(parent.begin(), parent.end(), 0);
  const auto find = [&](int32_t i) {
    while (parent[i] != i) i = parent[i] = parent[parent[i]];
    return i;
  };
  for (const TriangleIndices& t : surface.triangles) {
    for (int k = 1; k < 3; ++k) {
      const int32_t a = find(t[0]);
      const int32_t b = find(t[k]);
      parent[std::max(a, b)] = std::min(a, b);
    }
  }
  for (size_t i = 0; i < parent.size(); ++i) {
    parent[i] = find(static_cast<int32_t>(i));
  }
  return parent;
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
  const std::vector<int32_t> part = PartOfVertices(surface);
  std::vector<Box> boxes(surface.vertices.size());
  Box whole;
  for (const TriangleIndices& t : surface.triangles) {
    for (const int32_t vertex : t) {
      boxes[part[vertex]].Add(surface.vertices[vertex]);
      whole.Add(surface.vertices[vertex]);
    }
  }
  double largest = 0;
  for (const Box& box : boxes) largest = std::max(largest, box.Diagonal());
  const double least = std::min(least_diagonal * whole.Diagonal(), largest);

  Surface kept;
  std::vector<int32_t> number(surface.vertices.size(), -1);
  std::vector<bool> used(surface.vertices.size());
  for (const TriangleIndices& t : surface.triangles) {
    if (boxes[part[t[0]]].Diagonal() < least) continue;
    for (const int32_t vertex : t) used[vertex] = true;
  }
  for (size_t i = 0; i < used.size(); ++i) {
    if (!used[i]) continue;
    number[i] = static_cast<int32_t>(kept.vertices.size());
    kept.vertices.push_back(surface.vertices[i]);
  }
  for (const TriangleIndices& t : surface.triangles) {
    if (number[t[0]] < 0) continue;
    kept.triangles.push_back({number[t[0]], number[t[1]], number[t[2]]});
  }
  return MeshOf(kept);
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
