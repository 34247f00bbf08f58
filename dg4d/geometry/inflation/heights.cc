#include "dg4d/geometry/inflation/heights.h"

#include "dg4d/geometry/inflation/distance.h"
#include "dg4d/geometry/inflation/filters.h"
#include "dg4d/geometry/inflation/ground.h"
#include "dg4d/geometry/inflation/hems.h"
#include "dg4d/geometry/inflation/screened_poisson.h"

namespace dg4d::inflation {
namespace {

constexpr double kSmoothing = 0.2;  // of the largest radius

// The part of the enlarged picture that holds the object, with room around it
// for what is continued beyond the contour.
struct Canvas {
  int top, left;  // of the canvas, in the enlarged picture; may be negative
  int picture_size;
  Plane<float> alpha;  // 0 beyond the picture
  Mask mask;           // alpha > 0.5

  int row(int picture_row) const { return picture_row - top; }
  int column(int picture_column) const { return picture_column - left; }
};

Canvas MakeCanvas(const Plane<float>& alpha) {
  const int size = alpha.width;
  int top = size, bottom = -1, left = size, right = -1;
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      if (alpha(y, x) <= 0.5f) continue;
      top = std::min(top, y);
      bottom = y;
      left = std::min(left, x);
      right = std::max(right, x);
    }
  }
  const int margin = size / 3;
  Canvas canvas = {top - margin, left - margin, size, {}, {}};
  const int height = bottom - top + 1 + 2 * margin;
  const int width = right - left + 1 + 2 * margin;
  canvas.alpha = Plane<float>(height, width);
  canvas.mask = Mask(height, width);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      if (!alpha.contains(y + canvas.top, x + canvas.left)) continue;
      const float value = alpha(y + canvas.top, x + canvas.left);
      canvas.alpha(y, x) = value;
      canvas.mask(y, x) = value > 0.5f;
    }
  }
  return canvas;
}

// Pixels where the object is taken to go on: below its feet, and beyond the
// borders of the picture that it touches.
Mask Continuation(const Canvas& canvas) {
  const Mask& mask = canvas.mask;
  Mask cut(mask.height, mask.width);
  for (const Foot& foot : FindFeet(mask)) {
    for (size_t i = 0; i < foot.ground.size(); ++i) {
      const int end = std::min(mask.height, foot.ground[i] + foot.depth);
      for (int y = foot.ground[i]; y < end; ++y) {
        cut(y, foot.left + static_cast<int>(i)) = 1;
      }
    }
  }
  const int first_row = std::max(0, canvas.row(0));
  const int last_row =
      std::min(mask.height, canvas.row(canvas.picture_size)) - 1;
  const int first_column = std::max(0, canvas.column(0));
  const int last_column =
      std::min(mask.width, canvas.column(canvas.picture_size)) - 1;
  for (int x = first_column; x <= last_column; ++x) {
    for (int y = 0; y < first_row; ++y) cut(y, x) |= mask(first_row, x);
    for (int y = last_row + 1; y < mask.height; ++y) {
      cut(y, x) |= mask(last_row, x);
    }
  }
  for (int y = first_row; y <= last_row; ++y) {
    for (int x = 0; x < first_column; ++x) cut(y, x) |= mask(y, first_column);
    for (int x = last_column + 1; x < mask.width; ++x) {
      cut(y, x) |= mask(y, last_column);
    }
  }
  return cut;
}

// Signed distance to the contour of the object and its continuation, with the
// stair-steps of pixels smoothed near the contour.
Plane<float> SignedDistance(const Mask& mask, const Mask& continuation,
                            double scale) {
  Mask inside(mask.height, mask.width);
  for (int i = 0; i < mask.size(); ++i) {
    inside.values[i] = mask.values[i] | continuation.values[i];
  }
  Plane<float> distance = DistanceInside(inside);
  const Plane<float> outside = DistanceTo(inside);
  const float farthest = static_cast<float>(mask.height + mask.width);
  for (int i = 0; i < mask.size(); ++i) {
    const float d =
        inside.values[i] ? distance.values[i] - 0.5f : 0.5f - outside.values[i];
    distance.values[i] = std::clamp(d, -farthest, farthest);
  }
  const Plane<float> blurred = Blur(distance, 2 * scale);
  for (int i = 0; i < mask.size(); ++i) {
    const float d = distance.values[i];
    const float t = d / static_cast<float>(6 * scale);
    distance.values[i] += std::exp(-t * t) * (blurred.values[i] - d);
  }
  return distance;
}

// A pixel whose distance is the largest of the 5x5 around it and not small.
Mask Ridge(const Plane<float>& distance) {
  Plane<float> negated = distance;
  for (float& value : negated.values) value = -value;
  const Plane<float> minimum = MinimumFilter(negated, 2);
  const float largest =
      *std::max_element(distance.values.begin(), distance.values.end());
  Mask ridge(distance.height, distance.width);
  for (int i = 0; i < distance.size(); ++i) {
    const float d = distance.values[i];
    ridge.values[i] = d > 0.3f * largest && d >= -minimum.values[i];
  }
  return ridge;
}

