#include <algorithm>
#include <cmath>
#include <vector>

#include "dg4d/base/parallel.h"
#include "dg4d/kernels/knn.h"
#include "dg4d/kernels/knn_math.h"

namespace dg4d {
namespace {

using knn::Least3;
using knn::NearestK;
using knn::SquaredDistance;

constexpr int kLeafSize = 8;

struct Point {
  float position[3];
  int64_t index;
};

// A k-d tree without nodes: a range of more than kLeafSize points is split at
// its middle one, which no point before exceeds, and no point after falls
// below, along the range's axis.
class Tree {
 public:
  explicit Tree(std::vector<Point> points)
      : points_(std::move(points)), axes_(points_.size()) {
    Build(0, points_.size());
  }

  int64_t size() const { return points_.size(); }
  const Point& point(int64_t i) const { return points_[i]; }

  // Gives `nearest` the other points that may be nearer than its bound.
  template <typename Nearest>
  void Search(const Point& query, Nearest& nearest) const {
    Search(0, points_.size(), query, nearest);
  }

 private:
  // The longest axis of the points' box.
  int AxisOf(int64_t begin, int64_t end) const {
    float low[3], high[3];
    std::copy_n(points_[begin].position, 3, low);
    std::copy_n(points_[begin].position, 3, high);
    for (int64_t i = begin + 1; i < end; ++i) {
      for (int k = 0; k < 3; ++k) {
        low[k] = std::min(low[k], points_[i].position[k]);
        high[k] = std::max(high[k], points_[i].position[k]);
      }
    }
    int axis = 0;
    for (int k = 1; k < 3; ++k) {
      if (high[k] - low[k] > high[axis] - low[axis]) axis = k;
    }
    return axis;
  }

  void Build(int64_t begin, int64_t end) {
    if (end - begin <= kLeafSize) return;
    const int axis = AxisOf(begin, end);
    const int64_t middle = begin + (end - begin) / 2;
    std::nth_element(points_.begin() + begin, points_.begin() + middle,
                     points_.begin() + end,
                     [axis](const Point& a, const Point& b) {
                       return a.position[axis] < b.position[axis];
                     });
    axes_[middle] = static_cast<int8_t>(axis);
    Build(begin, middle);
    Build(middle + 1, end);
  }

  static void Visit(const Point& point, const Point& query, Least3& nearest) {
    if (point.index == query.index) return;
    nearest.Add(SquaredDistance(point.position, query.position));
  }

  static void Visit(const Point& point, const Point& query, NearestK& nearest) {
    if (point.index == query.index) return;
    nearest.Add(SquaredDistance(point.position, query.position), point.index);
  }

  template <typename Nearest>
  void Search(int64_t begin, int64_t end, const Point& query,
              Nearest& nearest) const {
    if (end - begin <= kLeafSize) {
      for (int64_t i = begin; i < end; ++i) Visit(points_[i], query, nearest);
      return;
    }
    const int64_t middle = begin + (end - begin) / 2;
    const Point& split = points_[middle];
    const float beyond =
        query.position[axes_[middle]] - split.position[axes_[middle]];
    Visit(split, query, nearest);
    if (beyond < 0) {
      Search(begin, middle, query, nearest);
    } else {
      Search(middle + 1, end, query, nearest);
    }
    if (!(beyond * beyond < nearest.bound())) return;
    if (beyond < 0) {
      Search(middle + 1, end, query, nearest);
    } else {
      Search(begin, middle, query, nearest);
    }
  }

  std::vector<Point> points_;
  std::vector<int8_t> axes_;  // of the ranges, at their middle points
};

// The points whose coordinates are finite.
std::vector<Point> FinitePoints(const KnnInputs& inputs) {
  std::vector<Point> points;
  points.reserve(inputs.count);
  for (int64_t i = 0; i < inputs.count; ++i) {
    const float* p = inputs.points + 3 * i;
    if (std::isfinite(p[0]) && std::isfinite(p[1]) && std::isfinite(p[2])) {
      points.push_back({{p[0], p[1], p[2]}, i});
    }
  }
  return points;
}

// Calls `visit` for each point of `tree`, concurrently, in the tree's order, so
// that searches that follow each other meet the same points.
template <typename Visitor>
void ForEachPoint(const Tree& tree, const Visitor& visit) {
  ParallelFor(tree.size(), 1024, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) visit(tree.point(i));
  });
}

}  // namespace

void MeanSquaredDistanceToNearest3Cpu(const KnnInputs& inputs,
                                      float* mean_squared_distances) {
  std::fill_n(mean_squared_distances, inputs.count, 0.0f);
  const Tree tree(FinitePoints(inputs));
  ForEachPoint(tree, [&](const Point& point) {
    Least3 nearest;
    tree.Search(point, nearest);
    mean_squared_distances[point.index] = nearest.Mean();
  });
}

void NearestNeighboursCpu(const KnnInputs& inputs, int k, int64_t* neighbours) {
  for (int64_t i = 0; i < inputs.count; ++i) {
    std::fill_n(neighbours + i * k, k, i);
  }
  const Tree tree(FinitePoints(inputs));
  ForEachPoint(tree, [&](const Point& point) {
    NearestK nearest(k);
    tree.Search(point, nearest);
    std::copy_n(nearest.numbers, nearest.count, neighbours + point.index * k);
  });
}

}  // namespace dg4d
