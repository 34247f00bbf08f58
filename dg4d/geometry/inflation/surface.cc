#include "dg4d/geometry/inflation/surface.h"

#include "dg4d/geometry/inflation/distance.h"
#include "dg4d/geometry/inflation/filters.h"
#include "dg4d/geometry/inflation/sheet.h"

namespace dg4d::inflation {
namespace {

constexpr double kLeastHeight = 0.2;  // pixels, so that walls have an area

// How straight the back may go at each pixel: 1 straight back, 0 on the ray.
// A step away from the ray is taken only if it stays within the silhouette.
Plane<float> Straightness(const Plane<float>& alpha, const Heights& heights,
                          const ReferenceFrame& frame) {
  constexpr int kSteps = 8;
  const double scale = frame.size / 256.0;
  Mask mask(alpha.height, alpha.width);
  for (int i = 0; i < mask.size(); ++i) mask.values[i] = alpha.values[i] > 0.5f;
  Plane<float> inside = DistanceInside(mask);
  for (int i = 0; i < mask.size(); ++i) {
    inside.values[i] = mask.values[i] ? inside.values[i] - 0.5f : -1;
  }
  const double centre = (frame.size - 1) / 2.0;
  Plane<float> straightness(mask.height, mask.width);
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      if (!mask(y, x)) continue;
      const double q = heights.Height(x, y) * frame.pixel / frame.radius;
      const double least = std::min(inside(y, x), 0.5f) - 0.25;
      for (int step = 1; step <= kSteps; ++step) {
        const double t = double(step) / kSteps;
        const double g = (1 + (1 - t) * q) / (1 + q);
        const double moved_x = centre + g * (x - centre);
        const double moved_y = centre + g * (y - centre);
        if (Sample(inside, moved_x, moved_y) < least) break;
        straightness(y, x) = static_cast<float>(t);
      }
    }
  }
  ExtendNearest(mask, straightness);
  const int radius = std::max(1, static_cast<int>(std::lround(2 * scale)));
  return Blur(MinimumFilter(straightness, radius), 3 * scale);
}

}  // namespace

std::array<double, 3> ReferenceFrame::World(
    const std::array<double, 3>& p) const {
  std::array<double, 3> world = origin;
  for (int i = 0; i < 3; ++i) {
    world[i] += right[i] * p[0] + up[i] * p[1] + back[i] * p[2];
  }
  return world;
}

std::array<double, 3> ReferenceFrame::OnRay(double x, double y,
                                            double z) const {
  const double s = (1 - z / radius) * pixel;
  return {(x + 0.5 - size / 2.0) * s, -(y + 0.5 - size / 2.0) * s, z};
}

std::array<double, 2> ReferenceFrame::Project(
    const std::array<double, 3>& p) const {
  const double s = (1 - p[2] / radius) * pixel;
  return {p[0] / s + size / 2.0 - 0.5, -p[1] / s + size / 2.0 - 0.5};
}

ReferenceFrame MakeReferenceFrame(const Camera& camera, int size) {
  const std::array<double, 16>& m = camera.world_from_camera;
  ReferenceFrame frame;
  for (int i = 0; i < 3; ++i) {
    frame.right[i] = m[4 * i];
    frame.up[i] = m[4 * i + 1];
    frame.back[i] = m[4 * i + 2];
  }
  const std::array<double, 3> position = camera.position();
  frame.radius = 0;
  for (int i = 0; i < 3; ++i) frame.radius += position[i] * frame.back[i];
  for (int i = 0; i < 3; ++i) {
    frame.origin[i] = position[i] - frame.radius * frame.back[i];
  }
  frame.size = size;
  frame.pixel = 2 * std::tan(camera.fov_y / 2) * frame.radius / size;
  return frame;
}

std::array<double, 3> BackPoint(const ReferenceFrame& frame, double x, double y,
                                double z, double straightness) {
  const std::array<double, 3> straight = frame.OnRay(x, y, 0);
  const double s = 1 + (1 - straightness) * z / frame.radius;
  return {straight[0] * s, straight[1] * s, -z};
}

Surface BuildSurface(const Plane<float>& alpha, const Heights& heights,
                     const ReferenceFrame& frame) {
  const Sheet sheet = MarchingSquares(alpha);
  const int n = static_cast<int>(sheet.points.size());
  Surface surface;
  surface.straightness = Straightness(alpha, heights, frame);
  surface.sheet_triangles = static_cast<int>(sheet.triangles.size());
  surface.vertices.resize(2 * n);
  surface.pixels.resize(2 * n);
  for (int i = 0; i < n; ++i) {
    const auto [x, y] = sheet.points[i];
    const double z = std::max(kLeastHeight, heights.Height(x, y)) * frame.pixel;
    surface.pixels[i] = surface.pixels[n + i] = sheet.points[i];
    surface.vertices[i] = frame.OnRay(x, y, z);
    surface.vertices[n + i] =
        BackPoint(frame, x, y, z, Sample(surface.straightness, x, y));
  }
  for (const auto& [a, b, c] : sheet.triangles) {
    surface.triangles.push_back({a, b, c});
  }
  for (const auto& [a, b, c] : sheet.triangles) {
    surface.triangles.push_back({n + a, n + c, n + b});
  }
  for (const auto& [a, b] : sheet.contour) {
    surface.triangles.push_back({b, a, n + a});
    surface.triangles.push_back({b, n + a, n + b});
  }
  return surface;
}

}  // namespace dg4d::inflation
