#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <queue>
#include <tuple>
#include <utility>
#include <vector>

#include "dg4d/geometry/mesh_repair.h"
#include "dg4d/geometry/surface.h"

namespace dg4d {
namespace {

// x^T A x + 2 b^T x + c with symmetric A: a weighted sum of squared distances
// to planes and points.
struct Quadric {
  double xx = 0, xy = 0, xz = 0, yy = 0, yz = 0, zz = 0;
  Vec3 b;
  double c = 0;

  void Add(const Quadric& q) {
    xx += q.xx, xy += q.xy, xz += q.xz, yy += q.yy, yz += q.yz, zz += q.zz;
    b += q.b;
    c += q.c;
  }
  // To the plane through `p` of unit normal `n`.
  void AddPlane(const Vec3& n, const Vec3& p, double weight) {
    const double d = -Dot(n, p);
    xx += weight * n.x * n.x, xy += weight * n.x * n.y;
    xz += weight * n.x * n.z, yy += weight * n.y * n.y;
    yz += weight * n.y * n.z, zz += weight * n.z * n.z;
    b += weight * d * n;
    c += weight * d * d;
  }
  void AddPoint(const Vec3& p, double weight) {
    xx += weight, yy += weight, zz += weight;
    b += -weight * p;
    c += weight * Dot(p, p);
  }
  double At(const Vec3& p) const {
    const Vec3 product = {xx * p.x + xy * p.y + xz * p.z,
                          xy * p.x + yy * p.y + yz * p.z,
                          xz * p.x + yz * p.y + zz * p.z};
    return Dot(product, p) + 2 * Dot(b, p) + c;
  }
  // The point of the least value, by Cramer's rule; false if A is singular.
  bool Minimum(Vec3& p) const {
    const Vec3 r0 = {xx, xy, xz}, r1 = {xy, yy, yz}, r2 = {xz, yz, zz};
    const Vec3 c12 = Cross(r1, r2);
    const double determinant = Dot(r0, c12);
    const double trace = xx + yy + zz;
    if (!(determinant > 1e-12 * trace * trace * trace)) return false;
    p = (c12 * b.x + Cross(r2, r0) * b.y + Cross(r0, r1) * b.z) *
        (-1 / determinant);
    return true;
  }
};

struct Collapse {
  double cost;
  int32_t kept, removed;  // kept < removed
  uint32_t stamp;         // of both vertices, when the cost was computed
  Vec3 place;

  // Ties go by number, so that the order is the same everywhere.
  bool operator>(const Collapse& other) const {
    return std::tie(cost, kept, removed) >
           std::tie(other.cost, other.kept, other.removed);
  }
};

class Decimator {
 public:
  Decimator(Surface surface, const DecimateOptions& options)
      : surface_(std::move(surface)),
        regularity_(options.regularity),
        target_(options.target_triangles),
        alive_(static_cast<int64_t>(surface_.triangles.size())),
        triangles_at_(surface_.vertices.size()),
        quadrics_(surface_.vertices.size()),
        stamps_(surface_.vertices.size(), 0) {
    for (int32_t t = 0; t < alive_; ++t) {
      const Vec3 area_normal = AreaNormal(surface_, surface_.triangles[t]);
      const double area = Norm(area_normal) / 2;
      for (const int32_t vertex : surface_.triangles[t]) {
        triangles_at_[vertex].push_back(t);
        const Vec3& p = surface_.vertices[vertex];
        quadrics_[vertex].AddPlane(Normalized(area_normal), p, area / 3);
        quadrics_[vertex].AddPoint(p, regularity_ * area / 3);
      }
    }
  }

  Surface Run() {
    for (const TriangleIndices& t : surface_.triangles) {
      for (int k = 0; k < 3; ++k) {
        if (t[k] < t[(k + 1) % 3]) Push(t[k], t[(k + 1) % 3]);
      }
    }
    while (alive_ > target_ && !queue_.empty()) {
      const Collapse collapse = queue_.top();
      queue_.pop();
      if (triangles_at_[collapse.kept].empty() ||
          triangles_at_[collapse.removed].empty() ||
          stamps_[collapse.kept] + stamps_[collapse.removed] !=
              collapse.stamp) {
        continue;
      }
      if (KeepsTopology(collapse) && KeepsOrientation(collapse)) {
        Apply(collapse);
      }
    }
    return Compact();
  }

 private:
  std::vector<int32_t> Ring(int32_t vertex) const {
    std::vector<int32_t> ring;
    for (const int32_t t : triangles_at_[vertex]) {
      for (const int32_t corner : surface_.triangles[t]) {
        if (corner != vertex) ring.push_back(corner);
      }
    }
    std::sort(ring.begin(), ring.end());
    ring.erase(std::unique(ring.begin(), ring.end()), ring.end());
    return ring;
  }

