#include <algorithm>
#include <cmath>

#include "testdata/paint.h"
#include "testdata/ray_march.h"
#include "testdata/subjects.h"

namespace dg4d::pictures {

Picture DuckPhoto() {
  Picture picture;
  picture.height = 480;
  picture.width = 640;
  picture.look_down_degrees = 14;
  auto& parts = picture.parts;
  const Vec yellow = {0.98f, 0.80f, 0.12f};
  constexpr float kFloor = -0.50f;
  const auto own = [](Vec p) { return RotateY(p, -0.55f); };
  parts.push_back(
      {.distance =
           [=](Vec p) {
             const Vec q = own(p);
             float body =
                 Ellipsoid(q, {0.05f, -0.265f, 0}, {0.37f, 0.25f, 0.28f});
             body = SmoothUnion(body,
                                RoundCone(q, {0.28f, -0.16f, 0}, 0.12f,
                                          {0.43f, 0.02f, 0}, 0.03f),
                                0.12f);
             body = SmoothUnion(
                 body, Ellipsoid(q, {-0.17f, -0.08f, 0}, {0.15f, 0.18f, 0.15f}),
                 0.12f);
             body = SmoothUnion(body, Sphere(q, {-0.20f, 0.20f, 0}, 0.205f),
                                0.06f);
             const Vec w = {q.x, q.y, std::abs(q.z)};
             const float wing =
                 Ellipsoid(RotateZ(w - Vec{0.11f, -0.18f, 0.255f}, -0.25f), {},
                           {0.20f, 0.12f, 0.06f});
             return SmoothCut(SmoothUnion(body, wing, 0.03f), kFloor - p.y,
                              0.02f);
           },
       .paint = Plain(yellow),
       .gloss = 0.7,
       .center = {0, -0.1f, 0},
       .radius = 0.75});
  parts.push_back({.distance =
                       [=](Vec p) {
                         const Vec q = own(p);
                         const float upper = Ellipsoid(q, {-0.41f, 0.175f, 0},
                                                       {0.11f, 0.034f, 0.085f});
                         const float lower = Ellipsoid(
                             q, {-0.395f, 0.135f, 0}, {0.085f, 0.025f, 0.065f});
                         return SmoothUnion(upper, lower, 0.015f);
                       },
                   .paint = Plain({0.95f, 0.42f, 0.10f}),
                   .gloss = 0.6,
                   .center = RotateY({-0.4f, 0.16f, 0}, 0.55f),
                   .radius = 0.16});
  for (const float side : {-1.0f, 1.0f}) {
    AddEye(picture, RotateY({-0.325f, 0.275f, 0.125f * side}, 0.55f),
           {0.034f, 0.042f, 0.034f});
  }
  // The table: boards with grain.
  parts.push_back(
      {.distance = [=](Vec p) { return p.y - kFloor; },
       .paint =
           [=](Vec p) {
             const float board = std::floor((p.z + 10) / 0.27f);
             const Vec shift = {7.3f * board, 0, 3.1f * board};
             const float grain = Clouds(Vec{p.x * 2.2f, 0, p.z * 26} + shift);
             const float fine = Noise(Vec{p.x * 9, 0, p.z * 150} + shift);
             Vec c = Mix(Vec{0.42f, 0.25f, 0.15f}, Vec{0.66f, 0.44f, 0.27f},
                         0.75f * grain + 0.25f * fine);
             c = c * (0.88f + 0.24f * Noise(Vec{board * 5.7f, 0, 0}));
             const float gap = std::abs(std::remainder(p.z + 10, 0.27f));
             return c * (0.45f + 0.55f * Step(0.002f, 0.008f, gap));
           },
       .gloss = 0.25,
       .center = {0, kFloor, 0},
       .radius = 50});
  // The wall: paper with a print.
  parts.push_back(
      {.distance = [=](Vec p) { return p.z + 1.5f; },
       .paint =
           [=](Vec p) {
             const float a = std::remainder(p.x + 0.1f, 0.36f);
             const float b = std::remainder(p.y, 0.36f);
             const float a2 = std::remainder(p.x + 0.28f, 0.36f);
             const float b2 = std::remainder(p.y + 0.18f, 0.36f);
             const Vec base = Mix(Vec{0.40f, 0.55f, 0.60f},
                                  Vec{0.46f, 0.61f, 0.65f}, Clouds(p * 14));
             const float print = std::max(Ink(std::hypot(a, b) - 0.07f),
                                          Ink(std::hypot(a2, b2) - 0.035f));
             return Mix(base, Vec{0.68f, 0.76f, 0.74f}, 0.75f * print);
           },
       .gloss = 0,
       .center = {0, 0, -1.5f},
       .radius = 50});
  picture.backdrop = [](Vec) { return Vec{0.4f, 0.5f, 0.55f}; };
  return picture;
}

}  // namespace dg4d::pictures
