#include "dg4d/imaging/known_background.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>

#include <array>
#include <cmath>

#include "dg4d/base/random.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

constexpr int kSize = 128;

double Clamp01(double x) { return std::fmin(std::fmax(x, 0), 1); }

// A disc of two colours around (x, y) before `background`, a soft edge, a
// little noise: what a network would paint.
Image Painted(double x, double y, const std::array<float, 3>& background) {
  at::Generator generator = MakeGenerator(1, "noise");
  const at::Tensor noise = Uniform({kSize, kSize, 3}, -0.004, 0.004, generator);
  Image image{at::full({kSize, kSize, 3}, 0.0f)};
  float* out = image.pixels.mutable_data_ptr<float>();
  for (int row = 0; row < kSize; ++row) {
    for (int column = 0; column < kSize; ++column) {
      const double alpha = Clamp01(40.5 - std::hypot(row - y, column - x));
      const double object[] = {row < y ? 0.9 : 0.2, 0.5, 0.3};
      for (int c = 0; c < 3; ++c) {
        *out++ =
            static_cast<float>(alpha * object[c] + (1 - alpha) * background[c]);
      }
    }
  }
  image.pixels = (image.pixels + noise).clamp(0, 1);
  return image;
}

// The largest difference of the alpha from that of the disc around (x, y), two
// pixels and more off its edge.
double AlphaError(const Image& image, double x, double y) {
  double worst = 0;
  for (int row = 0; row < kSize; ++row) {
    for (int column = 0; column < kSize; ++column) {
      const double inside = 40 - std::hypot(row - y, column - x);
      if (std::abs(inside) < 2) continue;
      const double alpha = image.pixels[row][column][3].item<double>();
      worst = std::fmax(worst, std::abs(alpha - (inside > 0 ? 1 : 0)));
    }
  }
  return worst;
}

TEST(KnownBackground, FindsTheObjectBeforeWhiteBlackAndWhatIsNearlyWhite) {
  for (const auto& [known, painted] :
       {std::pair<std::array<float, 3>, std::array<float, 3>>{{1, 1, 1},
                                                              {1, 1, 1}},
        {{0, 0, 0}, {0, 0, 0}},
        {{1, 1, 1}, {0.93, 0.95, 0.96}}}) {
    const auto object = CutOutOf(Painted(64, 64, painted), known);
    ASSERT_TRUE(object.ok()) << object.status();
    EXPECT_LT(AlphaError(*object, 64, 64), 0.1) << painted[0];
  }
}

// Much of the border is the object's. There its alpha falls a little, as along
// any contour.
TEST(KnownBackground, FindsAnObjectThatLeavesThePicture) {
  const auto object = CutOutOf(Painted(10, 6, {1, 1, 1}), {1, 1, 1});
  ASSERT_TRUE(object.ok()) << object.status();
  EXPECT_LT(AlphaError(*object, 10, 6), 0.25);
  const auto drifted = CutOutOf(Painted(10, 6, {0.95, 0.95, 0.93}), {1, 1, 1});
  ASSERT_TRUE(drifted.ok()) << drifted.status();
  EXPECT_LT(AlphaError(*drifted, 10, 6), 0.25);
}

TEST(KnownBackground, SaysThatNothingStandsOut) {
  const Image white{at::full({kSize, kSize, 3}, 1.0f)};
  EXPECT_EQ(CutOutOf(white, {1, 1, 1}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace dg4d
