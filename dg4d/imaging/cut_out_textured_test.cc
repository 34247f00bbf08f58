// Objects of known outline before backgrounds that are not plain, as a camera
// would store them.

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/formats/image_io.h"
#include "dg4d/imaging/cut_out.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

constexpr int kSide = 256;

using Colour = std::array<float, 3>;
using Paint = Colour (*)(int y, int x);

// A number in [-0.5, 0.5] for each pixel of a lattice, the same in every run.
float Random(int y, int x) {
  const double v = std::sin(12.9898 * x + 78.233 * y) * 43758.5453;
  return static_cast<float>(v - std::floor(v)) - 0.5f;
}

// `Random` on a lattice of `step` pixels, smoothly between its points.
float Noise(int y, int x, int step) {
  const int i = y / step, j = x / step;
  const float v = static_cast<float>(y % step) / step;
  const float u = static_cast<float>(x % step) / step;
  return (1 - v) * ((1 - u) * Random(i, j) + u * Random(i, j + 1)) +
         v * ((1 - u) * Random(i + 1, j) + u * Random(i + 1, j + 1));
}

// A dotted wall behind a table of planks.
Colour Room(int y, int x) {
  if (y > 150) {
    if (y % 20 == 0) return {0.2f, 0.1f, 0.06f};
    const float g =
        0.06f * std::sin(y * 1.3f + 4 * Noise(y, x, 30)) + 0.06f * Random(y, x);
    return {0.5f + g, 0.28f + g, 0.18f + g};
  }
  const int row = y / 24;
  const float dot = std::hypot((x + 15 * (row % 2)) % 30 - 15, y % 24 - 12);
  const float g = 0.06f * Noise(y, x, 20);
  if (dot < 5) return {0.62f + g, 0.7f + g, 0.7f + g};
  return {0.42f + g, 0.56f + g, 0.62f + g};
}

Colour Woven(int y, int x) {
  const float g = 0.2f * Random(y, x) + 0.12f * std::sin(x * 0.7f) +
                  0.12f * std::cos(y * 0.54f);
  return {0.35f + g, 0.45f + g, 0.3f + 0.5f * g};
}

Colour Foliage(int y, int x) {
  const float n = 0.8f * Noise(y, x, 6) + 0.3f * Noise(y, x, 17);
  return {0.2f + 0.5f * n, 0.4f + 0.8f * n, 0.12f + 0.3f * n};
}

Colour Bricks(int y, int x) {
  const int row = y / 16;
  const int along = (x + 20 * (row % 2)) % 40;
  if (y % 16 < 2 || along < 2) return {0.68f, 0.66f, 0.62f};
  const float g =
      0.15f * Random(row, (x + 20 * (row % 2)) / 40) + 0.05f * Random(y, x);
  return {0.55f + g, 0.4f + g, 0.5f + g};
}

struct Example {
  Image picture;
  at::Tensor alpha;  // [H, W]
};

// `name` before a background painted by `paint`, on which it casts a soft
// shadow, as a JPEG.
Example Compose(const std::string& name, Paint paint) {
  const Image object =
      Resize(*ReadImage(absl::StrCat("testdata/", name, ".png")), kSide, kSide);
  Image picture{at::empty({kSide, kSide, 3}, at::kFloat)};
  const float* from = object.pixels.data_ptr<float>();
  float* to = picture.pixels.data_ptr<float>();
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x, from += 4, to += 3) {
      const float shade =
          1 - 0.4f * std::exp(-std::pow((x - 145) / 45.0f, 2.0f) -
                              std::pow((y - 228) / 12.0f, 2.0f));
      const Colour behind = paint(y, x);
      for (int c = 0; c < 3; ++c) {
        to[c] = from[3] * from[c] + (1 - from[3]) * shade * behind[c];
      }
    }
  }
  return {*DecodeImage(*EncodeJpeg(picture, 85), "picture.jpg"),
          object.pixels.select(2, 3).contiguous()};
}

double Iou(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor p = a > 0.5, q = b > 0.5;
  return (p & q).sum().item<double>() / (p | q).sum().item<double>();
}

// Squared length of the contour over the area. The length by Crofton's formula:
// how often lines in four directions cross it.
double Roughness(const at::Tensor& alpha) {
  const at::Tensor mask = alpha > 0.5;
  const int64_t h = mask.size(0), w = mask.size(1);
  const auto crossings = [&](int64_t dy, int64_t dx) {
    const int64_t x = std::max<int64_t>(0, -dx);
    const int64_t rows = h - dy, columns = w - std::abs(dx);
    return (mask.narrow(0, 0, rows).narrow(1, x, columns) ^
            mask.narrow(0, dy, rows).narrow(1, x + dx, columns))
        .sum()
        .item<double>();
  };
  const double length = M_PI / 8 *
                        (crossings(0, 1) + crossings(1, 0) +
                         (crossings(1, 1) + crossings(1, -1)) / std::sqrt(2.0));
  return length * length / mask.sum().item<double>();
}

struct Case {
  std::string object, background;
  Paint paint;
  double iou;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.object << " before " << c.background;
}

class CutOutTextured : public testing::TestWithParam<Case> {};

TEST_P(CutOutTextured, FindsTheOutlineAndKeepsItSmooth) {
  const Example example = Compose(GetParam().object, GetParam().paint);
  const absl::StatusOr<Image> object = CutOut(example.picture);
  ASSERT_TRUE(object.ok()) << object.status();
  const at::Tensor alpha = object->pixels.select(2, 3);
  const double iou = Iou(alpha, example.alpha);
  const double roughness = Roughness(alpha) / Roughness(example.alpha);
  RecordProperty("iou", absl::StrCat(iou));
  RecordProperty("roughness", absl::StrCat(roughness));
  EXPECT_GT(iou, GetParam().iou);
  EXPECT_LT(roughness, 1.05);
}

// The floors are just under what is reached. Shadow between the legs, of which
// there is nothing along the border to compare with, is what is missing in the
// lower ones.
std::vector<Case> Cases() {
  return {{"fox", "Room", Room, 0.75},
          {"fox", "Woven", Woven, 0.905},
          {"fox", "Foliage", Foliage, 0.965},
          {"fox", "Bricks", Bricks, 0.865},
          {"character", "Room", Room, 0.97},
          {"character", "Woven", Woven, 0.975},
          {"character", "Foliage", Foliage, 0.975},
          {"character", "Bricks", Bricks, 0.815},
          {"robot", "Room", Room, 0.94},
          {"robot", "Woven", Woven, 0.93},
          {"robot", "Foliage", Foliage, 0.965},
          {"robot", "Bricks", Bricks, 0.905},
          {"vase", "Room", Room, 0.98},
          {"vase", "Woven", Woven, 0.98},
          {"vase", "Foliage", Foliage, 0.985},
          {"vase", "Bricks", Bricks, 0.965}};
}

INSTANTIATE_TEST_SUITE_P(All, CutOutTextured, testing::ValuesIn(Cases()),
                         [](const auto& info) {
                           return info.param.object + info.param.background;
                         });

}  // namespace
}  // namespace dg4d
