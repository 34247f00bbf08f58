#include "dg4d/geometry/mesh_motion.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>

#include "dg4d/base/parallel.h"

namespace dg4d {
namespace {

// The eigenvector of the largest eigenvalue of the symmetric `m`, by Jacobi
// rotations.
std::array<double, 4> LargestEigenvector(
    std::array<std::array<double, 4>, 4> m) {
  std::array<std::array<double, 4>, 4> vectors = {};
  for (int i = 0; i < 4; ++i) vectors[i][i] = 1;
  double scale = 0;
  for (const auto& row : m) {
    for (const double value : row) scale = std::max(scale, std::abs(value));
  }
  constexpr int kSweeps = 12;
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    double off = 0;
    for (int p = 0; p < 4; ++p) {
      for (int q = p + 1; q < 4; ++q) {
        off = std::max(off, std::abs(m[p][q]));
        if (std::abs(m[p][q]) <= 1e-15 * scale) continue;
        const double theta = (m[q][q] - m[p][p]) / (2 * m[p][q]);
        const double t = std::copysign(1.0, theta) /
                         (std::abs(theta) + std::sqrt(theta * theta + 1));
        const double c = 1 / std::sqrt(t * t + 1), s = t * c;
        for (int k = 0; k < 4; ++k) {
          const double a = m[k][p], b = m[k][q];
          m[k][p] = c * a - s * b;
          m[k][q] = s * a + c * b;
        }
        for (int k = 0; k < 4; ++k) {
          const double a = m[p][k], b = m[q][k];
          m[p][k] = c * a - s * b;
          m[q][k] = s * a + c * b;
          const double v = vectors[k][p], w = vectors[k][q];
          vectors[k][p] = c * v - s * w;
          vectors[k][q] = s * v + c * w;
        }
      }
    }
    if (off <= 1e-14 * scale) break;
  }
  int best = 0;
  for (int i = 1; i < 4; ++i) {
    if (m[i][i] > m[best][best]) best = i;
  }
  return {vectors[0][best], vectors[1][best], vectors[2][best],
          vectors[3][best]};
}

// `v` turned by the rotation that maximises the trace of R S (Horn 1987), for
// S = sum w a b^T of points a turned onto b.
Vec3 Turn(const double s[3][3], const Vec3& v) {
  const std::array<double, 4> q =
      LargestEigenvector({{{s[0][0] + s[1][1] + s[2][2], s[1][2] - s[2][1],
                            s[2][0] - s[0][2], s[0][1] - s[1][0]},
                           {s[1][2] - s[2][1], s[0][0] - s[1][1] - s[2][2],
                            s[0][1] + s[1][0], s[2][0] + s[0][2]},
                           {s[2][0] - s[0][2], s[0][1] + s[1][0],
                            -s[0][0] + s[1][1] - s[2][2], s[1][2] + s[2][1]},
                           {s[0][1] - s[1][0], s[2][0] + s[0][2],
                            s[1][2] + s[2][1], -s[0][0] - s[1][1] + s[2][2]}}});
  const Vec3 axis = {q[1], q[2], q[3]};
  const Vec3 t = 2 * Cross(axis, v);
  return v + q[0] * t + Cross(axis, t);
}

}  // namespace

PointIndex::PointIndex(const std::vector<Vec3>& points) : points_(points) {
  if (points.empty()) {
    points_of_cell_.begin.assign(2, 0);
    return;
  }
  Vec3 upper = lower_ = points[0];
  for (const Vec3& p : points) {
    lower_ = {std::min(lower_.x, p.x), std::min(lower_.y, p.y),
              std::min(lower_.z, p.z)};
    upper = {std::max(upper.x, p.x), std::max(upper.y, p.y),
             std::max(upper.z, p.z)};
  }
  // Points fill a surface rather than the volume: about two in each cell that
  // has any.
  const Vec3 extent = upper - lower_;
  const double longest = std::max({extent.x, extent.y, extent.z, 1e-12});
  const int along = std::clamp(
      static_cast<int>(std::sqrt(double(points.size()) / 4)), 1, 128);
  cell_ = longest / along;
  for (int k = 0; k < 3; ++k) {
    cells_[k] = static_cast<int>(extent[k] / cell_) + 1;
  }
  const auto cell_of = [&](const Vec3& p) {
    const auto cell = CellOf(p);
    return (cell[2] * cells_[1] + cell[1]) * cells_[0] + cell[0];
  };
  points_of_cell_.begin.assign(size_t(cells_[0]) * cells_[1] * cells_[2] + 1,
                               0);
  for (const Vec3& p : points) ++points_of_cell_.begin[cell_of(p) + 1];
  for (size_t i = 1; i < points_of_cell_.begin.size(); ++i) {
    points_of_cell_.begin[i] += points_of_cell_.begin[i - 1];
  }
  points_of_cell_.values.resize(points.size());
  std::vector<int32_t> next(points_of_cell_.begin.begin(),
                            points_of_cell_.begin.end() - 1);
  for (size_t i = 0; i < points.size(); ++i) {
    points_of_cell_.values[next[cell_of(points[i])]++] =
        static_cast<int32_t>(i);
  }
}

std::array<int, 3> PointIndex::CellOf(const Vec3& point) const {
  std::array<int, 3> cell;
  for (int k = 0; k < 3; ++k) {
    cell[k] = static_cast<int>(
        std::clamp((point[k] - lower_[k]) / cell_, 0.0, cells_[k] - 1.0));
  }
  return cell;
}

