#include "dg4d/scene/mesh.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/linalg_cross.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace dg4d {
namespace {

bool Same(const at::Tensor& a, const at::Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  return a.is_same(b) || (a.sizes() == b.sizes() && at::equal(a, b));
}

// Whether `tensor` is [N, columns] of `type`.
bool HasShape(const at::Tensor& tensor, int64_t columns, at::ScalarType type) {
  return tensor.defined() && tensor.dim() == 2 && tensor.size(1) == columns &&
         tensor.scalar_type() == type;
}

bool InRange(const at::Tensor& indices, int64_t count) {
  return indices.numel() == 0 || (indices.min().item<int64_t>() >= 0 &&
                                  indices.max().item<int64_t>() < count);
}

absl::Status CheckFloats(const at::Tensor& tensor, int64_t columns,
                         const char* name) {
  if (!HasShape(tensor, columns, at::kFloat)) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " are not float32 [N, ", columns, "]"));
  }
  if (!at::isfinite(tensor).all().item<bool>()) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " hold a number that is not finite"));
  }
  return absl::OkStatus();
}

absl::Status CheckIndices(const at::Tensor& tensor, int64_t count,
                          const char* name) {
  if (!HasShape(tensor, 3, at::kInt)) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " are not int32 [N, 3]"));
  }
  if (!InRange(tensor, count)) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " name a row that there is not"));
  }
  return absl::OkStatus();
}

template <typename Equal>
bool AllEqualTheFirst(const std::vector<Mesh>& meshes, Equal equal) {
  return std::all_of(meshes.begin(), meshes.end(), [&](const Mesh& mesh) {
    return equal(meshes.front(), mesh);
  });
}

using Triangle = std::array<int32_t, 3>;

std::vector<Triangle> Triangles(const Mesh& mesh) {
  std::vector<Triangle> triangles(mesh.triangle_count());
  if (triangles.empty()) return triangles;
  const at::Tensor indices = mesh.triangles.to(at::kInt).contiguous();
  const int32_t* index = indices.data_ptr<int32_t>();
  for (Triangle& triangle : triangles) {
    for (int32_t& corner : triangle) {
      corner = *index++;
      TORCH_CHECK(corner >= 0 && corner < mesh.vertex_count(),
                  "a triangle names vertex ", corner, " of ",
                  mesh.vertex_count());
    }
  }
  return triangles;
}

// Sets of connected things, joined one pair at a time.
class DisjointSets {
 public:
  explicit DisjointSets(int64_t count) : parent_(count) {
    std::iota(parent_.begin(), parent_.end(), int64_t{0});
  }
  int64_t Find(int64_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  // Whether two sets became one.
  bool Join(int64_t a, int64_t b) {
    a = Find(a);
    b = Find(b);
    parent_[std::max(a, b)] = std::min(a, b);
    return a != b;
  }

 private:
  std::vector<int64_t> parent_;
};

// A triangle's side, seen from the edge it lies on.
struct HalfEdge {
  int32_t low;
  int32_t high;
  int64_t triangle;
  bool ascending;  // runs from low to high

  bool SameEdge(const HalfEdge& other) const {
    return low == other.low && high == other.high;
  }
};

std::vector<HalfEdge> SortedHalfEdges(const std::vector<Triangle>& triangles) {
  std::vector<HalfEdge> sides;
  sides.reserve(3 * triangles.size());
  for (size_t t = 0; t < triangles.size(); ++t) {
    for (int corner = 0; corner < 3; ++corner) {
      const int32_t from = triangles[t][corner];
      const int32_t to = triangles[t][(corner + 1) % 3];
      sides.push_back({std::min(from, to), std::max(from, to),
                       static_cast<int64_t>(t), from < to});
    }
  }
  std::sort(sides.begin(), sides.end(),
            [](const HalfEdge& a, const HalfEdge& b) {
              return std::tie(a.low, a.high, a.triangle) <
                     std::tie(b.low, b.high, b.triangle);
            });
  return sides;
}

void CountEdgesAndComponents(const std::vector<Triangle>& triangles,
                             MeshTopology& topology) {
  DisjointSets components(triangles.size());
  topology.components = triangles.size();
  const std::vector<HalfEdge> sides = SortedHalfEdges(triangles);
  for (size_t begin = 0, end = 0; begin < sides.size(); begin = end) {
    while (end < sides.size() && sides[end].SameEdge(sides[begin])) {
      topology.components -=
          components.Join(sides[begin].triangle, sides[end].triangle);
      ++end;
    }
    ++topology.edges;
    const bool closed = end - begin == 2 &&
                        sides[begin].ascending != sides[begin + 1].ascending;
    topology.open_edges += !closed;
  }
}

// The sides opposite to a vertex, one a triangle, are its link. It is a single
// fan when they join into one path or one ring.
using Side = std::array<int32_t, 2>;

bool IsSingleFan(const Side* link, int64_t size) {
  std::vector<int32_t> ends;
  ends.reserve(2 * size);
  for (int64_t i = 0; i < size; ++i) {
    ends.push_back(link[i][0]);
    ends.push_back(link[i][1]);
  }
  std::sort(ends.begin(), ends.end());
  for (size_t i = 2; i < ends.size(); ++i) {
    if (ends[i] == ends[i - 2]) return false;  // three sides meet
  }
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
  const auto index = [&](int32_t vertex) {
    return std::lower_bound(ends.begin(), ends.end(), vertex) - ends.begin();
  };
  DisjointSets pieces(ends.size());
  int64_t count = ends.size();
  for (int64_t i = 0; i < size; ++i) {
    count -= pieces.Join(index(link[i][0]), index(link[i][1]));
  }
  return count == 1;
}

int64_t CountNonManifoldVertices(const std::vector<Triangle>& triangles,
                                 int64_t vertex_count) {
  std::vector<int64_t> begin(vertex_count + 1);
  for (const Triangle& triangle : triangles) {
    for (const int32_t vertex : triangle) ++begin[vertex + 1];
  }
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  std::vector<Side> links(3 * triangles.size());
  std::vector<int64_t> next(begin.begin(), begin.end() - 1);
  for (const Triangle& t : triangles) {
    for (int corner = 0; corner < 3; ++corner) {
      links[next[t[corner]]++] = {t[(corner + 1) % 3], t[(corner + 2) % 3]};
    }
  }
  int64_t count = 0;
  for (int64_t v = 0; v < vertex_count; ++v) {
    const int64_t size = begin[v + 1] - begin[v];
    count += size > 0 && !IsSingleFan(links.data() + begin[v], size);
  }
  return count;
}

double SignedVolume(const Mesh& mesh, const std::vector<Triangle>& triangles) {
  if (triangles.empty()) return 0;
  const at::Tensor vertices =
      mesh.vertices.detach().to(at::kCPU).to(at::kDouble).contiguous();
  const double* v = vertices.data_ptr<double>();
  double six_volumes = 0;
  for (const Triangle& t : triangles) {
    const double* a = v + 3 * t[0];
    const double* b = v + 3 * t[1];
    const double* c = v + 3 * t[2];
    six_volumes += a[0] * (b[1] * c[2] - b[2] * c[1]) +
                   a[1] * (b[2] * c[0] - b[0] * c[2]) +
                   a[2] * (b[0] * c[1] - b[1] * c[0]);
  }
  return six_volumes / 6;
}

}  // namespace

