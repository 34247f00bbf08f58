#include <algorithm>
#include <array>
#include <cmath>

#include "testdata/paint.h"
#include "testdata/ray_march.h"
#include "testdata/subjects.h"

namespace dg4d::pictures {

Picture Character(float wave) {
  Picture picture;
  auto& parts = picture.parts;
  const Vec skin = {0.98f, 0.80f, 0.67f};
  const Vec hair = {0.42f, 0.24f, 0.14f};
  const Vec red = {0.85f, 0.25f, 0.22f};
  const Vec teal = {0.16f, 0.55f, 0.58f}, cream = {0.97f, 0.93f, 0.82f};
  const Vec mustard = {0.95f, 0.70f, 0.20f}, navy = {0.20f, 0.26f, 0.44f};

  const Vec head = {0, 0.24f, 0.02f};
  parts.push_back(
      {.distance =
           [=](Vec p) {
             const float skull = Ellipsoid(p, head, {0.285f, 0.255f, 0.25f});
             const float nose = Sphere(p, {0, 0.185f, 0.27f}, 0.022f);
             const float ears =
                 Ellipsoid(Vec{std::abs(p.x), p.y, p.z}, {0.287f, 0.21f, 0.02f},
                           {0.045f, 0.06f, 0.035f});
             return SmoothUnion(std::min(skull, ears), nose, 0.02f);
           },
       .paint =
           [=](Vec p) {
             const float side = std::abs(p.x);
             Vec c = skin;
             const float blush =
                 std::hypot(side - 0.165f, 1.3f * (p.y - 0.15f));
             c = Mix(c, Vec{0.97f, 0.55f, 0.48f},
                     0.65f * Step(0.062f, 0.02f, blush) * (p.z > 0));
             // A smile: the lower part of a ring.
             const float ring =
                 std::abs(std::hypot(p.x, p.y - 0.155f) - 0.055f) - 0.0075f;
             const float smile = std::max(ring, p.y - 0.155f + 0.022f);
             c = Mix(c, Vec{0.55f, 0.20f, 0.18f}, Ink(smile) * (p.z > 0));
             const float brow = Stroke(side, p.y, {0.075f, 0.345f, 0},
                                       {0.145f, 0.338f, 0}, 0.009f);
             return Mix(c, hair, Ink(brow) * (p.z > 0));
           },
       .gloss = 0.15,
       .center = head,
       .radius = 0.36});
  for (const float side : {-1.0f, 1.0f}) {
    AddEye(picture, {0.108f * side, 0.245f, 0.238f}, {0.036f, 0.054f, 0.022f});
  }
  parts.push_back(
      {.distance =
           [=](Vec p) {
             const float shell = Ellipsoid(p, head + Vec{0, 0.01f, 0},
                                           {0.305f, 0.275f, 0.272f});
             const float back = p.z - 0.02f;
             float d = SmoothCut(shell, back, 0.03f);
             d = SmoothCut(d, 0.09f - p.y, 0.04f);
             for (const auto& [x, y, z, r] :
                  {std::array{-0.19f, 0.38f, 0.17f, 0.075f},
                   std::array{-0.08f, 0.40f, 0.225f, 0.072f},
                   std::array{0.05f, 0.405f, 0.23f, 0.07f},
                   std::array{0.17f, 0.39f, 0.18f, 0.078f}}) {
               d = SmoothUnion(d, Ellipsoid(p, {x, y, z}, {r, 0.055f, 0.045f}),
                               0.02f);
             }
             return d;
           },
       .paint = Plain(hair),
       .gloss = 0.35,
       .center = head,
       .radius = 0.34});
  // The hat is knitted: ribs around it.
  const auto ribs = [](Vec p) { return std::cos(42 * std::atan2(p.x, p.z)); };
  parts.push_back(
      {.distance =
           [=](Vec p) {
             const float dome =
                 Ellipsoid(p, {0, 0.33f, 0}, {0.315f, 0.275f, 0.285f}) -
                 0.003f * ribs(p);
             return SmoothCut(dome, 0.40f - p.y, 0.02f);
           },
       .paint =
           [=](Vec p) {
             const float band = Ink(std::abs(p.y - 0.525f) - 0.022f);
             return Mix(mustard, cream, band);
           },
       .gloss = 0.05,
       .center = {0, 0.45f, 0},
       .radius = 0.35});
  parts.push_back(
      {.distance =
           [=](Vec p) {
             const Vec q = {p.x, p.y, p.z * 1.08f};
             return Torus(q, {0, 0.415f, 0}, 0.268f, 0.052f) - 0.004f * ribs(p);
           },
       .paint = Plain({0.90f, 0.60f, 0.14f}),
       .gloss = 0.05,
       .center = {0, 0.415f, 0},
       .radius = 0.34});
  parts.push_back({.distance =
                       [=](Vec p) {
                         const Vec d = Normalize(p - Vec{0, 0.645f, 0});
                         return Sphere(p, {0, 0.645f, 0}, 0.075f) -
                                0.010f * std::sin(11 * d.x) *
                                    std::sin(11 * d.y) * std::sin(11 * d.z);
                       },
                   .paint = Plain(cream),
                   .gloss = 0,
                   .center = {0, 0.645f, 0},
                   .radius = 0.09});
  const auto jumper = [=](float along) {
    return Mix(teal, cream, Stripes(along, 0.052f));
  };
  parts.push_back({.distance =
                       [=](Vec p) {
                         const Vec q = {p.x, p.y, p.z * 1.2f};
                         return RoundCone(q, {0, -0.10f, 0}, 0.135f,
                                          {0, -0.27f, 0}, 0.178f);
                       },
                   .paint =
                       [=](Vec p) {
                         return Mix(jumper(p.y + 0.5f), navy,
                                    Ink(p.y + 0.345f));
                       },
                   .gloss = 0.05,
                   .center = {0, -0.2f, 0},
                   .radius = 0.28});
  parts.push_back(
      {.distance =
           [=](Vec p) {
             const Vec q = {p.x, p.y + 0.15f * std::max(0.0f, p.z), p.z * 1.1f};
             const float loop = Torus(q, {0, -0.015f, 0}, 0.135f, 0.055f);
             const float tail = RoundCone(p, {0.085f, -0.06f, 0.15f}, 0.042f,
                                          {0.115f, -0.24f, 0.165f}, 0.05f);
             return SmoothUnion(loop, tail, 0.03f);
           },
       .paint =
           [=](Vec p) {
             const float fringe = Ink(std::abs(p.y + 0.235f) - 0.014f);
             return Mix(red, cream, fringe * (p.y < -0.1f));
           },
       .gloss = 0.05,
       .center = {0, -0.1f, 0},
       .radius = 0.3});
  for (const float side : {-1.0f, 1.0f}) {
    const float lift = side > 0 ? wave : 0;
    const Vec shoulder = {0.135f * side, -0.085f, 0};
    const Vec rest = {0.21f * side, -0.20f, 0.02f};
    const Vec reach = RotateZ(rest, side * 1.35f * lift);
    const Vec wrist = shoulder + reach;
    const Vec hand = shoulder + reach * 1.22f;
    const Vec axis = Normalize(wrist - shoulder);
    parts.push_back(
        {.distance =
             [=](Vec p) {
               return RoundCone(p, shoulder, 0.068f, wrist, 0.064f);
             },
         .paint = [=](Vec p) { return jumper(Dot(p - shoulder, axis) + 0.5f); },
         .gloss = 0.05,
         .center = (shoulder + wrist) * 0.5f,
         .radius = 0.25});
    parts.push_back(
        {.distance =
             [=](Vec p) {
               const Vec thumb = hand + Vec{-0.045f * side, 0.03f, 0.03f};
               const float cuff =
                   RoundCone(p, wrist, 0.066f, wrist + axis * 0.02f, 0.066f);
               return SmoothUnion(cuff,
                                  SmoothUnion(Sphere(p, hand, 0.068f),
                                              Sphere(p, thumb, 0.03f), 0.03f),
                                  0.015f);
             },
         .paint = Plain(red),
         .gloss = 0.05,
         .center = hand,
         .radius = 0.2});
    parts.push_back({.distance =
                         [=](Vec p) {
                           return RoundCone(p, {0.088f * side, -0.36f, 0},
                                            0.082f, {0.10f * side, -0.54f, 0},
                                            0.072f);
                         },
                     .paint = Plain(navy),
                     .gloss = 0.1,
                     .center = {0.09f * side, -0.45f, 0},
                     .radius = 0.2});
    parts.push_back(
        {.distance =
             [=](Vec p) {
               const float foot = Ellipsoid(p, {0.11f * side, -0.63f, 0.035f},
                                            {0.093f, 0.075f, 0.135f});
               const float shaft =
                   RoundCone(p, {0.102f * side, -0.55f, -0.01f}, 0.078f,
                             {0.105f * side, -0.60f, -0.01f}, 0.076f);
               return SmoothCut(SmoothUnion(foot, shaft, 0.04f), -0.70f - p.y,
                                0.02f);
             },
         .paint =
             [=](Vec p) {
               return Mix(Vec{0.72f, 0.34f, 0.16f}, Vec{0.95f, 0.9f, 0.8f},
                          Ink(p.y + 0.668f));
             },
         .gloss = 0.5,
         .center = {0.11f * side, -0.62f, 0.03f},
         .radius = 0.2});
  }
  parts.push_back(
      {.distance =
           [=](Vec p) {
             return Ellipsoid(p, {0, -0.345f, 0}, {0.172f, 0.085f, 0.142f});
           },
       .paint = Plain(navy),
       .gloss = 0.1,
       .center = {0, -0.345f, 0},
       .radius = 0.19});
  return picture;
}

}  // namespace dg4d::pictures
