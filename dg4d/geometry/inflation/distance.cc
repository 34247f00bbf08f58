#include "dg4d/geometry/inflation/distance.h"

#include <limits>

namespace dg4d::inflation {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The lower envelope of the parabolas cost[i] + (x - i)^2 along one line.
// Infinite costs stand for no parabola.
class Envelope {
 public:
  explicit Envelope(int longest)
      : apex_(longest), start_(static_cast<size_t>(longest) + 1) {}

  // Writes the envelope at 0..n-1 to `value` and the index of the parabola
  // that reaches it to `index`; infinity and -1 if there is no parabola.
  void Compute(const double* cost, int n, double* value, int* index) {
    int count = 0;
    for (int i = 0; i < n; ++i) {
      if (cost[i] == kInfinity) continue;
      double from = -kInfinity;
      while (count > 0) {
        const int j = apex_[count - 1];
        from = ((cost[i] + double(i) * i) - (cost[j] + double(j) * j)) /
               (2.0 * (i - j));
        if (from > start_[count - 1]) break;
        --count;
        from = -kInfinity;
      }
      apex_[count] = i;
      start_[count] = from;
      ++count;
    }
    int k = 0;
    for (int x = 0; x < n; ++x) {
      if (count == 0) {
        value[x] = kInfinity;
        index[x] = -1;
        continue;
      }
      while (k + 1 < count && start_[k + 1] < x) ++k;
      const double offset = x - apex_[k];
      value[x] = cost[apex_[k]] + offset * offset;
      index[x] = apex_[k];
    }
  }

 private:
  std::vector<int> apex_;
  std::vector<double> start_;
};

struct Transform {
  Plane<double> value;
  Plane<int> index;
};

// min over c of cost(c) + |x - c|^2 and the c that attains it, for each x.
Transform DistanceTransform(const Plane<double>& cost) {
  const int h = cost.height, w = cost.width;
  Transform result = {Plane<double>(h, w), Plane<int>(h, w, -1)};
  Envelope envelope(std::max(h, w));
  for (int y = 0; y < h; ++y) {
    envelope.Compute(&cost.values[size_t(y) * w], w,
                     &result.value.values[size_t(y) * w],
                     &result.index.values[size_t(y) * w]);
  }
  std::vector<double> column(h), value(h);
  std::vector<int> row(h), source(h);
  for (int x = 0; x < w; ++x) {
    for (int y = 0; y < h; ++y) {
      column[y] = result.value(y, x);
      source[y] = result.index(y, x);
    }
    envelope.Compute(column.data(), h, value.data(), row.data());
    for (int y = 0; y < h; ++y) {
      result.value(y, x) = value[y];
      result.index(y, x) = row[y] < 0 ? -1 : row[y] * w + source[row[y]];
    }
  }
  return result;
}

Transform ToSetPixels(const Mask& mask) {
  Plane<double> cost(mask.height, mask.width, kInfinity);
  for (int i = 0; i < mask.size(); ++i) {
    if (mask.values[i]) cost.values[i] = 0;
  }
  return DistanceTransform(cost);
}

}  // namespace

Plane<float> DistanceTo(const Mask& mask) {
  const Transform transform = ToSetPixels(mask);
  Plane<float> distance(mask.height, mask.width);
  for (int i = 0; i < mask.size(); ++i) {
    const double squared = transform.value.values[i];
    distance.values[i] =
        squared == kInfinity ? kNoDistance : float(std::sqrt(squared));
  }
  return distance;
}

Plane<float> DistanceInside(const Mask& mask) {
  Mask outside(mask.height, mask.width);
  for (int i = 0; i < mask.size(); ++i) outside.values[i] = !mask.values[i];
  return DistanceTo(outside);
}

Plane<int> NearestSet(const Mask& mask) { return ToSetPixels(mask).index; }

Plane<float> SquaredBallHeights(const Plane<float>& distance) {
  Plane<double> cost(distance.height, distance.width, kInfinity);
  for (int i = 0; i < distance.size(); ++i) {
    const double d = distance.values[i];
    if (d > 0) cost.values[i] = -d * d;
  }
  const Transform transform = DistanceTransform(cost);
  Plane<float> heights(distance.height, distance.width);
  for (int i = 0; i < distance.size(); ++i) {
    if (distance.values[i] > 0) {
      heights.values[i] = float(std::max(0.0, -transform.value.values[i]));
    }
  }
  return heights;
}

}  // namespace dg4d::inflation
