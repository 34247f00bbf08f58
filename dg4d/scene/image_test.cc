#include "dg4d/scene/image.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace dg4d {
namespace {

using Shape = std::vector<int64_t>;

// Red at the left, invisible green at the right.
Image HalfTransparent() {
  return {at::tensor({1.f, 0.f, 0.f, 1.f, 0.f, 1.f, 0.f, 0.f}).view({1, 2, 4})};
}

TEST(Image, IsEmptyUntilItHasPixels) {
  EXPECT_TRUE(Image{}.empty());
  EXPECT_EQ(Image{}.width(), 0);
  const Image image = {at::zeros({2, 3, 4})};
  EXPECT_FALSE(image.empty());
  EXPECT_EQ(image.height(), 2);
  EXPECT_EQ(image.width(), 3);
  EXPECT_TRUE(image.has_alpha());
}

TEST(Composite, ShowsTheBackgroundWhereAlphaIsZero) {
  const at::Tensor rgb = Composite(HalfTransparent(), {0.25f, 0.5f, 0.75f});
  EXPECT_TRUE(at::equal(
      rgb, at::tensor({1.f, 0.25f, 0.f, 0.5f, 0.f, 0.75f}).view({3, 1, 2})));
}

TEST(Composite, KeepsAnImageWithoutAlpha) {
  const Image image = {at::linspace(0, 1, 24).view({2, 4, 3})};
  EXPECT_TRUE(at::equal(Composite(image), image.pixels.permute({2, 0, 1})));
}

TEST(Alpha, IsOneWhereThereIsNone) {
  EXPECT_TRUE(at::equal(Alpha({at::zeros({2, 3, 3})}), at::ones({1, 2, 3})));
  EXPECT_TRUE(at::equal(Alpha(HalfTransparent()),
                        at::tensor({1.f, 0.f}).view({1, 1, 2})));
}

TEST(Resize, AveragesTheAreaWhenItShrinks) {
  const Image image = {
      at::arange(3).to(at::kFloat).view({1, 3, 1}).expand({1, 3, 3}) / 2};
  const Image half = Resize(image, 1, 2);
  // Target pixel 0 covers source pixel 0 and half of pixel 1.
  EXPECT_NEAR(half.pixels[0][0][0].item<float>(), 0.5 / 3, 1e-6);
  EXPECT_NEAR(half.pixels[0][1][0].item<float>(), 2.5 / 3, 1e-6);
}

TEST(Resize, KeepsTheMeanAtAnySmallerSize) {
  const Image image = {
      at::linspace(0, 1, 37 * 53 * 3).sin().abs().view({37, 53, 3})};
  for (const int size : {1, 7, 20, 36}) {
    EXPECT_NEAR(Resize(image, size, size + 1).pixels.mean().item<double>(),
                image.pixels.mean().item<double>(), 1e-5);
  }
}

TEST(Resize, IsLinearBetweenPixelCentresWhenItEnlarges) {
  const Image image = {
      at::tensor({0.f, 1.f}).view({1, 2, 1}).expand({1, 2, 3})};
  const at::Tensor row = Resize(image, 3, 4).pixels.select(2, 0)[1];
  EXPECT_TRUE(
      at::allclose(row, at::tensor({0.f, 0.25f, 0.75f, 1.f}), 1e-6, 1e-6));
}

TEST(Resize, EnlargesASinglePixel) {
  const Image image = Resize({at::full({1, 1, 4}, 0.5)}, 3, 2);
  EXPECT_EQ(image.pixels.sizes(), (Shape{3, 2, 4}));
  EXPECT_TRUE(at::allclose(image.pixels, at::full({3, 2, 4}, 0.5)));
}

TEST(Resize, BleedsNoColourFromBehindTransparentPixels) {
  const Image one = Resize(HalfTransparent(), 1, 1);
  EXPECT_TRUE(
      at::allclose(one.pixels.view({4}), at::tensor({1.f, 0.f, 0.f, 0.5f})));
  const Image many = Resize(HalfTransparent(), 1, 8);
  EXPECT_EQ(many.pixels.select(2, 1).max().item<float>(), 0);
}

TEST(Resize, RefusesAnEmptySize) {
  EXPECT_ANY_THROW(Resize(HalfTransparent(), 0, 4));
  EXPECT_ANY_THROW(Resize(Image{}, 4, 4));
}

TEST(ImageFromChw, ClampsAndTurnsTheChannelsLast) {
  const at::Tensor chw =
      at::tensor({-1.0, 0.25, 0.5, 0.75, 1.0, 2.0}, at::kDouble)
          .view({3, 1, 2});
  const Image image = ImageFromChw(chw);
  EXPECT_EQ(image.pixels.sizes(), (Shape{1, 2, 3}));
  EXPECT_TRUE(image.pixels.is_contiguous());
  EXPECT_TRUE(at::equal(image.pixels.view({6}),
                        at::tensor({0.f, 0.5f, 1.f, 0.25f, 0.75f, 1.f})));
}

TEST(Psnr, MeasuresTheMeanSquare) {
  const at::Tensor zero = at::zeros({3, 4, 4});
  EXPECT_NEAR(Psnr(zero, zero + 0.1), 20, 1e-5);
  EXPECT_EQ(Psnr(zero, zero), std::numeric_limits<double>::infinity());
  EXPECT_ANY_THROW(Psnr(zero, at::zeros({3, 4, 5})));
}

}  // namespace
}  // namespace dg4d
