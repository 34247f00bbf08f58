#include "dg4d/geometry/surface.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <numeric>

namespace dg4d {

std::vector<Vec3> PointsOf(const at::Tensor& points) {
  const at::Tensor values = points.detach().cpu().to(at::kDouble).contiguous();
  const double* value = values.data_ptr<double>();
  std::vector<Vec3> result(values.size(0));
  for (Vec3& point : result) {
    point = {value[0], value[1], value[2]};
    value += 3;
  }
  return result;
}

at::Tensor TensorOf(const std::vector<Vec3>& points) {
  at::Tensor tensor =
      at::empty({static_cast<int64_t>(points.size()), 3}, at::kFloat);
  float* value = tensor.data_ptr<float>();
  for (const Vec3& point : points) {
    for (int k = 0; k < 3; ++k) *value++ = static_cast<float>(point[k]);
  }
  return tensor;
}

Surface SurfaceOf(const Mesh& mesh) {
  Surface surface;
  surface.vertices = PointsOf(mesh.vertices);
  const at::Tensor triangles =
      mesh.triangles.detach().cpu().to(at::kInt).contiguous();
  const int32_t* corner = triangles.data_ptr<int32_t>();
  surface.triangles.resize(triangles.size(0));
  for (TriangleIndices& triangle : surface.triangles) {
    std::copy_n(corner, 3, triangle.begin());
    corner += 3;
  }
  return surface;
}

Mesh MeshOf(const Surface& surface) {
  Mesh mesh;
  mesh.vertices = TensorOf(surface.vertices);
  mesh.triangles =
      at::empty({static_cast<int64_t>(surface.triangles.size()), 3}, at::kInt);
  int32_t* corner = mesh.triangles.data_ptr<int32_t>();
  for (const TriangleIndices& triangle : surface.triangles) {
    corner = std::copy(triangle.begin(), triangle.end(), corner);
  }
  return mesh;
}

std::vector<Vec3> VertexNormalsOf(const Surface& surface) {
  std::vector<Vec3> normals(surface.vertices.size());
  for (const TriangleIndices& t : surface.triangles) {
    const Vec3 normal = AreaNormal(surface, t);
    for (const int32_t vertex : t) normals[vertex] += normal;
  }
  for (Vec3& normal : normals) normal = Normalized(normal);
  return normals;
}

IndexLists TrianglesAtVertices(const Surface& surface) {
  IndexLists lists;
  lists.begin.assign(surface.vertices.size() + 1, 0);
  for (const TriangleIndices& t : surface.triangles) {
    for (const int32_t vertex : t) ++lists.begin[vertex + 1];
  }
  std::partial_sum(lists.begin.begin(), lists.begin.end(), lists.begin.begin());
  lists.values.resize(3 * surface.triangles.size());
  std::vector<int32_t> next(lists.begin.begin(), lists.begin.end() - 1);
  for (size_t i = 0; i < surface.triangles.size(); ++i) {
    for (const int32_t vertex : surface.triangles[i]) {
      lists.values[next[vertex]++] = static_cast<int32_t>(i);
    }
  }
  return lists;
}

IndexLists NeighboursOfVertices(const Surface& surface) {
  const IndexLists triangles = TrianglesAtVertices(surface);
  IndexLists lists;
  lists.begin.push_back(0);
  std::vector<int32_t> ring;
  for (int64_t vertex = 0; vertex < triangles.size(); ++vertex) {
    ring.clear();
    for (const int32_t* t = triangles.First(vertex);
         t != triangles.Last(vertex); ++t) {
      for (const int32_t corner : surface.triangles[*t]) {
        if (corner != vertex) ring.push_back(corner);
      }
    }
    std::sort(ring.begin(), ring.end());
    ring.erase(std::unique(ring.begin(), ring.end()), ring.end());
    lists.values.insert(lists.values.end(), ring.begin(), ring.end());
    lists.begin.push_back(static_cast<int32_t>(lists.values.size()));
  }
  return lists;
}

}  // namespace dg4d
