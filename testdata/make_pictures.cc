// Draws the pictures of this folder:
// `bazel run //testdata:make_pictures -- $PWD/testdata`.
// Every picture is ray-marched from a few solids, so that it may be used and
// changed freely, and the same bytes come out each time.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "dg4d/base/files.h"
#include "dg4d/base/parallel.h"
#include "dg4d/base/status.h"
#include "dg4d/scene/gif_io.h"
#include "dg4d/scene/image_io.h"
#include "dg4d/scene/video_io.h"
#include "testdata/ray_march.h"

namespace dg4d::pictures {
namespace {

constexpr float kPi = 3.14159265f;

std::function<Vec(Vec)> Plain(Vec colour) {
  return [colour](Vec) { return colour; };
}

// Sharp to about a pixel: 1 inside, where `d` < 0.
float Ink(float d) { return 1 - Step(-0.0025f, 0.0025f, d); }

// 1 on one of two alternating stripes of `width` along `coordinate`.
float Stripes(float coordinate, float width) {
  const float saw = std::abs(std::fmod(std::abs(coordinate) / width, 2.0f) - 1);
  return Step(0.47f, 0.53f, saw);
}

// Distance from a stroke of half width `half` between two points of a plane.
float Stroke(float x, float y, Vec a, Vec b, float half) {
  const float dx = b.x - a.x, dy = b.y - a.y;
  const float t = std::clamp(
      ((x - a.x) * dx + (y - a.y) * dy) / (dx * dx + dy * dy), 0.0f, 1.0f);
  return std::hypot(x - a.x - t * dx, y - a.y - t * dy) - half;
}

// Eyes: dark and glossy with a painted light.
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

// A child in a woollen hat, scarf and striped jumper. `wave` lifts the arm on
// the right of the picture, from 0 to 1.
Picture Character(float wave = 0) {
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

// A fox in profile, looking to the left; four legs and a bushy tail, which
// `wag` (radians) turns at its root.
Picture Fox(float wag = 0) {
  Picture picture;
  auto& parts = picture.parts;
  const Vec orange = {0.93f, 0.46f, 0.13f}, white = {0.99f, 0.95f, 0.88f};
  const Vec dark = {0.24f, 0.15f, 0.12f};
  const Vec head = {-0.40f, 0.22f, 0.02f};

  const auto leg = [](Vec p, float x, float z, float lean, float x_foot) {
    const float upper =
        RoundCone(p, {x, -0.10f, z}, 0.092f, {x + lean, -0.34f, z}, 0.052f);
    const float lower = RoundCone(p, {x + lean, -0.34f, z}, 0.052f,
                                  {x_foot, -0.575f, z}, 0.043f);
    const float paw =
        Ellipsoid(p, {x_foot - 0.025f, -0.595f, z}, {0.075f, 0.042f, 0.055f});
    return SmoothUnion(SmoothUnion(upper, lower, 0.03f), paw, 0.03f);
  };
  parts.push_back(
      {.distance =
           [=](Vec p) {
             const Vec q = {p.x, p.y, p.z * 1.05f};
             float d = RoundCone(q, {-0.19f, -0.03f, 0}, 0.148f,
                                 {0.20f, -0.05f, 0}, 0.138f);
             d = SmoothUnion(d,
                             RoundCone(q, {-0.24f, 0.0f, 0}, 0.135f,
                                       {-0.37f, 0.18f, 0}, 0.115f),
                             0.07f);
             d = SmoothUnion(d, leg(p, -0.23f, 0.085f, -0.01f, -0.275f), 0.06f);
             d = SmoothUnion(d, leg(p, 0.17f, 0.085f, 0.06f, 0.155f), 0.06f);
             d = SmoothUnion(d, leg(p, -0.15f, -0.085f, 0.04f, -0.085f), 0.06f);
             return SmoothUnion(d, leg(p, 0.24f, -0.085f, 0.085f, 0.345f),
                                0.06f);
           },
       .paint =
           [=](Vec p) {
             // Wavy borders, as of fur.
             const float wave =
                 0.014f * std::sin(34 * p.x) + 0.01f * std::sin(57 * p.x + 2);
             Vec c = orange;
             const float chest = std::max(
                 p.x + 0.25f + 0.35f * (p.y - 0.05f) + wave, p.y - 0.16f);
             const float belly = std::max(p.y + 0.125f + wave, -0.30f - p.y);
             c = Mix(c, white, Ink(chest) * (p.y > -0.2f));
             c = Mix(c, white, Ink(belly) * (std::abs(p.x) < 0.17f));
             const float socks =
                 p.y + 0.40f + 0.02f * std::sin(60 * p.x + 20 * p.z);
             return Mix(c, dark, Ink(socks));
           },
       .gloss = 0.12,
       .center = {0, -0.2f, 0},
       .radius = 0.75});
  parts.push_back(
      {.distance =
           [=](Vec p) {
             const float skull = Ellipsoid(p, head, {0.165f, 0.15f, 0.15f});
             const float snout = RoundCone(p, {-0.50f, 0.175f, 0.02f}, 0.085f,
                                           {-0.655f, 0.135f, 0.02f}, 0.034f);
             const float cheek = Ellipsoid(p, {-0.395f, 0.135f, 0.075f},
                                           {0.10f, 0.075f, 0.085f});
             float d = SmoothUnion(skull, snout, 0.06f);
             d = SmoothUnion(d, cheek, 0.05f);
             const float ear = RoundCone(p, {-0.375f, 0.325f, 0.09f}, 0.068f,
                                         {-0.335f, 0.50f, 0.10f}, 0.016f);
             const float far_ear =
                 RoundCone(p, {-0.455f, 0.32f, -0.06f}, 0.058f,
                           {-0.475f, 0.485f, -0.07f}, 0.015f);
             d = SmoothUnion(d, ear, 0.035f);
             d = SmoothUnion(d, far_ear, 0.035f);
             const float hollow = RoundCone(p, {-0.39f, 0.33f, 0.155f}, 0.040f,
                                            {-0.352f, 0.44f, 0.13f}, 0.012f);
             return SmoothCut(d, -hollow, 0.02f);
           },
       .paint =
           [=](Vec p) {
             Vec c = orange;
             const float wave = 0.012f * std::sin(48 * p.x);
             const float cheek = p.y - 0.165f - 0.12f * (p.x + 0.5f) + wave;
             c = Mix(c, white, Ink(cheek) * (p.x < -0.28f));
             const float tip = 0.435f - p.y + 0.006f * std::sin(80 * p.x);
             c = Mix(c, dark, Ink(tip));
             const float inner = std::max(Stroke(p.x, p.y, {-0.39f, 0.33f, 0},
                                                 {-0.352f, 0.42f, 0}, 0.034f),
                                          0.09f - p.z);
             c = Mix(c, Vec{0.98f, 0.80f, 0.70f}, Ink(inner));
             const float mouth = Stroke(p.x, p.y, {-0.64f, 0.108f, 0},
                                        {-0.545f, 0.118f, 0}, 0.005f);
             return Mix(c, dark, Ink(mouth));
           },
       .gloss = 0.12,
       .center = {-0.45f, 0.26f, 0.02f},
       .radius = 0.32});
  parts.push_back({.distance =
                       [=](Vec p) {
                         return Ellipsoid(p, {-0.682f, 0.152f, 0.02f},
                                          {0.032f, 0.027f, 0.032f});
                       },
                   .paint = Plain({0.12f, 0.09f, 0.10f}),
                   .gloss = 0.9,
                   .center = {-0.682f, 0.152f, 0.02f},
                   .radius = 0.04});
  AddEye(picture, {-0.485f, 0.262f, 0.138f}, {0.027f, 0.036f, 0.02f});
  parts.push_back(
      {.distance =
           [=](Vec p) {
             const Vec root = {0.29f, 0.0f, 0};
             const Vec q = root + RotateZ(p - root, -wag);
             float d =
                 RoundCone(q, {0.29f, 0, 0}, 0.05f, {0.43f, 0.05f, 0}, 0.085f);
             d = SmoothUnion(d,
                             RoundCone(q, {0.43f, 0.05f, 0}, 0.085f,
                                       {0.545f, 0.20f, 0}, 0.115f),
                             0.05f);
             d = SmoothUnion(d,
                             RoundCone(q, {0.545f, 0.20f, 0}, 0.115f,
                                       {0.585f, 0.345f, 0}, 0.08f),
                             0.05f);
             return SmoothUnion(d,
                                RoundCone(q, {0.585f, 0.345f, 0}, 0.08f,
                                          {0.545f, 0.47f, 0}, 0.02f),
                                0.05f);
           },
       .paint =
           [=](Vec p) {
             const Vec root = {0.29f, 0.0f, 0};
             const Vec q = root + RotateZ(p - root, -wag);
             const float edge = 0.305f - q.y + 0.022f * std::sin(46 * q.x) -
                                0.1f * (q.x - .57f);
             return Mix(orange, white, Ink(edge));
           },
       .gloss = 0.12,
       .center = {0.40f, 0.15f, 0},
       .radius = 0.55});
  return picture;
}

// A glazed vase with two handles, painted in bands.
Picture Vase() {
  Picture picture;
  const Vec ivory = {0.96f, 0.94f, 0.88f}, blue = {0.12f, 0.25f, 0.58f};
  const Vec sky = {0.36f, 0.60f, 0.82f}, coral = {0.90f, 0.42f, 0.30f};
  const Vec gold = {0.90f, 0.68f, 0.25f};
  // Radius by height, through smooth knots.
  const auto radius = [](float y) {
    static constexpr float kKnots[][2] = {
        {-0.70f, 0.205f}, {-0.64f, 0.19f}, {-0.58f, 0.205f}, {-0.35f, 0.365f},
        {-0.12f, 0.43f},  {0.10f, 0.375f}, {0.30f, 0.20f},   {0.44f, 0.135f},
        {0.56f, 0.150f},  {0.66f, 0.225f}, {0.72f, 0.235f}};
    constexpr int kCount = sizeof(kKnots) / sizeof(kKnots[0]);
    int i = 0;
    while (i + 2 < kCount && y > kKnots[i + 1][0]) ++i;
    const auto value = [&](int j) {
      return kKnots[std::clamp(j, 0, kCount - 1)][1];
    };
    const auto slope = [&](int j) {
      const int a = std::max(j - 1, 0), b = std::min(j + 1, kCount - 1);
      return (value(b) - value(a)) / (kKnots[b][0] - kKnots[a][0]);
    };
    const float h = kKnots[i + 1][0] - kKnots[i][0];
    const float t = std::clamp((y - kKnots[i][0]) / h, 0.0f, 1.0f);
    return (2 * t * t * t - 3 * t * t + 1) * value(i) +
           (t * t * t - 2 * t * t + t) * h * slope(i) +
           (3 * t * t - 2 * t * t * t) * value(i + 1) +
           (t * t * t - t * t) * h * slope(i + 1);
  };
  picture.parts.push_back(
      {.distance =
           [=](Vec p) {
             const float y = std::clamp(p.y, -0.69f, 0.69f);
             const float side = 0.62f * (std::hypot(p.x, p.z) - radius(y));
             const float outside =
                 SmoothCut(side, std::abs(p.y) - 0.69f, 0.03f);
             const float inside =
                 0.62f * (std::hypot(p.x, p.z) - radius(y) + 0.035f);
             return SmoothCut(outside, -std::max(inside, 0.3f - p.y), 0.01f);
           },
       .paint =
           [=](Vec p) {
             const float angle = std::atan2(p.x, p.z);
             const float r = std::max(radius(p.y), 0.1f);
             Vec c = ivory;
             const auto band = [&](float y, float half, Vec colour) {
               c = Mix(c, colour, Ink(std::abs(p.y - y) - half));
             };
             // Petals around flowers on the belly.
             {
               const float count = 8, cell = 2 * kPi / count;
               const float a = std::remainder(angle, cell) * r;
               const float b = p.y + 0.115f;
               const float d = std::hypot(a, b);
               const float phi = std::atan2(b, a);
               const float petal = d - 0.062f - 0.042f * std::cos(6 * phi);
               c = Mix(c, blue, Ink(0.7f * petal));
               c = Mix(c, ivory, Ink(0.7f * petal + 0.022f));
               c = Mix(c, sky, Ink(0.7f * petal + 0.03f));
               c = Mix(c, gold, Ink(d - 0.026f));
               const float a2 = std::remainder(angle + cell / 2, cell) * r;
               const float leaf = std::hypot(1.6f * a2, b) - 0.052f;
               c = Mix(c, coral, Ink(leaf));
               c = Mix(c, ivory, Ink(std::hypot(1.6f * a2, b) - 0.024f));
             }
             band(0.075f, 0.012f, blue);
             band(-0.305f, 0.012f, blue);
             // A zigzag on the shoulder.
             if (p.y > 0.085f && p.y < 0.26f) {
               const float cell = 2 * kPi / 20;
               const float saw = std::abs(std::remainder(angle, cell)) / cell;
               const float line = p.y - 0.115f - 0.16f * saw;
               c = Mix(c, coral, Ink(std::abs(line - 0.03f) - 0.017f));
             }
             if (p.y > 0.25f) c = Mix(c, blue, Ink(0.26f - p.y));
             band(0.275f, 0.008f, gold);
             band(0.44f, 0.012f, gold);
             band(0.60f, 0.008f, gold);
             // Dots on the neck.
             {
               const float cell = 2 * kPi / 12;
               const float a = std::remainder(angle, cell) * r;
               c = Mix(c, ivory, Ink(std::hypot(a, p.y - 0.355f) - 0.018f));
               const float a2 = std::remainder(angle + cell / 2, cell) * r;
               c = Mix(c, ivory, Ink(std::hypot(a2, p.y - 0.52f) - 0.016f));
             }
             // Long leaves that rise from the foot.
             if (p.y < -0.32f) {
               const float cell = 2 * kPi / 14;
               const float t = (p.y + 0.60f) / 0.28f;
               const float half = 0.5f * cell * r *
                                  std::sqrt(std::max(0.0f, 1 - t * t)) * 0.86f;
               const float a = std::abs(std::remainder(angle, cell)) * r;
               c = Mix(c, blue, Ink(std::max(a - half, -0.58f - p.y)));
               c = Mix(c, sky, Ink(std::max(a - half + 0.016f, -0.58f - p.y)));
             }
             band(-0.60f, 0.012f, gold);
             if (p.y < -0.612f) c = blue;
             return c;
           },
       .gloss = 1,
       .center = {0, 0, 0},
       .radius = 0.85});
  for (const float side : {-1.0f, 1.0f}) {
    picture.parts.push_back(
        {.distance =
             [=](Vec p) {
               const Vec q = {std::abs(p.x), p.y, p.z};
               if (p.x * side < 0) return 0.3f + std::abs(p.x);
               // A cubic curve, as a chain of short pieces.
               const Vec a = {0.11f, 0.50f, 0}, b = {0.36f, 0.66f, 0};
               const Vec c = {0.50f, 0.28f, 0}, e = {0.29f, 0.13f, 0};
               const auto curve = [&](float t) {
                 const float s = 1 - t;
                 return a * (s * s * s) + b * (3 * s * s * t) +
                        c * (3 * s * t * t) + e * (t * t * t);
               };
               constexpr int kPieces = 14;
               float d = 9;
               Vec from = curve(0);
               for (int i = 1; i <= kPieces; ++i) {
                 const Vec to = curve(i / static_cast<float>(kPieces));
                 d = std::min(d, RoundCone(q, from, 0.031f, to, 0.0311f));
                 from = to;
               }
               return d;
             },
         .paint = Plain(blue),
         .gloss = 1,
         .center = {0.26f * side, 0.34f, 0},
         .radius = 0.32});
  }
  return picture;
}

// A toy robot that holds a beach ball before its chest.
Picture Robot(float turn = 0) {
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
                         Vec q = RotateX(RotateZ(p - ball, 0.35f), 0.65f);
                         q = RotateY(q, turn);
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

// A rubber duck on a wooden table before a papered wall, as a camera sees it.
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

using Maker = std::function<absl::Status(const std::string& folder)>;

// `make(phase)` with the phase of a loop, from 0 to 1.
std::vector<Image> Frames(const std::function<Picture(float)>& make, int count,
                          int side) {
  std::vector<Image> frames;
  for (int i = 0; i < count; ++i) {
    Picture picture = make(i / static_cast<float>(count));
    picture.height = picture.width = side;
    picture.samples = 2;
    frames.push_back(Render(picture));
  }
  return frames;
}

std::map<std::string, Maker> Makers() {
  const auto write_png = [](const Picture& picture, std::string name) {
    return [=](const std::string& folder) {
      return WritePng(folder + "/" + name, Render(picture));
    };
  };
  return {
      {"character.png", write_png(Character(), "character.png")},
      {"fox.png", write_png(Fox(), "fox.png")},
      {"robot.png", write_png(Robot(), "robot.png")},
      {"vase.png", write_png(Vase(), "vase.png")},
      {"duck_photo.jpg",
       [](const std::string& folder) -> absl::Status {
         DG4D_ASSIGN_OR_RETURN(const std::string bytes,
                               EncodeJpeg(Render(DuckPhoto())));
         return WriteFileAtomically(folder + "/duck_photo.jpg", bytes);
       }},
      // The character waves; frame 0 is the picture, on white.
      {"character_wave.mp4",
       [](const std::string& folder) {
         const auto wave = [](float phase) {
           return Character(0.5f - 0.5f * std::cos(2 * kPi * phase));
         };
         return WriteMp4(folder + "/character_wave.mp4", Frames(wave, 21, 256),
                         10);
       }},
      // The fox wags its tail; frame 0 is the picture, on white.
      {"fox_wag.gif",
       [](const std::string& folder) -> absl::Status {
         const auto wag = [](float phase) {
           return Fox(0.35f * std::sin(2 * kPi * phase));
         };
         DG4D_ASSIGN_OR_RETURN(const std::string bytes,
                               EncodeGif(Frames(wag, 10, 192), 10));
         return WriteFileAtomically(folder + "/fox_wag.gif", bytes);
       }},
  };
}

}  // namespace
}  // namespace dg4d::pictures

// make_pictures FOLDER [FILE ...]: all files, or those named.
int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.empty()) {
    std::fprintf(stderr, "usage: make_pictures FOLDER [FILE ...]\n");
    return 2;
  }
  dg4d::SetThreads(2);
  for (const auto& [name, make] : dg4d::pictures::Makers()) {
    const bool wanted =
        arguments.size() == 1 ||
        std::count(arguments.begin() + 1, arguments.end(), name) > 0;
    if (!wanted) continue;
    if (const absl::Status status = make(arguments[0]); !status.ok()) {
      std::fprintf(stderr, "%s: %s\n", name.c_str(),
                   std::string(status.message()).c_str());
      return 1;
    }
  }
  return 0;
}