  void Push(int32_t a, int32_t b) {
    if (a > b) std::swap(a, b);
    Quadric quadric = quadrics_[a];
    quadric.Add(quadrics_[b]);
    const Vec3& p = surface_.vertices[a];
    const Vec3& q = surface_.vertices[b];
    const Vec3 middle = (p + q) * 0.5;
    Vec3 place;
    // A minimum far off says that the quadric is nearly flat there.
    if (!quadric.Minimum(place) || Norm(place - middle) > 2 * Norm(p - q)) {
      place = middle;
    }
    queue_.push({quadric.At(place), a, b, stamps_[a] + stamps_[b], place});
  }

  // For closed manifolds: the only neighbours that both ends share are the
  // corners opposite to the edge, and it is not part of a tetrahedron.
  bool KeepsTopology(const Collapse& collapse) const {
    const std::vector<int32_t> a = Ring(collapse.kept);
    const std::vector<int32_t> b = Ring(collapse.removed);
    std::vector<int32_t> shared;
    std::set_intersection(a.begin(), a.end(), b.begin(), b.end(),
                          std::back_inserter(shared));
    if (shared.size() != 2) return false;
    return a.size() > 3 && b.size() > 3 &&
           triangles_at_[shared[0]].size() > 3 &&
           triangles_at_[shared[1]].size() > 3;
  }

  // No remaining triangle turns by more than about 80 degrees or degenerates.
  bool KeepsOrientation(const Collapse& collapse) const {
    return KeepsOrientation(collapse.kept, collapse.removed, collapse.place) &&
           KeepsOrientation(collapse.removed, collapse.kept, collapse.place);
  }

  bool KeepsOrientation(int32_t vertex, int32_t other,
                        const Vec3& place) const {
    for (const int32_t t : triangles_at_[vertex]) {
      const TriangleIndices& triangle = surface_.triangles[t];
      const auto corner = std::find(triangle.begin(), triangle.end(), vertex);
      const size_t k = static_cast<size_t>(corner - triangle.begin());
      const int32_t second = triangle[(k + 1) % 3];
      const int32_t third = triangle[(k + 2) % 3];
      if (second == other || third == other) continue;
      const Vec3& p = surface_.vertices[second];
      const Vec3& q = surface_.vertices[third];
      const Vec3 before =
          Cross(p - surface_.vertices[vertex], q - surface_.vertices[vertex]);
      const Vec3 after = Cross(p - place, q - place);
      if (Dot(before, after) < 0.2 * Norm(before) * Norm(after)) return false;
      // Area against the longest side: below 0.05, a needle.
      const double longest =
          std::max({Dot(p - q, p - q), Dot(p - place, p - place),
                    Dot(q - place, q - place)});
      if (Norm(after) < 0.05 * longest) return false;
    }
    return true;
  }

  void Apply(const Collapse& collapse) {
    auto& kept = triangles_at_[collapse.kept];
    auto& removed = triangles_at_[collapse.removed];
    for (const int32_t t : removed) {
      TriangleIndices& triangle = surface_.triangles[t];
      if (std::find(triangle.begin(), triangle.end(), collapse.kept) ==
          triangle.end()) {
        *std::find(triangle.begin(), triangle.end(), collapse.removed) =
            collapse.kept;
        kept.push_back(t);
        continue;
      }
      for (const int32_t corner : triangle) {
        if (corner != collapse.removed) std::erase(triangles_at_[corner], t);
      }
      triangle = {-1, -1, -1};
      --alive_;
    }
    removed = {};
    quadrics_[collapse.kept].Add(quadrics_[collapse.removed]);
    surface_.vertices[collapse.kept] = collapse.place;
    ++stamps_[collapse.kept];
    for (const int32_t neighbour : Ring(collapse.kept)) {
      Push(collapse.kept, neighbour);
    }
  }

  Surface Compact() const {
    Surface result;
    std::vector<int32_t> number(surface_.vertices.size(), -1);
    for (size_t i = 0; i < surface_.vertices.size(); ++i) {
      if (triangles_at_[i].empty()) continue;
      number[i] = static_cast<int32_t>(result.vertices.size());
      result.vertices.push_back(surface_.vertices[i]);
    }
    for (const TriangleIndices& t : surface_.triangles) {
      if (t[0] < 0) continue;
      result.triangles.push_back({number[t[0]], number[t[1]], number[t[2]]});
    }
    return result;
  }

  Surface surface_;
  const double regularity_;
  const int64_t target_;
  int64_t alive_;
  std::vector<std::vector<int32_t>> triangles_at_;
  std::vector<Quadric> quadrics_;
  std::vector<uint32_t> stamps_;
  std::priority_queue<Collapse, std::vector<Collapse>, std::greater<>> queue_;
};

}  // namespace

Mesh Decimate(const Mesh& mesh, const DecimateOptions& options) {
  if (mesh.triangle_count() <= options.target_triangles) {
    return MeshOf(SurfaceOf(mesh));
  }
  return MeshOf(Decimator(SurfaceOf(mesh), options).Run());
}

}  // namespace dg4d
