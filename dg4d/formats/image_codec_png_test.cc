// PNG by libpng alone, against what OpenCV writes.

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>

#include <cstdint>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <string>
#include <vector>

#include "dg4d/formats/image_io.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using ::testing::HasSubstr;

constexpr int kHeight = 5, kWidth = 7;

// Sample c of pixel i is 37 i + 11 c, times 257 where there are 16 bits.
std::string Encoded(const char* suffix, int depth, int channels) {
  cv::Mat pixels(kHeight, kWidth, CV_MAKETYPE(depth, channels));
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      for (int c = 0; c < channels; ++c) {
        // OpenCV's order: blue first.
        const int channel = channels >= 3 && c < 3 ? 2 - c : c;
        const auto value =
            static_cast<uint8_t>(37 * (y * kWidth + x) + 11 * channel);
        if (depth == CV_16U) {
          pixels.ptr<uint16_t>(y)[x * channels + c] = value * 257;
        } else {
          pixels.ptr<uint8_t>(y)[x * channels + c] = value;
        }
      }
    }
  }
  std::vector<uint8_t> bytes;
  EXPECT_TRUE(cv::imencode(suffix, pixels, bytes));
  return {bytes.begin(), bytes.end()};
}

TEST(ImageCodecPng, ReadsWhatOpencvWrites) {
  for (const int depth : {CV_8U, CV_16U}) {
    for (const int channels : {1, 3, 4}) {
      const auto image =
          DecodeImage(Encoded(".png", depth, channels), "picture");
      ASSERT_TRUE(image.ok()) << image.status();
      ASSERT_EQ(image->channels(), channels == 4 ? 4 : 3);
      ASSERT_EQ(image->width(), kWidth);
      for (int i = 0; i < kHeight * kWidth; ++i) {
        for (int c = 0; c < image->channels(); ++c) {
          const int channel = channels == 1 ? 0 : c;
          const auto value = static_cast<uint8_t>(37 * i + 11 * channel);
          EXPECT_FLOAT_EQ(
              image->pixels[i / kWidth][i % kWidth][c].item<float>(),
              value / 255.0f);
        }
      }
    }
  }
}

TEST(ImageCodecPng, ReadsBackWhatItWritesAndSoDoesOpencv) {
  for (const int channels : {3, 4}) {
    const Image image = {at::arange(kHeight * kWidth * channels)
                             .view({kHeight, kWidth, channels})
                             .div(255.0)};
    const auto bytes = EncodePng(image);
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    const auto again = DecodeImage(*bytes, "picture");
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_LT((again->pixels - image.pixels).abs().max().item<float>(), 1e-6);
    const cv::Mat buffer(1, static_cast<int>(bytes->size()), CV_8UC1,
                         const_cast<char*>(bytes->data()));
    const cv::Mat decoded = cv::imdecode(buffer, cv::IMREAD_UNCHANGED);
    ASSERT_EQ(decoded.channels(), channels);
    EXPECT_EQ(decoded.ptr<uint8_t>(0)[2], 0);                        // red
    EXPECT_EQ(decoded.ptr<uint8_t>(0)[channels + 1], channels + 1);  // green
  }
}

TEST(ImageCodecPng, NoticesDamage) {
  std::string bytes = Encoded(".png", CV_8U, 3);
  bytes[bytes.size() / 2] ^= 0x55;
  EXPECT_THAT(std::string(DecodeImage(bytes, "picture").status().message()),
              HasSubstr("damaged"));
}

TEST(ImageCodecPng, NamesTheFormatsThatItLacks) {
  const auto jpeg = DecodeImage(Encoded(".jpg", CV_8U, 3), "picture.jpg");
  EXPECT_EQ(jpeg.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(jpeg.status().message()), HasSubstr("JPEG"));
  EXPECT_EQ(
      EncodeJpeg({at::arange(27).view({3, 3, 3}).div(27.0)}).status().code(),
      absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace dg4d
