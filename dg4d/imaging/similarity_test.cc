#include "dg4d/imaging/similarity.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using ::testing::HasSubstr;

// A smooth blob with an arm and a gradient of colour; clear around it.
Image Blob(int height, int width, double x0, double y0, double radius) {
  Image image{at::zeros({height, width, 4}, at::kFloat)};
  float* pixels = image.pixels.data_ptr<float>();
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x, pixels += 4) {
      const double u = (x + 0.5 - x0) / radius, v = (y + 0.5 - y0) / radius;
      const double body = std::hypot(u, v) - 1;
      const double arm =
          std::max(std::abs(v + 0.2) - 0.15, std::abs(u - 1.2) - 0.6);
      const double d = std::min(body, arm) * radius;
      pixels[0] = 0.5f + 0.4f * std::sin(3 * u);
      pixels[1] = 0.5f + 0.4f * std::cos(4 * v);
      pixels[2] = 0.5f + 0.3f * std::sin(2 * u + 3 * v);
      pixels[3] = std::clamp(0.5 - d, 0.0, 1.0);
    }
  }
  return image;
}

double PremultipliedDifference(const Image& a, const Image& b) {
  return (Composite(a, {0, 0, 0}) - Composite(b, {0, 0, 0}))
      .abs()
      .mean()
      .item<double>();
}

TEST(Similarity, WarpByNothingChangesNothing) {
  const Image image = Blob(40, 50, 24, 20, 11);
  const Image same = Warp(image, {}, 40, 50);
  EXPECT_LT(PremultipliedDifference(image, same), 1e-6);
}

TEST(Similarity, WarpMovesTurnsAndScales) {
  // A dot at (10.5, 4.5) turns by 90 degrees to (-4.5, 10.5), then moves.
  Image dot{at::zeros({16, 16, 4}, at::kFloat)};
  dot.pixels.select(0, 4).select(0, 10).fill_(1);
  const Image moved = Warp(dot, {.angle = M_PI / 2, .x = 8, .y = 1}, 16, 16);
  EXPECT_NEAR(
      moved.pixels.select(0, 11).select(0, 3).select(0, 3).item<float>(), 1,
      1e-5);
  const Image large = Warp(Blob(20, 20, 9, 9, 5), {.scale = 3}, 60, 60);
  EXPECT_LT(PremultipliedDifference(large, Blob(60, 60, 27, 27, 15)), 0.02);
}

TEST(Similarity, ShrinkingAveragesInsteadOfSkipping) {
  // Stripes of one pixel become grey.
  Image stripes{at::full({64, 64, 3}, 0.0)};
  for (int x = 0; x < 64; x += 2) stripes.pixels.select(1, x).fill_(1);
  const Image small = Warp(stripes, {.scale = 0.25}, 16, 16);
  const at::Tensor middle =
      small.pixels.narrow(0, 4, 8).narrow(1, 4, 8).narrow(2, 0, 3);
  EXPECT_LT((middle - 0.5).abs().max().item<float>(), 0.02);
}

TEST(Similarity, WarpKeepsColoursOfEdges) {
  // White on transparent black must not grow grey fringes.
  Image image{at::zeros({32, 32, 4}, at::kFloat)};
  image.pixels.narrow(0, 8, 16).narrow(1, 8, 16).fill_(1);
  const Image moved = Warp(image, {.scale = 0.7, .angle = 0.3, .x = 9}, 32, 32);
  const at::Tensor visible = moved.pixels.select(2, 3) > 0.05;
  const at::Tensor red = moved.pixels.select(2, 0).masked_select(visible);
  EXPECT_GT(red.min().item<float>(), 0.999);
}

TEST(Similarity, ObjectBoxIncludesItsLastRowAndColumn) {
  Image image{at::zeros({10, 12, 4}, at::kFloat)};
  image.pixels.narrow(0, 2, 3).narrow(1, 4, 7).fill_(1);
  const Rectangle box = ObjectBox(image);
  EXPECT_EQ(box.x, 4);
  EXPECT_EQ(box.y, 2);
  EXPECT_EQ(box.width, 7);
  EXPECT_EQ(box.height, 3);
  EXPECT_TRUE(ObjectBox({at::zeros({4, 4, 4}, at::kFloat)}).empty());
}

TEST(Similarity, RecenterFillsTheSquareUpToItsBorder) {
  Image image{at::zeros({100, 300, 4}, at::kFloat)};
  image.pixels.narrow(0, 10, 40).narrow(1, 150, 80).fill_(0.5);
  image.pixels.narrow(0, 10, 40).narrow(1, 150, 80).select(2, 3).fill_(1);
  const absl::StatusOr<Image> centred = Recenter(image, 200, 0.2);
  ASSERT_TRUE(centred.ok()) << centred.status();
  const at::Tensor inside = Alpha(*centred).select(0, 0) > 0.5;
  EXPECT_EQ(inside.any(0).sum().item<int>(), 160);
  EXPECT_EQ(inside.any(1).sum().item<int>(), 80);
  EXPECT_TRUE(inside.select(0, 100).select(0, 20).item<bool>());
  EXPECT_FALSE(inside.select(0, 100).select(0, 19).item<bool>());
  EXPECT_FALSE(inside.select(0, 100).select(0, 180).item<bool>());
}

TEST(Similarity, RecenterLosesNothingOfAnObjectAtTheBorder) {
  const Image image{at::full({50, 50, 4}, 1.0)};
  const Image centred = *Recenter(image, 100, 0.2);
  // A square of 80 x 80, with its corners.
  EXPECT_NEAR(Alpha(centred).sum().item<double>(), 80 * 80, 2 * 80);
  const at::Tensor alpha = Alpha(centred).select(0, 0);
  EXPECT_GT(alpha.select(0, 11).select(0, 11).item<float>(), 0.95);
}

TEST(Similarity, RecenterRefusesSpecks) {
  Image image{at::zeros({64, 64, 4}, at::kFloat)};
  EXPECT_THAT(std::string(Recenter(image, 64, 0.2).status().message()),
              HasSubstr("0 x 0 pixels"));
  image.pixels.select(0, 30).select(0, 30).fill_(1);
  EXPECT_THAT(std::string(Recenter(image, 64, 0.2).status().message()),
              HasSubstr("1 x 1 pixels"));
}

TEST(Similarity, RegisterFindsHowAPictureWasMoved) {
  const Image target = Blob(160, 160, 78, 84, 40);
  for (const Similarity& truth :
       {Similarity{.scale = 0.5, .angle = 0, .x = 30, .y = 11},
        Similarity{.scale = 1.6, .angle = 0.15, .x = -25, .y = 7},
        Similarity{.scale = 0.8, .angle = -0.2, .x = 60.3, .y = 20.7}}) {
    const Image source = Warp(target, truth, 220, 240);
    const Similarity found = Register(source, target);
    // Back and forth must be nothing.
    EXPECT_NEAR(found.scale * truth.scale, 1, 2e-3);
    EXPECT_NEAR(found.angle + truth.angle, 0, 4e-3);
    EXPECT_LT(PremultipliedDifference(Warp(source, found, 160, 160), target),
              0.01);
  }
}

TEST(Similarity, RegisterCopesWithNothingToSee) {
  const Image clear{at::zeros({32, 32, 4}, at::kFloat)};
  EXPECT_EQ(Register(clear, Blob(32, 32, 16, 16, 8)).scale, 1);
}

}  // namespace
}  // namespace dg4d
