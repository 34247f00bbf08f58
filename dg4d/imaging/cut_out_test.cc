#include "dg4d/imaging/cut_out.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <string>

#include "dg4d/formats/image_io.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using ::testing::HasSubstr;

using Colour = std::array<float, 3>;

Image Background(int height, int width,
                 const std::function<Colour(int y, int x)>& colour) {
  Image image{at::zeros({height, width, 3}, at::kFloat)};
  float* pixels = image.pixels.data_ptr<float>();
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x, pixels += 3) {
      const Colour c = colour(y, x);
      std::copy(c.begin(), c.end(), pixels);
    }
  }
  return image;
}

// Noise that is different in every pixel and the same in every run.
float Grain(int y, int x) {
  const double v = std::sin(12.9898 * x + 78.233 * y) * 43758.5453;
  return static_cast<float>(v - std::floor(v)) - 0.5f;
}

Colour White(int, int) { return {1, 1, 1}; }
Colour Studio(int y, int x) {
  const float g = 0.01f * Grain(y, x);
  return {0.7f - y * 0.001f + g, 0.75f - y * 0.0008f + g, 0.8f + g};
}
Colour Woven(int y, int x) {
  const float g = 0.2f * Grain(y, x) + 0.12f * std::sin(x * 0.35f) +
                  0.12f * std::cos(y * 0.27f);
  return {0.35f + g, 0.45f + g, 0.3f + 0.5f * g};
}

// The fox over a background, and the alpha that is to be found.
struct Example {
  Image picture;
  at::Tensor alpha;  // [H, W]
};
Example FoxOn(const std::function<Colour(int y, int x)>& colour) {
  const Image fox = Resize(*ReadImage("testdata/fox.png"), 256, 256);
  const at::Tensor alpha = fox.pixels.narrow(2, 3, 1);
  const at::Tensor behind = Background(256, 256, colour).pixels;
  return {{(fox.pixels.narrow(2, 0, 3) * alpha + behind * (1 - alpha))
               .contiguous()},
          alpha.select(2, 0).contiguous()};
}

double Iou(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor p = a > 0.5, q = b > 0.5;
  return (p & q).sum().item<double>() / (p | q).sum().item<double>();
}

TEST(CutOut, FindsTheObjectBeforePlainAndWovenBackgrounds) {
  struct Case {
    const char* name;
    Colour (*colour)(int, int);
    double iou, error;
  };
  for (const Case& c :
       {Case{"white", White, 0.98, 0.004}, Case{"studio", Studio, 0.98, 0.004},
        Case{"woven", Woven, 0.95, 0.012}}) {
    const Example example = FoxOn(c.colour);
    const absl::StatusOr<Image> object = CutOut(example.picture);
    ASSERT_TRUE(object.ok()) << c.name << object.status();
    const at::Tensor alpha = object->pixels.select(2, 3);
    EXPECT_GT(Iou(alpha, example.alpha), c.iou) << c.name;
    EXPECT_LT((alpha - example.alpha).abs().mean().item<double>(), c.error)
        << c.name;
  }
}

TEST(CutOut, TakesTheBackgroundOutOfTheEdge) {
  // A soft red disc on white: its edge must be red, not pink.
  const auto alpha = [](int y, int x) {
    return std::clamp(30.5f - std::hypot(x - 63.5f, y - 63.5f), 0.0f, 1.0f);
  };
  const Image picture = Background(128, 128, [&](int y, int x) {
    const float a = alpha(y, x);
    return Colour{0.8f * a + 1 - a, 1 - a, 1 - a};
  });
  const Image object = *CutOut(picture);
  const float* pixels = object.pixels.data_ptr<float>();
  double worst = 0;
  int soft = 0;
  for (int i = 0; i < 128 * 128; ++i, pixels += 4) {
    EXPECT_NEAR(pixels[3], alpha(i / 128, i % 128), 0.1);
    if (pixels[3] < 0.1 || pixels[3] > 0.9) continue;
    worst = std::max<double>(worst, pixels[1]);
    ++soft;
  }
  EXPECT_GT(soft, 50);
  EXPECT_LT(worst, 0.1);
}