absl::Status CheckMesh(const Mesh& mesh) {
  if (mesh.triangle_count() == 0) {
    return absl::InvalidArgumentError("it has no triangles");
  }
  absl::Status status = CheckFloats(mesh.vertices, 3, "vertices");
  if (status.ok()) {
    status = CheckIndices(mesh.triangles, mesh.vertex_count(), "triangles");
  }
  if (status.ok() && mesh.normals.defined()) {
    status = CheckFloats(mesh.normals, 3, "normals");
    if (status.ok() && mesh.normals.size(0) != mesh.vertex_count()) {
      status = absl::InvalidArgumentError("normals are not one a vertex");
    }
  }
  if (mesh.uvs.defined() != mesh.uv_triangles.defined()) {
    return absl::InvalidArgumentError("uvs come without uv_triangles");
  }
  if (!status.ok() || !mesh.uvs.defined()) return status;
  status = CheckFloats(mesh.uvs, 2, "uvs");
  if (status.ok()) {
    status = CheckIndices(mesh.uv_triangles, mesh.uvs.size(0), "uv_triangles");
  }
  if (status.ok() && mesh.uv_triangles.size(0) != mesh.triangle_count()) {
    status = absl::InvalidArgumentError("uv_triangles are not one a triangle");
  }
  return status;
}

at::Tensor VertexNormals(const at::Tensor& vertices,
                         const at::Tensor& triangles) {
  const at::Tensor corners = triangles.to(at::kLong);
  const at::Tensor first = corners.select(1, 0);
  const at::Tensor second = corners.select(1, 1);
  const at::Tensor third = corners.select(1, 2);
  const at::Tensor origin = vertices.index_select(0, first);
  // Twice the area long, which is the weight wanted.
  const at::Tensor areas =
      at::linalg_cross(vertices.index_select(0, second) - origin,
                       vertices.index_select(0, third) - origin);
  const at::Tensor sums = at::zeros_like(vertices)
                              .index_add(0, first, areas)
                              .index_add(0, second, areas)
                              .index_add(0, third, areas);
  // Replaced before the division, so that no NaN enters the gradient.
  constexpr double kLeastSquaredArea = 1e-30;
  const at::Tensor has_area =
      sums.detach().square().sum(1, /*keepdim=*/true) > kLeastSquaredArea;
  const at::Tensor forward = at::tensor({0.0, 0.0, 1.0}, vertices.options());
  const at::Tensor safe = at::where(has_area, sums, forward);
  return safe / safe.square().sum(1, /*keepdim=*/true).sqrt();
}

bool HaveOneTopology(const std::vector<Mesh>& meshes) {
  return AllEqualTheFirst(meshes, [](const Mesh& a, const Mesh& b) {
    return a.vertex_count() == b.vertex_count() &&
           Same(a.triangles, b.triangles) && Same(a.uvs, b.uvs) &&
           Same(a.uv_triangles, b.uv_triangles);
  });
}

bool HaveOneTexture(const std::vector<Mesh>& meshes) {
  return AllEqualTheFirst(meshes, [](const Mesh& a, const Mesh& b) {
    return Same(a.albedo.pixels, b.albedo.pixels);
  });
}

MeshTopology AnalyzeTopology(const Mesh& mesh) {
  const std::vector<Triangle> triangles = Triangles(mesh);
  MeshTopology topology;
  CountEdgesAndComponents(triangles, topology);
  topology.non_manifold_vertices =
      CountNonManifoldVertices(triangles, mesh.vertex_count());
  topology.signed_volume = SignedVolume(mesh, triangles);
  return topology;
}

}  // namespace dg4d
