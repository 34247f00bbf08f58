#ifndef DG4D_TESTDATA_RAY_MARCH_H_
#define DG4D_TESTDATA_RAY_MARCH_H_

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "dg4d/scene/image.h"

namespace dg4d::pictures {

struct Vec {
  float x = 0, y = 0, z = 0;
};
inline Vec operator+(Vec a, Vec b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
inline Vec operator-(Vec a, Vec b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
inline Vec operator*(Vec a, Vec b) { return {a.x * b.x, a.y * b.y, a.z * b.z}; }
inline Vec operator*(Vec a, float s) { return {a.x * s, a.y * s, a.z * s}; }
inline Vec operator/(Vec a, Vec b) { return {a.x / b.x, a.y / b.y, a.z / b.z}; }
inline float Dot(Vec a, Vec b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
inline float Length(Vec a) { return std::sqrt(Dot(a, a)); }
inline Vec Normalize(Vec a) { return a * (1 / std::max(Length(a), 1e-12f)); }
inline Vec Mix(Vec a, Vec b, float t) { return a * (1 - t) + b * t; }
inline float Mix(float a, float b, float t) { return a * (1 - t) + b * t; }
inline float Step(float from, float to, float x) {
  const float t = std::clamp((x - from) / (to - from), 0.0f, 1.0f);
  return t * t * (3 - 2 * t);
}
inline Vec RotateX(Vec p, float radians) {
  const float c = std::cos(radians), s = std::sin(radians);
  return {p.x, c * p.y - s * p.z, s * p.y + c * p.z};
}
inline Vec RotateY(Vec p, float radians) {
  const float c = std::cos(radians), s = std::sin(radians);
  return {c * p.x + s * p.z, p.y, c * p.z - s * p.x};
}
inline Vec RotateZ(Vec p, float radians) {
  const float c = std::cos(radians), s = std::sin(radians);
  return {c * p.x - s * p.y, s * p.x + c * p.y, p.z};
}

// Signed distances (or safe bounds) of solids, after Inigo Quilez's articles.
float Sphere(Vec p, Vec center, float radius);
float Ellipsoid(Vec p, Vec center, Vec radii);
// Two spheres and the cone that touches them.
float RoundCone(Vec p, Vec a, float radius_a, Vec b, float radius_b);
// Edges rounded by `round`, which the half sides include.
float Box(Vec p, Vec center, Vec half_sides, float round);
// Around the axis y.
float Torus(Vec p, Vec center, float major, float minor);
float Cylinder(Vec p, Vec center, float radius, float half_height, float round);
// The union and the cut, blended over `width`.
float SmoothUnion(float a, float b, float width);
float SmoothCut(float a, float b, float width);

// Value noise in [0, 1], and a sum of four octaves.
float Noise(Vec p);
float Clouds(Vec p);

// One solid of one paint.
struct Part {
  std::function<float(Vec)> distance;
  // sRGB, from 0 to 1, at a point of the surface.
  std::function<Vec(Vec)> paint;
  float gloss = 0.3;  // 0 is clay, 1 is glazed
  // A sphere that holds the part, to skip far ones.
  Vec center;
  float radius = 10;
};

struct Picture {
  std::vector<Part> parts;
  int height = 512;
  int width = 512;
  // The camera of the reference view: on +z, 2 from the origin, turned down by
  // `look_down_degrees` around the origin.
  float look_down_degrees = 0;
  // What rays that miss see; without it they are transparent.
  std::function<Vec(Vec direction)> backdrop;
  int samples = 3;  // a side, in each pixel
};

Image Render(const Picture& picture);

}  // namespace dg4d::pictures

#endif  // DG4D_TESTDATA_RAY_MARCH_H_
