#include "dg4d/geometry/inflation/limbs.h"

#include <limits>
#include <queue>

#include "dg4d/geometry/inflation/distance.h"
#include "dg4d/geometry/inflation/filters.h"

namespace dg4d::inflation {
namespace {

constexpr double kGround = 0.12;  // of the object's height
constexpr float kUnreached = std::numeric_limits<float>::infinity();

struct Residue {
  Mask body;   // what a ball of radius rho covers, rolling inside
  Mask rest;   // of the mask
  double rho;  // pixels
};

Residue OpenByBall(const Mask& mask, const Heights& heights) {
  Plane<float> distance(mask.height, mask.width);
  float largest = 0;
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      // From the contour to the pixel, and half a pixel to the next centre.
      distance(y, x) =
          0.5f + Sample(heights.inscribed, 2 * x + 0.5, 2 * y + 0.5);
      largest = std::max(largest, distance(y, x));
    }
  }
  Residue residue = {mask, mask, largest / 2};
  Mask deep(mask.height, mask.width);
  for (int i = 0; i < mask.size(); ++i) {
    deep.values[i] = distance.values[i] > residue.rho;
  }
  const Plane<float> to_deep = DistanceTo(deep);
  for (int i = 0; i < mask.size(); ++i) {
    residue.body.values[i] = mask.values[i] && to_deep.values[i] <= residue.rho;
    residue.rest.values[i] = mask.values[i] && !residue.body.values[i];
  }
  return residue;
}

// Labels 1.. of the parts of `rest` that survive an opening, grown back by less
// than `growth` pixels.
Components Parts(const Mask& rest, double growth) {
  const Mask seeds = OpenCross(rest);
  Components parts = ConnectedComponents(seeds, Connectivity::kEight);
  const Plane<int> nearest = NearestSet(seeds);
  const Plane<float> distance = DistanceTo(seeds);
  Plane<int> labels(rest.height, rest.width);
  for (int i = 0; i < rest.size(); ++i) {
    if (rest.values[i] && distance.values[i] < growth) {
      labels.values[i] = parts.labels.values[nearest.values[i]];
    }
  }
  parts.labels = std::move(labels);
  return parts;
}

// Length of the shortest way within `part` from `start`, in steps to the eight
// neighbours.
Plane<float> GeodesicDistance(const Mask& part, const Mask& start) {
  Plane<float> distance(part.height, part.width, kUnreached);
  using Entry = std::pair<float, int>;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<Entry>> queue;
  for (int i = 0; i < part.size(); ++i) {
    if (!start.values[i]) continue;
    distance.values[i] = 0;
    queue.emplace(0.0f, i);
  }
  while (!queue.empty()) {
    const auto [value, index] = queue.top();
    queue.pop();
    if (value > distance.values[index]) continue;
    const int y = index / part.width, x = index % part.width;
    for (int v = y - 1; v <= y + 1; ++v) {
      for (int u = x - 1; u <= x + 1; ++u) {
        if (!part.contains(v, u) || !part(v, u)) continue;
        const float next = value + (u != x && v != y ? std::sqrt(2.0f) : 1.0f);
        if (next < distance(v, u)) {
          distance(v, u) = next;
          queue.emplace(next, v * part.width + u);
        }
      }
    }
  }
  return distance;
}

Plane<float> Weights(const Plane<float>& geodesic, double length,
                     const Mask& mask, double scale) {
  Plane<float> weight(mask.height, mask.width);
  for (int i = 0; i < mask.size(); ++i) {
    const float g = geodesic.values[i];
    if (g != kUnreached) {
      weight.values[i] = SmoothStep(g / static_cast<float>(length));
    }
  }
  weight = BlurWithin(weight, mask, 2 * scale);
  ExtendNearest(mask, weight);
  return weight;
}

}  // namespace

std::vector<Limb> FindLimbs(const Mask& mask, const Heights& heights) {
  const double scale = mask.width / 256.0;
  const Residue residue = OpenByBall(mask, heights);
  const Components parts = Parts(residue.rest, 4 * scale);
  Mask near_body = residue.body;
  const int reach = std::max(1, static_cast<int>(std::lround(3 * scale)));
  for (int i = 0; i < reach; ++i) near_body = DilateCross(near_body);
  int top = mask.height, bottom = -1;
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      if (!mask(y, x)) continue;
      top = std::min(top, y);
      bottom = y;
    }
  }

  std::vector<Limb> limbs;
  for (int label = 1; label <= parts.count; ++label) {
    Mask part(mask.height, mask.width), contact = part;
    double sum_x = 0, sum_y = 0;
    int count = 0;
    for (int i = 0; i < mask.size(); ++i) {
      part.values[i] = parts.labels.values[i] == label;
      contact.values[i] = part.values[i] && near_body.values[i];
      if (!contact.values[i]) continue;
      sum_x += i % mask.width;
      sum_y += i / mask.width;
      ++count;
    }
    if (count == 0) continue;
    const Plane<float> geodesic = GeodesicDistance(part, contact);
    int tip = -1;
    for (int i = 0; i < mask.size(); ++i) {
      if (geodesic.values[i] == kUnreached) continue;
      if (tip < 0 || geodesic.values[i] > geodesic.values[tip]) tip = i;
    }
    const double length = geodesic.values[tip];
    if (length < 0.9 * residue.rho) continue;
    const int tip_y = tip / mask.width;
    limbs.push_back({{sum_x / count, sum_y / count},
                     {double(tip % mask.width), double(tip_y)},
                     length,
                     tip_y > bottom - kGround * (bottom - top + 1),
                     Weights(geodesic, length, mask, scale)});
  }
  return limbs;
}

}  // namespace dg4d::inflation