TEST(CutOut, GapsAreHolesAndHighlightsAreNot) {
  // A dark ring, and beside it a ball with a white highlight that fades.
  const Image picture = Background(128, 256, [](int y, int x) {
    const float ring = std::hypot(x - 64.0f, y - 64.0f);
    const float ball = std::hypot(x - 190.0f, y - 64.0f);
    if (ring > 20 && ring < 40) return Colour{0.1, 0.2, 0.5};
    if (ball < 40) {
      const float shade = std::clamp((ball - 10) / 30, 0.0f, 1.0f);
      return Colour{1 - 0.3f * shade, 1 - 0.5f * shade, 1 - 0.7f * shade};
    }
    return Colour{1, 1, 1};
  });
  const absl::StatusOr<Image> object = CutOut(picture);
  ASSERT_TRUE(object.ok()) << object.status();
  const at::Tensor alpha = object->pixels.select(2, 3);
  EXPECT_EQ(alpha.select(0, 64).select(0, 64).item<float>(), 0);
  EXPECT_EQ(alpha.select(0, 64).select(0, 190).item<float>(), 1);
  EXPECT_EQ(alpha.select(0, 64).select(0, 34).item<float>(), 1);
}

TEST(CutOut, KeepsAnObjectThatTheBorderCuts) {
  const Example example = FoxOn(Woven);
  const Image bust{example.picture.pixels.narrow(0, 0, 150).contiguous()};
  const absl::StatusOr<Image> object = CutOut(bust);
  ASSERT_TRUE(object.ok()) << object.status();
  EXPECT_GT(Iou(object->pixels.select(2, 3), example.alpha.narrow(0, 0, 150)),
            0.9);
}

TEST(CutOut, StaysInsideTheRectangle) {
  // Two equal squares; the rectangle says which is meant.
  const Image picture = Background(100, 200, [](int y, int x) {
    const bool square = y > 30 && y < 70 && (x % 100) > 30 && (x % 100) < 70;
    return square ? Colour{0.8, 0.3, 0.1} : White(y, x);
  });
  const Image object =
      *CutOut(picture, {.rectangle = {.x = 100, .width = 100, .height = 100}});
  const at::Tensor alpha = object.pixels.select(2, 3);
  EXPECT_EQ(alpha.narrow(1, 0, 98).max().item<float>(), 0);
  EXPECT_NEAR(alpha.sum().item<double>(), 39 * 39, 40);
}

TEST(CutOut, AGuessFollowsTheObject) {
  const Example example = FoxOn(Woven);
  // The fox as it stood some pixels to the left.
  const at::Tensor guess = example.alpha.roll({-9}, {1});
  const absl::StatusOr<Image> object =
      CutOut(example.picture, {.guess = guess, .iterations = 2});
  ASSERT_TRUE(object.ok()) << object.status();
  EXPECT_GT(Iou(object->pixels.select(2, 3), example.alpha), 0.95);
}

TEST(CutOut, EqualPicturesGiveEqualBytes) {
  const Example example = FoxOn(Woven);
  EXPECT_TRUE(at::equal(CutOut(example.picture)->pixels,
                        CutOut(example.picture)->pixels));
}

TEST(CutOut, SaysWhenThereIsNothingToFind) {
  EXPECT_THAT(std::string(CutOut(Background(64, 64, White)).status().message()),
              HasSubstr("nothing in the picture stands out"));
  EXPECT_THAT(
      std::string(CutOut({at::full({1, 1, 3}, 0.5)}).status().message()),
      HasSubstr("1 x 1 pixels is too small"));
}

TEST(CutOut, WithAlphaTakesTheBackgroundOutOfTheEdge) {
  // Half covered pixels of black on white are grey; their own colour is black.
  Image picture = Background(32, 32, [](int, int x) {
    const float value = x < 16 ? 0.0f : x == 16 ? 0.5f : 1.0f;
    return Colour{value, value, value};
  });
  at::Tensor alpha = at::zeros({32, 32}, at::kFloat);
  alpha.narrow(1, 0, 16).fill_(1);
  alpha.select(1, 16).fill_(0.5);
  const Image object = WithAlpha(picture, alpha);
  EXPECT_TRUE(at::equal(object.pixels.select(2, 3), alpha));
  EXPECT_LT(object.pixels.select(1, 16).select(1, 0).max().item<float>(), 0.05);
}

TEST(CutOut, AnOpaqueAlphaSaysNothing) {
  Image image{at::full({4, 4, 4}, 1.0)};
  EXPECT_FALSE(HasRealAlpha(image));
  EXPECT_FALSE(HasRealAlpha({at::full({4, 4, 3}, 0.5)}));
  image.pixels.select(2, 3).select(0, 0).fill_(0.5);
  EXPECT_TRUE(HasRealAlpha(image));
}

}  // namespace
}  // namespace dg4d