void PointIndex::Nearest(const Vec3& query, int count,
                         std::vector<Neighbour>& result) const {
  result.clear();
  const auto less = [](const Neighbour& a, const Neighbour& b) {
    return std::tie(a.squared_distance, a.point) <
           std::tie(b.squared_distance, b.point);
  };
  const auto center = CellOf(query);
  // How far the query lies outside the grid, which every ring is further by.
  const int rings = std::max({cells_[0], cells_[1], cells_[2]});
  for (int ring = 0; ring <= rings; ++ring) {
    const double safe = (ring - 1) * cell_;
    if (static_cast<int>(result.size()) == count && safe > 0 &&
        result.back().squared_distance <= safe * safe) {
      break;
    }
    for (int z = center[2] - ring; z <= center[2] + ring; ++z) {
      if (z < 0 || z >= cells_[2]) continue;
      for (int y = center[1] - ring; y <= center[1] + ring; ++y) {
        if (y < 0 || y >= cells_[1]) continue;
        const bool face =
            std::abs(z - center[2]) == ring || std::abs(y - center[1]) == ring;
        const int step = face || ring == 0 ? 1 : 2 * ring;
        for (int x = center[0] - ring; x <= center[0] + ring; x += step) {
          if (x < 0 || x >= cells_[0]) continue;
          const int64_t cell = (int64_t{z} * cells_[1] + y) * cells_[0] + x;
          for (const int32_t* p = points_of_cell_.First(cell);
               p != points_of_cell_.Last(cell); ++p) {
            const Vec3 offset = points_[*p] - query;
            const Neighbour candidate = {Dot(offset, offset), *p};
            if (static_cast<int>(result.size()) == count) {
              if (!less(candidate, result.back())) continue;
              result.pop_back();
            }
            result.insert(
                std::upper_bound(result.begin(), result.end(), candidate, less),
                candidate);
          }
        }
      }
    }
  }
}

MotionTransfer::MotionTransfer(const Surface& surface, const at::Tensor& first,
                               const MotionOptions& options)
    : options_(options),
      vertices_(surface.vertices),
      first_(PointsOf(first)),
      neighbours_(NeighboursOfVertices(surface)) {
  const PointIndex index(first_);
  carriers_ = std::min<int>(options.carriers, static_cast<int>(first_.size()));
  carrier_lists_.resize(vertices_.size() * carriers_);
  const auto count = static_cast<int64_t>(vertices_.size());
  ParallelFor(count, 1024, [&](int64_t begin, int64_t end) {
    std::vector<PointIndex::Neighbour> nearest;
    for (int64_t i = begin; i < end; ++i) {
      index.Nearest(vertices_[i], carriers_ + 1, nearest);
      const double reach = nearest.back().squared_distance * (1 + 1e-9) + 1e-30;
      double sum = 0;
      for (int k = 0; k < carriers_; ++k) {
        const double t = 1 - nearest[k].squared_distance / reach;
        carrier_lists_[i * carriers_ + k] = {nearest[k].point,
                                             static_cast<float>(t * t)};
        sum += t * t;
      }
      for (int k = 0; k < carriers_; ++k) {
        float& weight = carrier_lists_[i * carriers_ + k].weight;
        weight = sum > 1e-12 ? static_cast<float>(weight / sum)
                             : 1.0f / static_cast<float>(carriers_);
      }
    }
  });
}

Vec3 MotionTransfer::Displacement(int64_t vertex,
                                  const std::vector<Vec3>& now) const {
  const Carrier* carriers = &carrier_lists_[vertex * carriers_];
  Vec3 before, after;
  for (int k = 0; k < carriers_; ++k) {
    before += double{carriers[k].weight} * first_[carriers[k].point];
    after += double{carriers[k].weight} * now[carriers[k].point];
  }
  double s[3][3] = {};
  double spread = 0;
  for (int k = 0; k < carriers_; ++k) {
    const double weight = carriers[k].weight;
    const Vec3 a = first_[carriers[k].point] - before;
    const Vec3 b = now[carriers[k].point] - after;
    spread += weight * Dot(a, a);
    for (int i = 0; i < 3; ++i) {
      for (int j = 0; j < 3; ++j) s[i][j] += weight * a[i] * b[j];
    }
  }
  // Where the carriers lie along a line they leave the turn about it open: a
  // little weight keeps it at none.
  constexpr double kStiffness = 1e-3;
  for (int i = 0; i < 3; ++i) s[i][i] += kStiffness * spread;
  const Vec3 offset = vertices_[vertex] - before;
  return spread > 0 ? after + Turn(s, offset) - vertices_[vertex]
                    : after - before;
}

std::vector<Vec3> MotionTransfer::At(const at::Tensor& means) const {
  const std::vector<Vec3> now = PointsOf(means);
  std::vector<Vec3> displacements(vertices_.size());
  const auto count = static_cast<int64_t>(vertices_.size());
  if (carriers_ > 0) {
    ParallelFor(count, 512, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        displacements[i] = Displacement(i, now);
      }
    });
  }
  for (int round = 0; round < options_.smoothing; ++round) {
    const std::vector<Vec3> old = displacements;
    ParallelFor(count, 4096, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        Vec3 sum = old[i];
        int terms = 1;
        for (const int32_t* n = neighbours_.First(i); n != neighbours_.Last(i);
             ++n, ++terms) {
          sum += old[*n];
        }
        displacements[i] = sum * (1.0 / terms);
      }
    });
  }
  std::vector<Vec3> result(vertices_.size());
  for (size_t i = 0; i < result.size(); ++i) {
    // A displacement of rounding errors is none.
    const bool moves = Norm(displacements[i]) > 1e-9;
    result[i] = moves ? vertices_[i] + displacements[i] : vertices_[i];
  }
  return result;
}

}  // namespace dg4d
