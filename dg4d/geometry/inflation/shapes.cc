#include "dg4d/geometry/inflation/shapes.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <cmath>
#include <map>
#include <numbers>

namespace dg4d::inflation {
namespace {

bool Disc(double x, double y, double cx, double cy, double r) {
  return (x - cx) * (x - cx) + (y - cy) * (y - cy) < r * r;
}

bool Box(double x, double y, double x0, double y0, double x1, double y1) {
  return x >= x0 && x < x1 && y >= y0 && y < y1;
}

bool Star(double x, double y) {
  constexpr int kTips = 5;
  constexpr double kOuter = 110, kInner = 45;
  constexpr double kSector = std::numbers::pi / kTips;
  const double dx = x - 128, dy = y - 138;
  // Folded into half a tip, whose axis is the direction 0.
  double angle = std::atan2(dx, -dy);
  angle = std::abs(std::remainder(angle, 2 * kSector));
  const double r = std::hypot(dx, dy);
  const double px = r * std::cos(angle), py = r * std::sin(angle);
  const double qx = kInner * std::cos(kSector), qy = kInner * std::sin(kSector);
  return (qx - kOuter) * py - qy * (px - kOuter) > 0;
}

using Shape = bool (*)(double x, double y);

const std::map<std::string, Shape>& Shapes() {
  static const auto& shapes = *new std::map<std::string, Shape>{
      {"disc", [](double x, double y) { return Disc(x, y, 128, 128, 75); }},
      {"ring",
       [](double x, double y) {
         return Disc(x, y, 128, 128, 100) && !Disc(x, y, 128, 128, 20);
       }},
      {"star", Star},
      {"mushroom",
       [](double x, double y) {
         const bool cap =
             y < 120 &&
             std::pow((x - 128) / 90, 2) + std::pow((y - 120) / 70, 2) < 1;
         return cap || Box(x, y, 108, 110, 148, 220);
       }},
      {"bar",
       [](double x, double y) { return Box(x, y, 115.4, 20, 140.6, 236); }},
      {"lying_bar",
       [](double x, double y) { return Box(x, y, 20, 115, 236, 140); }},
      {"table",
       [](double x, double y) {
         return Box(x, y, 40, 90, 216, 110) || Box(x, y, 50, 90, 66, 210) ||
                Box(x, y, 190, 90, 206, 210);
       }},
      {"trousers",
       [](double x, double y) {
         return Box(x, y, 80, 40, 176, 120) || Box(x, y, 80, 100, 122, 220) ||
                Box(x, y, 134, 100, 176, 220);
       }},
      {"dress",
       [](double x, double y) {
         const bool skirt =
             y > 40 && y < 170 && std::abs(x - 128) < 16 + (y - 40) * 0.34;
         return skirt || Box(x, y, 100, 150, 116, 225) ||
                Box(x, y, 140, 150, 156, 225);
       }},
      {"two_blobs",
       [](double x, double y) {
         return Disc(x, y, 80, 100, 40) || Disc(x, y, 180, 160, 50);
       }},
      {"bust",
       [](double x, double y) {
         return Disc(x, y, 128, 90, 50) ||
                (y > 120 &&
                 std::pow((x - 128) / 85, 2) + std::pow((y - 240) / 100, 2) <
                     1) ||
                (y >= 240 && std::abs(x - 128) < 85);
       }},
      {"thin_lines",
       [](double x, double y) {
         return Disc(x, y, 128, 128, 30) || Box(x, y, 20, 60, 200, 61) ||
                Box(x, y, 60, 20, 62, 240) ||
                (std::abs(x - y) < 1 && x > 20 && x < 236);
       }},
      {"full_frame", [](double, double) { return true; }},
      {"small_disc",
       [](double x, double y) { return Disc(x, y, 128, 128, 6); }},
      {"quadruped",
       [](double x, double y) {
         const bool body =
             std::pow((x - 120) / 75, 2) + std::pow((y - 120) / 38, 2) < 1;
         const bool head = Disc(x, y, 205, 85, 26);
         return body || head || Box(x, y, 62, 120, 78, 205) ||
                Box(x, y, 84, 120, 100, 205) || Box(x, y, 146, 120, 162, 205) ||
                Box(x, y, 168, 120, 184, 205);
       }},
  };
  return shapes;
}

}  // namespace

Image DrawShape(int size, absl::FunctionRef<bool(double x, double y)> inside) {
  constexpr int kSamples = 8;
  const at::Tensor pixels = at::empty({size, size, 4}, at::kFloat);
  float* out = pixels.data_ptr<float>();
  const double unit = 256.0 / size;
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      int hits = 0;
      for (int j = 0; j < kSamples; ++j) {
        for (int i = 0; i < kSamples; ++i) {
          hits += inside((x + (i + 0.5) / kSamples) * unit,
                         (y + (j + 0.5) / kSamples) * unit);
        }
      }
      const double u = (x + 0.5) / size, v = (y + 0.5) / size;
      *out++ = static_cast<float>(0.5 + 0.3 * std::sin(7 * u + 2 * v));
      *out++ = static_cast<float>(0.5 + 0.3 * std::sin(5 * v - 3 * u + 1));
      *out++ = static_cast<float>(0.5 + 0.3 * std::cos(6 * u + 4 * v));
      *out++ = static_cast<float>(hits) / (kSamples * kSamples);
    }
  }
  return {pixels};
}

Image NamedShape(const std::string& name, int size) {
  return DrawShape(size, Shapes().at(name));
}

std::vector<std::string> ShapeNames() {
  std::vector<std::string> names;
  for (const auto& [name, shape] : Shapes()) names.push_back(name);
  return names;
}

}  // namespace dg4d::inflation
