#include <algorithm>
#include <cmath>

#include "testdata/paint.h"
#include "testdata/ray_march.h"
#include "testdata/subjects.h"

namespace dg4d::pictures {

Picture Robot() {
  Picture picture;
  auto& parts = picture.parts;
  const Vec teal = {0.22f, 0.62f, 0.62f}, orange = {0.96f, 0.55f, 0.18f};
  const Vec grey = {0.62f, 0.65f, 0.70f}, ink = {0.12f, 0.15f, 0.24f};
  const Vec white = {0.97f, 0.96f, 0.93f}, red = {0.88f, 0.24f, 0.22f};

  parts.push_back(
      {.distance =
           [=](Vec p) {
             return Box(p, {0, -0.10f, 0}, {0.235f, 0.225f, 0.155f}, 0.07f);
           },
       .paint =
           [=](Vec p) {
             Vec c = teal;
             const float seam = std::abs(p.y + 0.285f) - 0.006f;
             c = Mix(c, ink, 0.6f * Ink(seam));
             // Rivets and a row of lamps.
             const float rivet =
                 std::hypot(std::abs(p.x) - 0.185f, p.y - 0.075f) - 0.014f;
             c = Mix(c, white, Ink(rivet) * (p.z > 0));
             const Vec lamps[] = {
                 red, {0.98f, 0.82f, 0.25f}, {0.35f, 0.8f, 0.4f}};
             for (int i = 0; i < 3; ++i) {
               const float lamp =
                   std::hypot(p.x - 0.062f * (i - 1), p.y - 0.078f) - 0.021f;
               c = Mix(c, ink, Ink(lamp - 0.007f) * (p.z > 0));
               c = Mix(c, lamps[i], Ink(lamp) * (p.z > 0));
             }
             return c;
           },
       .gloss = 0.55,
       .center = {0, -0.1f, 0},
       .radius = 0.37});
  parts.push_back({.distance =
                       [=](Vec p) {
                         return Cylinder(p, {0, 0.145f, 0}, 0.085f, 0.05f,
                                         0.01f) -
                                0.006f * std::cos(160 * p.y);
                       },
                   .paint = Plain(grey),
                   .gloss = 0.7,
                   .center = {0, 0.145f, 0},
                   .radius = 0.12});
  parts.push_back(
      {.distance =
           [=](Vec p) {
             const float shell =
                 Box(p, {0, 0.34f, 0}, {0.245f, 0.17f, 0.16f}, 0.08f);
             const float screen =
                 Box(p, {0, 0.335f, 0.17f}, {0.19f, 0.115f, 0.03f}, 0.028f);
             return SmoothCut(shell, -screen, 0.012f);
           },
       .paint =
           [=](Vec p) {
             const float screen =
                 Box({p.x, p.y, 0}, {0, 0.335f, 0}, {0.188f, 0.113f, 1}, 0.05f);
             Vec c = Mix(teal, ink, Ink(screen) * (p.z > 0.1f));
             const Vec glow = {0.45f, 0.95f, 0.95f};
             const float side = std::abs(p.x);
             const float eye =
                 std::hypot(side - 0.092f, 0.8f * (p.y - 0.36f)) - 0.034f;
             const float mouth = std::max(
                 std::abs(std::hypot(p.x, p.y - 0.305f) - 0.045f) - 0.009f,
                 p.y - 0.29f);
             const float lit = std::max(Ink(eye), Ink(mouth)) * (p.z > 0.1f);
             return Mix(c, glow, lit);
           },
       .gloss = 0.6,
       .center = {0, 0.34f, 0},
       .radius = 0.36});
  parts.push_back(
      {.distance =
           [=](Vec p) {
             const Vec q = {std::abs(p.x), p.y, p.z};
             const Vec r = RotateZ(q - Vec{0.25f, 0.34f, 0}, kPi / 2);
             return Cylinder(r, {}, 0.062f, 0.032f, 0.015f);
           },
       .paint = Plain(orange),
       .gloss = 0.55,
       .center = {0, 0.34f, 0},
       .radius = 0.36});
  parts.push_back(
      {.distance =
           [=](Vec p) {
             return RoundCone(p, {0, 0.50f, 0}, 0.022f, {0, 0.62f, 0}, 0.018f);
           },
       .paint = Plain(grey),
       .gloss = 0.7,
       .center = {0, 0.56f, 0},
       .radius = 0.1});
  parts.push_back({.distance =
                       [=](Vec p) {
                         return Sphere(p, {0, 0.655f, 0}, 0.052f);
                       },
                   .paint = Plain(red),
                   .gloss = 0.8,
                   .center = {0, 0.655f, 0},
                   .radius = 0.053});

  const Vec ball = {0, -0.165f, 0.32f};
  constexpr float kBall = 0.168f;
  for (const float side : {-1.0f, 1.0f}) {
    const Vec shoulder = {0.275f * side, 0.035f, 0};
    const Vec elbow = {0.375f * side, -0.17f, 0.10f};
    const Vec hand = {0.185f * side, -0.205f, 0.335f};
    parts.push_back(
        {.distance = [=](Vec p) { return Sphere(p, shoulder, 0.078f); },
         .paint = Plain(orange),
         .gloss = 0.55,
         .center = shoulder,
         .radius = 0.08});
    parts.push_back(
        {.distance =
             [=](Vec p) {
               const float upper = RoundCone(p, shoulder, 0.05f, elbow, 0.048f);
               const float lower = RoundCone(p, elbow, 0.048f, hand, 0.05f);
               const float rings = 0.005f * std::cos(110 * (p.y + 0.6f * p.z));
               return SmoothUnion(upper, lower, 0.03f) - rings;
             },
         .paint = Plain(grey),
         .gloss = 0.6,
         .center = elbow,
         .radius = 0.4});
    parts.push_back({.distance =
                         [=](Vec p) {
                           return Ellipsoid(p, hand, {0.06f, 0.078f, 0.075f});
                         },
                     .paint = Plain(orange),
                     .gloss = 0.55,
                     .center = hand,
                     .radius = 0.08});
    parts.push_back({.distance =
                         [=](Vec p) {
                           return Cylinder(p, {0.115f * side, -0.43f, 0},
                                           0.062f, 0.14f, 0.01f) -
                                  0.006f * std::cos(125 * p.y);
                         },
                     .paint = Plain(grey),
                     .gloss = 0.6,
                     .center = {0.115f * side, -0.43f, 0},
                     .radius = 0.17});
    parts.push_back(
        {.distance =
             [=](Vec p) {
               const float top = Ellipsoid(p, {0.13f * side, -0.645f, 0.03f},
                                           {0.115f, 0.125f, 0.155f});
               return SmoothCut(top, -0.675f - p.y, 0.03f);
             },
         .paint = [=](Vec p) { return Mix(orange, ink, Ink(p.y + 0.635f)); },
         .gloss = 0.5,
         .center = {0.13f * side, -0.62f, 0.03f},
         .radius = 0.2});
  }
  parts.push_back({.distance = [=](Vec p) { return Sphere(p, ball, kBall); },
                   .paint =
                       [=](Vec p) {
                         const Vec q = RotateX(RotateZ(p - ball, 0.35f), 0.65f);
                         const float angle = std::atan2(q.x, q.z) / (kPi / 3);
                         const Vec paints[] = {red,
                                               white,
                                               {0.98f, 0.80f, 0.22f},
                                               white,
                                               {0.24f, 0.45f, 0.85f},
                                               white};
                         const float place = std::fmod(angle + 6, 6.0f);
                         const int sector = static_cast<int>(place) % 6;
                         const float edge = place - std::floor(place);
                         Vec c = Mix(paints[(sector + 5) % 6], paints[sector],
                                     Step(0, 0.02f, edge));
                         return Mix(c, white,
                                    Ink(std::hypot(q.x, q.z) - 0.035f));
                       },
                   .gloss = 0.8,
                   .center = ball,
                   .radius = kBall});
  return picture;
}

}  // namespace dg4d::pictures
