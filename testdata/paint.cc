#include "testdata/paint.h"

#include <algorithm>
#include <cmath>

namespace dg4d::pictures {

std::function<Vec(Vec)> Plain(Vec colour) {
  return [colour](Vec) { return colour; };
}

float Ink(float d) { return 1 - Step(-0.0025f, 0.0025f, d); }

float Stripes(float coordinate, float width) {
  const float saw = std::abs(std::fmod(std::abs(coordinate) / width, 2.0f) - 1);
  return Step(0.47f, 0.53f, saw);
}

float Stroke(float x, float y, Vec a, Vec b, float half) {
  const float dx = b.x - a.x, dy = b.y - a.y;
  const float t = std::clamp(
      ((x - a.x) * dx + (y - a.y) * dy) / (dx * dx + dy * dy), 0.0f, 1.0f);
  return std::hypot(x - a.x - t * dx, y - a.y - t * dy) - half;
}

void AddEye(Picture& picture, Vec center, Vec radii) {
  picture.parts.push_back(
      {.distance = [=](Vec p) { return Ellipsoid(p, center, radii); },
       .paint =
           [=](Vec p) {
             const Vec q = (p - center) / radii;
             const float big =
                 Ink((std::hypot(q.x + 0.3f, q.y - 0.42f) - 0.3f) * radii.x);
             const float small =
                 Ink((std::hypot(q.x - 0.3f, q.y + 0.4f) - 0.15f) * radii.x);
             const Vec iris =
                 Mix(Vec{0.10f, 0.07f, 0.07f}, Vec{0.33f, 0.20f, 0.12f},
                     Step(0.1f, -0.9f, q.y));
             return Mix(iris, Vec{1, 1, 1}, std::max(big, 0.7f * small));
           },
       .gloss = 0.6,
       .center = center,
       .radius = std::max({radii.x, radii.y, radii.z})});
}

}  // namespace dg4d::pictures
