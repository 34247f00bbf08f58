#include "dg4d/geometry/inflation/back_texture.h"

#include "dg4d/geometry/inflation/segments.h"
#include "gtest/gtest.h"

namespace dg4d::inflation {
namespace {

constexpr int kSize = 128;
const Rgb kSkin = {0.9f, 0.7f, 0.6f};
const Rgb kDress = {0.1f, 0.2f, 0.6f};
const Rgb kEye = {0.05f, 0.05f, 0.05f};

struct Doll {
  RgbPlane colours{kSize, kSize, kSkin};
  Mask mask{kSize, kSize};
};

// A disc, its upper half of skin with two eyes, its lower half a dress.
Doll MakeDoll() {
  Doll doll;
  for (int y = 0; y < kSize; ++y) {
    for (int x = 0; x < kSize; ++x) {
      doll.mask(y, x) = std::hypot(x - 64, y - 64) < 45;
      if (y >= 64) doll.colours(y, x) = kDress;
      for (const int eye : {50, 78}) {
        if (std::hypot(x - eye, y - 45) < 5) doll.colours(y, x) = kEye;
      }
    }
  }
  return doll;
}

float Difference(const Rgb& a, const Rgb& b) {
  float largest = 0;
  for (int c = 0; c < 3; ++c) {
    largest = std::max(largest, std::abs(a[c] - b[c]));
  }
  return largest;
}

TEST(BackTexture, ContinuesWhatCrossesTheContourAndDropsWhatIsEnclosed) {
  const Doll doll = MakeDoll();
  const RgbPlane back = BackTexture(doll.colours, doll.mask);
  EXPECT_LT(Difference(back(45, 50), kSkin), 0.06f);
  EXPECT_LT(Difference(back(45, 78), kSkin), 0.06f);
  EXPECT_LT(Difference(back(40, 64), kSkin), 0.06f);
  EXPECT_LT(Difference(back(90, 64), kDress), 0.06f);
}

TEST(BackTexture, MeetsTheFrontAtTheContour) {
  Doll doll = MakeDoll();
  const RgbPlane back = BackTexture(doll.colours, doll.mask);
  EXPECT_LT(Difference(back(64 - 44, 64), kSkin), 0.02f);
  EXPECT_LT(Difference(back(64 + 44, 64), kDress), 0.02f);
}

TEST(SegmentColours, FindsTheConnectedParts) {
  const Doll doll = MakeDoll();
  const Segmentation segmentation = SegmentColours(doll.colours, doll.mask);
  const auto segment = [&](int y, int x) { return segmentation.segment(y, x); };
  EXPECT_EQ(segment(0, 0), -1);
  EXPECT_EQ(segment(30, 64), segment(45, 64));
  EXPECT_NE(segment(30, 64), segment(90, 64));
  EXPECT_NE(segment(45, 50), segment(45, 78));  // the eyes lie apart
  EXPECT_EQ(segmentation.cluster(45, 50), segmentation.cluster(45, 78));
}

TEST(BlendAtRim, GoesFromFrontToBack) {
  Mask mask(64, 64);
  for (int y = 10; y < 54; ++y) {
    for (int x = 10; x < 54; ++x) mask(y, x) = 1;
  }
  const RgbPlane front(64, 64, kSkin), back(64, 64, kDress);
  const RgbPlane blend = BlendAtRim(front, back, mask);
  EXPECT_EQ(blend(30, 10), kSkin);
  EXPECT_EQ(blend(30, 5), kSkin);
  EXPECT_LT(Difference(blend(32, 32), kDress), 1e-6f);
}

}  // namespace
}  // namespace dg4d::inflation
