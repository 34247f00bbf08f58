#include "dg4d/geometry/inflation/segments.h"

#include <limits>
#include <map>
#include <opencv2/imgproc.hpp>
#include <queue>
#include <random>
#include <tuple>

#include "dg4d/geometry/inflation/filters.h"

namespace dg4d::inflation {
namespace {

constexpr int kClusters = 12;
constexpr int kIterations = 30;
constexpr int kAttempts = 2;
constexpr float kLightnessWeight = 0.6f;  // shading is no material
constexpr float kLikeColours = 11;        // merged up to this difference
constexpr int kLeastSharedEdges = 3;

struct Clustering {
  std::vector<int> labels;
  std::vector<Rgb> centres;
  double cost = std::numeric_limits<double>::infinity();
};

// Seeds drawn with a probability that grows with the squared distance to the
// nearest seed so far (k-means++, Arthur & Vassilvitskii 2007).
std::vector<Rgb> DrawSeeds(const std::vector<Rgb>& points,
                           std::mt19937& generator) {
  const auto uniform = [&] { return generator() / 4294967296.0; };
  std::vector<Rgb> seeds = {
      points[static_cast<size_t>(uniform() * points.size())]};
  std::vector<float> nearest(points.size(),
                             std::numeric_limits<float>::infinity());
  while (seeds.size() < kClusters) {
    double total = 0;
    for (size_t i = 0; i < points.size(); ++i) {
      nearest[i] =
          std::min(nearest[i], SquaredDifference(points[i], seeds.back()));
      total += nearest[i];
    }
    if (total == 0) break;  // fewer colours than clusters
    double rest = uniform() * total;
    size_t drawn = 0;
    while (drawn + 1 < points.size() && rest >= nearest[drawn]) {
      rest -= nearest[drawn++];
    }
    seeds.push_back(points[drawn]);
  }
  return seeds;
}

Clustering Cluster(const std::vector<Rgb>& points, std::mt19937& generator) {
  Clustering result;
  result.centres = DrawSeeds(points, generator);
  result.labels.assign(points.size(), -1);
  const int k = static_cast<int>(result.centres.size());
  for (int iteration = 0; iteration < kIterations; ++iteration) {
    bool changed = false;
    result.cost = 0;
    std::vector<std::array<double, 4>> sums(k, {0, 0, 0, 0});
    for (size_t i = 0; i < points.size(); ++i) {
      int best = 0;
      float least = std::numeric_limits<float>::infinity();
      for (int c = 0; c < k; ++c) {
        const float d = SquaredDifference(points[i], result.centres[c]);
        if (d < least) {
          least = d;
          best = c;
        }
      }
      changed |= result.labels[i] != best;
      result.labels[i] = best;
      result.cost += least;
      for (int j = 0; j < 3; ++j) sums[best][j] += points[i][j];
      sums[best][3] += 1;
    }
    if (!changed) break;
    for (int c = 0; c < k; ++c) {
      if (sums[c][3] == 0) continue;
      for (int j = 0; j < 3; ++j) {
        result.centres[c][j] = static_cast<float>(sums[c][j] / sums[c][3]);
      }
    }
  }
  return result;
}

RgbPlane FilteredLab(const RgbPlane& rgb) {
  RgbPlane filtered(rgb.height, rgb.width);
  cv::Mat out(rgb.height, rgb.width, CV_32FC3, filtered.values.data());
  const cv::Mat in(rgb.height, rgb.width, CV_32FC3,
                   const_cast<Rgb*>(rgb.values.data()));
  cv::bilateralFilter(in, out, 5, 0.08, 2);
  RgbPlane lab = LabFromRgb(filtered);
  for (Rgb& value : lab.values) value[0] *= kLightnessWeight;
  return lab;
}

// Regions and how many pixel edges each shares with its neighbours; merging
// keeps both up to date.
class RegionGraph {
 public:
  RegionGraph(const Plane<int>& labels, const RgbPlane& colours, int count)
      : parent_(count), sums_(count, {0, 0, 0, 0}), edges_(count) {
    for (int i = 0; i < count; ++i) parent_[i] = i;
    for (int y = 0; y < labels.height; ++y) {
      for (int x = 0; x < labels.width; ++x) {
        const int label = labels(y, x);
        if (label < 0) continue;
        for (int c = 0; c < 3; ++c) sums_[label][c] += colours(y, x)[c];
        sums_[label][3] += 1;
        if (x + 1 < labels.width) AddEdge(label, labels(y, x + 1));
        if (y + 1 < labels.height) AddEdge(label, labels(y + 1, x));
      }
    }
  }

