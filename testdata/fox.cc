#include <algorithm>
#include <cmath>

#include "testdata/paint.h"
#include "testdata/ray_march.h"
#include "testdata/subjects.h"

namespace dg4d::pictures {

Picture Fox(float wag) {
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

}  // namespace dg4d::pictures