// Smooths thick parts more than thin ones, and makes up for the thickness that
// the smoothing takes.
Plane<float> SmoothHeights(const Plane<float>& u,
                           const Plane<float>& distance) {
  const double radius =
      std::sqrt(*std::max_element(u.values.begin(), u.values.end()));
  if (radius <= 0) return u;
  Mask inside(u.height, u.width);
  for (int i = 0; i < u.size(); ++i) {
    inside.values[i] = distance.values[i] > 0;
  }
  constexpr int kLevels = 4;
  const double positions[kLevels] = {0, 0.25, 0.5, 1};
  Plane<float> levels[kLevels] = {u};
  for (int i = 1; i < kLevels; ++i) {
    const double length = kSmoothing * radius * positions[i];
    levels[i] =
        SolveScreenedPoisson(u, inside, length * length / 2, levels[i - 1]);
  }
  const Plane<float> thickness = Blur(u, std::max(1.0, 0.15 * radius));
  const Mask ridge = Ridge(distance);
  Plane<float> smooth(u.height, u.width);
  std::vector<float> ratios;
  for (int i = 0; i < u.size(); ++i) {
    if (!inside.values[i]) continue;
    const double t =
        std::min(1.0, std::sqrt(std::max(0.0f, thickness.values[i])) / radius);
    int k = 0;
    while (k + 2 < kLevels && t > positions[k + 1]) ++k;
    const float f = static_cast<float>((t - positions[k]) /
                                       (positions[k + 1] - positions[k]));
    smooth.values[i] = std::max(
        0.0f, levels[k].values[i] * (1 - f) + levels[k + 1].values[i] * f);
    if (ridge.values[i] && smooth.values[i] > 0) {
      ratios.push_back(u.values[i] / smooth.values[i]);
    }
  }
  if (ratios.empty()) return smooth;
  const auto middle = ratios.begin() + ratios.size() / 2;
  std::nth_element(ratios.begin(), middle, ratios.end());
  const float gain = std::clamp(*middle, 1.0f, 1.6f);
  for (float& value : smooth.values) value *= gain;
  return smooth;
}

Plane<float> Inflate(const Canvas& canvas, const Mask& continuation,
                     double scale, Plane<float>* distance_out) {
  const Plane<float> distance =
      SignedDistance(canvas.mask, continuation, scale);
  Plane<float> u = SmoothHeights(SquaredBallHeights(distance), distance);
  if (distance_out != nullptr) *distance_out = distance;
  return u;
}

// Above the hem the surface is at least as thick as if the part went on
// downwards at full width.
void RaiseAboveHem(const Canvas& canvas, const Mask& continuation,
                   const Hem& hem, double scale, Plane<float>& u) {
  Mask open = continuation;
  for (int x = hem.left; x < hem.right(); ++x) {
    for (int y = canvas.row(hem.top); y < open.height; ++y) {
      open(y, canvas.column(x)) = 1;
    }
  }
  const Plane<float> bell = Inflate(canvas, open, scale, nullptr);
  for (int x = hem.left; x < hem.right(); ++x) {
    const int column = canvas.column(x);
    const double end = canvas.row(0) + hem.curve[x - hem.left];
    for (int y = 0; y < u.height && y <= end; ++y) {
      if (canvas.mask(y, column)) {
        u(y, column) = std::max(u(y, column), bell(y, column));
      }
    }
  }
}

}  // namespace

Heights ComputeHeights(const Cutout& cutout, const RgbPlane& front_colours,
                       const HeightOptions& options) {
  const double scale = cutout.size() / 256.0;
  const int size = 2 * cutout.size();
  const Plane<float> alpha = ResizeBilinear(cutout.alpha, size, size);
  Heights heights;
  heights.squared = Plane<float>(size, size);
  heights.inscribed = Plane<float>(size, size, -kNoDistance);
  const Canvas canvas = MakeCanvas(alpha);
  if (Count(canvas.mask) == 0) return heights;

  const Mask continuation = Continuation(canvas);
  Plane<float> distance;
  Plane<float> u = Inflate(canvas, continuation, scale, &distance);

  Mask mask(size, size);
  for (int i = 0; i < mask.size(); ++i) mask.values[i] = alpha.values[i] > 0.5f;
  const std::vector<Hem> hems = FindHems(
      mask, ResizeBilinear(front_colours, size, size), options.hem_min_aspect);
  for (const Hem& hem : hems) {
    RaiseAboveHem(canvas, continuation, hem, scale, u);
  }
  heights.hems = static_cast<int>(hems.size());

  for (int y = 0; y < canvas.mask.height; ++y) {
    for (int x = 0; x < canvas.mask.width; ++x) {
      const int row = y + canvas.top, column = x + canvas.left;
      if (!alpha.contains(row, column)) continue;
      heights.inscribed(row, column) = distance(y, x) / 2;
      const double h = std::sqrt(u(y, x)) / 2;
      const double excess = std::pow(h / options.highest, 4);
      heights.squared(row, column) =
          static_cast<float>(h * h / std::sqrt(1 + excess));
    }
  }
  return heights;
}

}  // namespace dg4d::inflation