  void MergeLikeNeighbours() {
    for (int a = 0; a < static_cast<int>(edges_.size()); ++a) {
      for (const auto& [b, count] : edges_[a]) {
        if (a < b) Offer(a, b, count);
      }
    }
    while (!queue_.empty()) {
      const auto [difference, a, b] = queue_.top();
      queue_.pop();
      const auto found = edges_[a].find(b);
      // Merged away, or its mean has moved: then a newer offer stands.
      if (parent_[a] != a || found == edges_[a].end() ||
          difference != Difference(a, b)) {
        continue;
      }
      Merge(a, b);
    }
  }

  int Root(int region) {
    while (parent_[region] != region) {
      region = parent_[region] = parent_[parent_[region]];
    }
    return region;
  }

 private:
  using Offered = std::tuple<double, int, int>;  // difference, a < b

  void AddEdge(int a, int b) {
    if (b < 0 || a == b) return;
    ++edges_[a][b];
    ++edges_[b][a];
  }

  double Difference(int a, int b) const {
    double total = 0;
    for (int c = 0; c < 3; ++c) {
      const double d = sums_[a][c] / sums_[a][3] - sums_[b][c] / sums_[b][3];
      total += d * d;
    }
    return std::sqrt(total);
  }

  void Offer(int a, int b, int shared_edges) {
    if (a > b) std::swap(a, b);
    const double difference = Difference(a, b);
    if (shared_edges >= kLeastSharedEdges && difference <= kLikeColours) {
      queue_.emplace(difference, a, b);
    }
  }

  void Merge(int a, int b) {
    parent_[b] = a;
    for (int c = 0; c < 4; ++c) sums_[a][c] += sums_[b][c];
    edges_[a].erase(b);
    for (const auto& [other, count] : edges_[b]) {
      edges_[other].erase(b);
      if (other == a) continue;
      edges_[a][other] += count;
      edges_[other][a] += count;
    }
    edges_[b].clear();
    for (const auto& [other, count] : edges_[a]) Offer(a, other, count);
  }

  std::vector<int> parent_;
  std::vector<std::array<double, 4>> sums_;  // colour and area
  std::vector<std::map<int, int>> edges_;    // neighbour -> shared edges
  std::priority_queue<Offered, std::vector<Offered>, std::greater<Offered>>
      queue_;
};

// Connected parts of each cluster, numbered 0..count-1; -1 outside.
int LabelParts(const Plane<int>& cluster, int clusters, Plane<int>& part) {
  part = Plane<int>(cluster.height, cluster.width, -1);
  int count = 0;
  for (int c = 0; c < clusters; ++c) {
    Mask mask(cluster.height, cluster.width);
    for (int i = 0; i < mask.size(); ++i) {
      mask.values[i] = cluster.values[i] == c;
    }
    const Components components =
        ConnectedComponents(mask, Connectivity::kFour);
    for (int i = 0; i < mask.size(); ++i) {
      const int label = components.labels.values[i];
      if (label > 0) part.values[i] = count + label - 1;
    }
    count += components.count;
  }
  return count;
}

}  // namespace

Segmentation SegmentColours(const RgbPlane& rgb, const Mask& mask) {
  const RgbPlane lab = FilteredLab(rgb);
  std::vector<Rgb> points;
  for (int i = 0; i < mask.size(); ++i) {
    if (mask.values[i]) points.push_back(lab.values[i]);
  }
  Segmentation result;
  result.cluster = Plane<int>(mask.height, mask.width, -1);
  result.segment = result.cluster;
  if (points.empty()) return result;

  std::mt19937 generator(1);
  Clustering best;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    Clustering clustering = Cluster(points, generator);
    if (clustering.cost < best.cost) best = std::move(clustering);
  }
  size_t next = 0;
  for (int i = 0; i < mask.size(); ++i) {
    if (mask.values[i]) result.cluster.values[i] = best.labels[next++];
  }
  result.colours = best.centres;

  Plane<int> part;
  const int parts =
      LabelParts(result.cluster, static_cast<int>(best.centres.size()), part);
  RegionGraph graph(part, lab, parts);
  graph.MergeLikeNeighbours();
  std::vector<int> number(parts, -1);
  for (int i = 0; i < mask.size(); ++i) {
    if (!mask.values[i]) continue;
    int& id = number[graph.Root(part.values[i])];
    if (id < 0) id = result.segments++;
    result.segment.values[i] = id;
  }
  return result;
}

}  // namespace dg4d::inflation
