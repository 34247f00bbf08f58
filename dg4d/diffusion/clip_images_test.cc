#include "dg4d/diffusion/clip_images.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>

#include <numeric>

#include "dg4d/diffusion/pillow_resize.h"
#include "dg4d/diffusion/seeded_weights.h"
#include "gtest/gtest.h"

namespace dg4d::diffusion {
namespace {

// floor(256 U) of the stream "in.u8", U in [0, 1).
BytePicture Noise() {
  BytePicture picture = {.height = 256, .width = 256, .channels = 3};
  for (int64_t i = 0; i < 256 * 256 * 3; ++i) {
    picture.pixels.push_back(
        static_cast<uint8_t>(256 * ((SeededNumber("in.u8", i) + 1) / 2)));
  }
  return picture;
}

std::vector<int> Pixel(const BytePicture& picture, int y, int x) {
  const auto at = picture.pixels.begin() + (y * picture.width + x) * 3;
  return {at, at + 3};
}

int64_t Sum(const BytePicture& picture) {
  return std::accumulate(picture.pixels.begin(), picture.pixels.end(),
                         int64_t{0});
}

// The numbers are Pillow's (9.4).
TEST(PillowResize, IsPillowsToTheBit) {
  const BytePicture cubic =
      PillowResize(Noise(), 224, 224, PillowFilter::kBicubic);
  EXPECT_EQ(Pixel(cubic, 0, 0), (std::vector<int>{189, 52, 188}));
  EXPECT_EQ(Pixel(cubic, 100, 50), (std::vector<int>{160, 131, 118}));
  EXPECT_EQ(Pixel(cubic, 223, 223), (std::vector<int>{225, 45, 147}));
  EXPECT_EQ(Sum(cubic), 19169314);
  const BytePicture lanczos =
      PillowResize(Noise(), 300, 200, PillowFilter::kLanczos);
  EXPECT_EQ(lanczos.height, 300);
  EXPECT_EQ(lanczos.width, 200);
  EXPECT_EQ(Pixel(lanczos, 0, 0), (std::vector<int>{213, 52, 198}));
  EXPECT_EQ(Sum(lanczos), 22924743);
}

TEST(PillowResize, LeavesAPictureOfTheRightSizeAlone) {
  const BytePicture noise = Noise();
  EXPECT_EQ(PillowResize(noise, 256, 256, PillowFilter::kLanczos).pixels,
            noise.pixels);
}

TEST(AntialiasedResize, IsTheVideoPipelines) {
  at::set_num_threads(1);
  const at::Tensor small =
      AntialiasedResize(SeededInput("in.aa", {1, 3, 96, 160}), 32, 32);
  ASSERT_EQ(small.sizes(), at::IntArrayRef({1, 3, 32, 32}));
  EXPECT_NEAR(small.mean().item<double>(), -0.0015205, 1e-6);
  EXPECT_NEAR(small.std(false).item<double>(), 0.2137892, 1e-6);
  const at::Tensor flat = small.view(-1);
  EXPECT_NEAR(flat[0].item<double>(), 0.199903, 2e-6);
  EXPECT_NEAR(flat[1].item<double>(), 0.073564, 2e-6);
  EXPECT_NEAR(flat[2].item<double>(), -0.136578, 2e-6);
}

TEST(AntialiasedResize, KeepsWhatIsEvenAndSizesThatAreRight) {
  at::set_num_threads(1);
  const at::Tensor even = at::full({1, 1, 20, 30}, 0.25);
  EXPECT_LT((AntialiasedResize(even, 7, 50) - 0.25).abs().max().item<float>(),
            1e-6);
  const at::Tensor noise = SeededInput("x", {1, 1, 9, 9});
  EXPECT_LT((AntialiasedResize(noise, 9, 9) - noise).abs().max().item<float>(),
            1e-6);
}

TEST(ClipImages, CutsToBytesAndNormalises) {
  at::set_num_threads(1);
  const ClipImages clip;
  // 0.5 * 255 = 127.5, cut to 127.
  const at::Tensor grey = clip.FromBytes(at::full({2, 3, 256, 256}, 0.5));
  ASSERT_EQ(grey.sizes(), at::IntArrayRef({2, 3, 224, 224}));
  for (int c = 0; c < 3; ++c) {
    const double expected = (127.0 / 255 - clip.mean[c]) / clip.deviation[c];
    EXPECT_NEAR(grey[1][c][100][7].item<double>(), expected, 1e-6);
  }
  const at::Tensor smooth = clip.Antialiased(at::full({1, 3, 50, 90}, 0.5));
  EXPECT_NEAR(smooth[0][0][3][3].item<double>(),
              (0.5 - clip.mean[0]) / clip.deviation[0], 1e-5);
}

TEST(ClipImages, ReadsOldAndNewConfigurations) {
  const auto parse = [](const std::string& text) {
    return ClipImages::Parse(*JsonConfig::Parse(text, "f"));
  };
  const auto published = parse(R"({
    "crop_size": {"height": 224, "width": 224}, "do_center_crop": true,
    "do_convert_rgb": true, "do_normalize": true, "do_rescale": true,
    "do_resize": true, "feature_extractor_type": "CLIPFeatureExtractor",
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "resample": 3, "rescale_factor": 0.00392156862745098,
    "size": {"shortest_edge": 224}})");
  ASSERT_TRUE(published.ok()) << published.status();
  EXPECT_EQ(published->size, 224);
  EXPECT_EQ(published->mean[2], 0.40821073);
  const auto old = parse(R"({"crop_size": 56, "image_std": [1, 2, 3]})");
  ASSERT_TRUE(old.ok()) << old.status();
  EXPECT_EQ(old->size, 56);
  EXPECT_EQ(old->deviation[1], 2);
  EXPECT_FALSE(parse(R"({"image_mean": [1, 2]})").ok());
  EXPECT_FALSE(parse(R"({"image_std": [1, 0, 1]})").ok());
  EXPECT_FALSE(parse(R"({"do_normalize": false})").ok());
}

}  // namespace
}  // namespace dg4d::diffusion
