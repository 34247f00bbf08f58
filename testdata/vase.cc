#include <algorithm>
#include <cmath>

#include "testdata/paint.h"
#include "testdata/ray_march.h"
#include "testdata/subjects.h"

namespace dg4d::pictures {

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

}  // namespace dg4d::pictures
