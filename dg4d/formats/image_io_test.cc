#include "dg4d/formats/image_io.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <string>
#include <vector>

#include "dg4d/base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using ::testing::HasSubstr;

std::string TestPath(const std::string& name) {
  return testing::TempDir() + "/image_io_test_" + name;
}

// All samples different, in order of memory, from 0 to 1.
Image Gradient(int height, int width, int channels) {
  const int64_t count = int64_t{height} * width * channels;
  return {(at::arange(count, at::kFloat) / static_cast<double>(count - 1))
              .reshape({height, width, channels})};
}

float Pixel(const Image& image, int y, int x, int c) {
  return image.pixels
      .data_ptr<float>()[(y * image.width() + x) * image.channels() + c];
}

float MaxDifference(const Image& a, const Image& b) {
  return (a.pixels - b.pixels).abs().max().item<float>();
}

std::string Encoded(const char* suffix, const cv::Mat& pixels) {
  std::vector<uint8_t> bytes;
  // Without this, TIFF would store floats as logarithms.
  std::vector<int> parameters;
  if (std::string(suffix) == ".tiff") {
    parameters = {cv::IMWRITE_TIFF_COMPRESSION, 1};
  }
  EXPECT_TRUE(cv::imencode(suffix, pixels, bytes, parameters));
  return {bytes.begin(), bytes.end()};
}

// EXIF data that holds nothing but an orientation.
std::string Exif(int orientation) {
  std::string exif(
      "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0_\0\0\0\0\0\0", 26);
  exif[19] = static_cast<char>(orientation);
  return exif;
}

std::string BigEndian(uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += char(value >> shift);
  return bytes;
}

uint32_t PngChecksum(absl::string_view bytes) {
  uint32_t crc = ~0u;
  for (const char byte : bytes) {
    crc ^= static_cast<uint8_t>(byte);
    for (int k = 0; k < 8; ++k) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  return ~crc;
}

std::string PngChunk(const std::string& type, const std::string& body) {
  return BigEndian(body.size()) + type + body +
         BigEndian(PngChecksum(type + body));
}

void ExpectError(const absl::StatusOr<Image>& image, absl::StatusCode code,
                 const std::string& text) {
  ASSERT_FALSE(image.ok());
  EXPECT_EQ(image.status().code(), code) << image.status();
  EXPECT_THAT(std::string(image.status().message()), HasSubstr(text));
}

TEST(ImageIo, ReadsBackThePngItWrites) {
  for (const int channels : {3, 4}) {
    const Image image = Gradient(7, 5, channels);
    const std::string path = TestPath("roundtrip.png");
    ASSERT_TRUE(WritePng(path, image).ok());
    const absl::StatusOr<Image> read = ReadImage(path);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->channels(), channels);
    EXPECT_LE(MaxDifference(*read, image), 0.5 / 255 + 1e-6);
  }
}

TEST(ImageIo, EveryEightBitValueSurvives) {
  const Image image{(at::arange(256, at::kFloat) / 255.0)
                        .reshape({16, 16, 1})
                        .repeat({1, 1, 3})};
  const absl::StatusOr<Image> read = DecodeImage(*EncodePng(image), "grey");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(at::equal(read->pixels, image.pixels));
}

TEST(ImageIo, RoundsAndNeverTruncates) {
  const auto stored = [](float value) {
    const Image image{at::full({1, 1, 3}, value)};
    return std::lround(Pixel(*DecodeImage(*EncodePng(image), "x"), 0, 0, 0) *
                       255);
  };
  EXPECT_EQ(stored(99.6f / 255), 100);
  EXPECT_EQ(stored(99.4f / 255), 99);
  EXPECT_EQ(stored(254.6f / 255), 255);
  EXPECT_EQ(stored(-3), 0);
  EXPECT_EQ(stored(7), 255);
}

TEST(ImageIo, EqualImagesGiveEqualBytes) {
  EXPECT_EQ(*EncodePng(Gradient(40, 30, 4)), *EncodePng(Gradient(40, 30, 4)));
  EXPECT_EQ(*EncodeJpeg(Gradient(40, 30, 3)), *EncodeJpeg(Gradient(40, 30, 3)));
}

TEST(ImageIo, JpegShowsTransparentPartsWhite) {
  const Image clear{at::full({16, 16, 4}, 0.0)};
  const absl::StatusOr<Image> read = DecodeImage(*EncodeJpeg(clear), "jpeg");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_GT(read->pixels.min().item<float>(), 0.99);
}

TEST(ImageIo, RefusesToWriteWhatIsNoPicture) {
  EXPECT_FALSE(EncodePng({}).ok());
  EXPECT_FALSE(EncodeJpeg({}).ok());
  EXPECT_FALSE(EncodePng({at::full({4, 4, 2}, 0.5)}).ok());
  const Image nan{at::full({4, 4, 3}, std::nan(""))};
  EXPECT_THAT(std::string(EncodePng(nan).status().message()),
              HasSubstr("column 0, row 0"));
}

TEST(ImageIo, ChannelsComeAsRgb) {
  const cv::Mat blue(2, 2, CV_8UC3, cv::Scalar(255, 0, 51));
  const Image image = *DecodeImage(Encoded(".png", blue), "blue");
  EXPECT_FLOAT_EQ(Pixel(image, 0, 0, 0), 0.2f);
  EXPECT_FLOAT_EQ(Pixel(image, 0, 0, 1), 0);
  EXPECT_FLOAT_EQ(Pixel(image, 0, 0, 2), 1);
}

TEST(ImageIo, ReadsSixteenBitsInFull) {
  const cv::Mat pixels(2, 2, CV_16UC4, cv::Scalar(1, 300, 65535, 32768));
  const Image image = *DecodeImage(Encoded(".png", pixels), "deep");
  EXPECT_FLOAT_EQ(Pixel(image, 1, 1, 0), 1);
  EXPECT_FLOAT_EQ(Pixel(image, 1, 1, 1), 300 / 65535.0f);
  EXPECT_FLOAT_EQ(Pixel(image, 1, 1, 2), 1 / 65535.0f);
  EXPECT_FLOAT_EQ(Pixel(image, 1, 1, 3), 32768 / 65535.0f);
}

TEST(ImageIo, GreyBecomesRgb) {
  for (const int type : {CV_8UC1, CV_16UC1}) {
    const double full = type == CV_8UC1 ? 255 : 65535;
    const cv::Mat grey(2, 3, type, cv::Scalar(0.6 * full));
    const Image image = *DecodeImage(Encoded(".png", grey), "grey");
    ASSERT_EQ(image.channels(), 3);
    EXPECT_LT((image.pixels - 0.6).abs().max().item<float>(), 1e-5);
  }
}

TEST(ImageIo, ReadsGreyWithAlpha) {
  // One pixel of grey 100 and alpha 200, as a PNG of colour type 4.
  const std::string zlib("\x78\x01\x01\x03\x00\xfc\xff\x00\x64\xc8", 10);
  uint32_t a = 1, b = 0;  // Adler-32 of the row
  for (const int byte : {0x00, 0x64, 0xc8}) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  const std::string png =
      "\x89PNG\r\n\x1a\n" +
      PngChunk("IHDR",
               BigEndian(1) + BigEndian(1) + std::string("\x08\x04\0\0\0", 5)) +
      PngChunk("IDAT", zlib + BigEndian(b << 16 | a)) + PngChunk("IEND", "");
  const absl::StatusOr<Image> image = DecodeImage(png, "grey and alpha");
  ASSERT_TRUE(image.ok()) << image.status();
  ASSERT_EQ(image->channels(), 4);
  for (int c = 0; c < 3; ++c) {
    EXPECT_FLOAT_EQ(Pixel(*image, 0, 0, c), 100 / 255.0f);
  }
  EXPECT_FLOAT_EQ(Pixel(*image, 0, 0, 3), 200 / 255.0f);
}

TEST(ImageIo, ReadsPalettesWithTransparency) {
  // Two pixels: an opaque orange and a half transparent blue.
  const std::string zlib("\x78\x01\x01\x03\x00\xfc\xff\x00\x00\x01", 10);
  uint32_t a = 1, b = 0;
  for (const int byte : {0x00, 0x00, 0x01}) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  const std::string png =
      "\x89PNG\r\n\x1a\n" +
      PngChunk("IHDR",
               BigEndian(2) + BigEndian(1) + std::string("\x08\x03\0\0\0", 5)) +
      PngChunk("PLTE", std::string("\xff\x80\x00\x00\x00\xff", 6)) +
      PngChunk("tRNS", std::string("\xff\x80", 2)) +
      PngChunk("IDAT", zlib + BigEndian(b << 16 | a)) + PngChunk("IEND", "");
  const absl::StatusOr<Image> image = DecodeImage(png, "palette");
  ASSERT_TRUE(image.ok()) << image.status();
  ASSERT_EQ(image->channels(), 4);
  EXPECT_FLOAT_EQ(Pixel(*image, 0, 0, 0), 1);
  EXPECT_FLOAT_EQ(Pixel(*image, 0, 0, 3), 1);
  EXPECT_FLOAT_EQ(Pixel(*image, 0, 1, 2), 1);
  EXPECT_FLOAT_EQ(Pixel(*image, 0, 1, 3), 128 / 255.0f);
}

TEST(ImageIo, FloatPicturesAreLinearLight) {
  cv::Mat pixels(1, 2, CV_32FC3, cv::Scalar::all(0.5));
  pixels.at<cv::Vec3f>(0, 1) = {9, 0, 0};
  const absl::StatusOr<Image> image =
      DecodeImage(Encoded(".tiff", pixels), "float");
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_NEAR(Pixel(*image, 0, 0, 0), 0.7354, 1e-4);  // sRGB of 0.5
  EXPECT_FLOAT_EQ(Pixel(*image, 0, 1, 2), 1);
  EXPECT_TRUE(DecodeImage(Encoded(".hdr", pixels), "hdr").ok());
}

TEST(ImageIo, RefusesFloatsThatAreNotNumbers) {
  cv::Mat pixels(1, 2, CV_32FC3, cv::Scalar::all(0.5));
  pixels.at<cv::Vec3f>(0, 1)[0] = std::numeric_limits<float>::quiet_NaN();
  ExpectError(DecodeImage(Encoded(".tiff", pixels), "nan.tiff"),
              absl::StatusCode::kInvalidArgument, "not a number");
}

// A 2 x 3 picture of six greys, and where EXIF's eight orientations show the
// grey that is stored at row v, column u.
cv::Mat SixGreys() {
  return (cv::Mat_<uint8_t>(2, 3) << 0, 50, 100, 150, 200, 250);
}

void ExpectUpright(const Image& image, int orientation) {
  const cv::Mat stored = SixGreys();
  const bool turned = orientation >= 5;
  ASSERT_EQ(image.height(), turned ? 3 : 2) << orientation;
  ASSERT_EQ(image.width(), turned ? 2 : 3) << orientation;
  for (int v = 0; v < 2; ++v) {
    for (int u = 0; u < 3; ++u) {
      // "The 0th row is at the visual ..., the 0th column at the visual ..."
      int y = v, x = u;
      switch (orientation) {
        case 2:
          x = 2 - u;
          break;
        case 3:
          x = 2 - u, y = 1 - v;
          break;
        case 4:
          y = 1 - v;
          break;
        case 5:
          y = u, x = v;
          break;
        case 6:
          y = u, x = 1 - v;
          break;
        case 7:
          y = 2 - u, x = 1 - v;
          break;
        case 8:
          y = 2 - u, x = v;
          break;
      }
      EXPECT_NEAR(Pixel(image, y, x, 1) * 255, stored.at<uint8_t>(v, u), 3)
          << "orientation " << orientation << ", stored " << v << ", " << u;
    }
  }
}

TEST(ImageIo, AppliesTheOrientationInPng) {
  const std::string png = Encoded(".png", SixGreys());
  const size_t after_header = 8 + 25;
  for (int orientation = 1; orientation <= 8; ++orientation) {
    std::string tagged = png;
    tagged.insert(after_header, PngChunk("eXIf", Exif(orientation)));
    const absl::StatusOr<Image> image = DecodeImage(tagged, "png");
    ASSERT_TRUE(image.ok()) << image.status();
    ExpectUpright(*image, orientation);
  }
}

TEST(ImageIo, AppliesTheOrientationInJpeg) {
  // Each pixel is a block, which JPEG keeps nearly as it is.
  cv::Mat blocks;
  cv::resize(SixGreys(), blocks, {}, 16, 16, cv::INTER_NEAREST);
  const std::string jpeg = Encoded(".jpg", blocks);
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const std::string body = std::string("Exif\0\0", 6) + Exif(orientation);
    std::string segment = "\xFF\xE1";
    segment += static_cast<char>((body.size() + 2) >> 8);
    segment += static_cast<char>((body.size() + 2) & 255);
    std::string tagged = jpeg;
    tagged.insert(2, segment + body);
    const absl::StatusOr<Image> image =
        DecodeImage(tagged, "jpeg", {.max_side = 3});
    ASSERT_TRUE(image.ok()) << image.status();
    ExpectUpright(*image, orientation);
  }
}

TEST(ImageIo, AppliesTheOrientationInWebp) {
  cv::Mat blocks;
  cv::resize(SixGreys(), blocks, {}, 16, 16, cv::INTER_NEAREST);
  std::vector<uint8_t> bytes;
  cv::cvtColor(blocks, blocks, cv::COLOR_GRAY2BGR);
  ASSERT_TRUE(
      cv::imencode(".webp", blocks, bytes, {cv::IMWRITE_WEBP_QUALITY, 101}));
  const std::string lossless(bytes.begin() + 12, bytes.end());
  const auto little = [](uint32_t value) {
    const std::string big = BigEndian(value);
    return std::string(big.rbegin(), big.rend());
  };
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const std::string exif = Exif(orientation);
    const std::string flags("\x08\0\0\0", 4);
    const std::string body = "WEBPVP8X" + little(10) + flags +
                             little(47).substr(0, 3) + little(31).substr(0, 3) +
                             lossless + "EXIF" + little(exif.size()) + exif;
    const absl::StatusOr<Image> image = DecodeImage(
        "RIFF" + little(body.size()) + body, "webp", {.max_side = 3});
    ASSERT_TRUE(image.ok()) << image.status();
    ExpectUpright(*image, orientation);
  }
}

TEST(ImageIo, ShrinkingWeighsColoursByAlpha) {
  Image image{at::full({4, 4, 4}, 0.0)};
  float* pixels = image.pixels.data_ptr<float>();
  // In the first block, one opaque red pixel among transparent green ones.
  for (int i = 0; i < 16; ++i) pixels[4 * i + 1] = 1;
  pixels[0] = 1, pixels[1] = 0, pixels[3] = 1;
  const Image small = *DecodeImage(*EncodePng(image), "x", {.max_side = 2});
  ASSERT_EQ(small.width(), 2);
  EXPECT_FLOAT_EQ(Pixel(small, 0, 0, 0), 1);
  EXPECT_FLOAT_EQ(Pixel(small, 0, 0, 1), 0);
  EXPECT_FLOAT_EQ(Pixel(small, 0, 0, 3), 0.25);
}

TEST(ImageIo, ShrinkingCoversSidesThatDoNotDivide) {
  int factor = 0;
  const Image small = *DecodeImage(*EncodePng({at::full({7, 5, 3}, 0.4)}), "x",
                                   {.max_side = 3, .shrunk_by = &factor});
  EXPECT_EQ(factor, 3);
  EXPECT_EQ(small.height(), 3);
  EXPECT_EQ(small.width(), 2);
  EXPECT_LT((small.pixels - 0.4).abs().max().item<float>(), 1e-6);
}

TEST(ImageIo, ReadsMasksFromAlphaOrBrightness) {
  const std::string path = TestPath("mask.png");
  Image image{at::full({2, 2, 4}, 1.0)};
  image.pixels.select(2, 0).fill_(0);
  image.pixels.select(2, 1).fill_(0);
  image.pixels.select(2, 2).fill_(0);
  ASSERT_TRUE(WritePng(path, image).ok());
  EXPECT_EQ(ReadMask(path)->max().item<float>(), 0) << "opaque: brightness";
  image.pixels.select(2, 3).select(0, 0).fill_(0.2);
  ASSERT_TRUE(WritePng(path, image).ok());
  const at::Tensor mask = *ReadMask(path);
  EXPECT_FLOAT_EQ(mask.min().item<float>(), 0.2f);
  EXPECT_FLOAT_EQ(mask.max().item<float>(), 1);
}

TEST(ImageIo, SaysWhatIsWrongWithAPath) {
  ExpectError(ReadImage(TestPath("none.png")), absl::StatusCode::kNotFound,
              "give the path of a picture");
  ExpectError(ReadImage(testing::TempDir()), absl::StatusCode::kInvalidArgument,
              "is a directory");
  const std::string path = TestPath("bad.png");
  ASSERT_TRUE(WriteFileAtomically(path, "").ok());
  ExpectError(ReadImage(path), absl::StatusCode::kInvalidArgument,
              "file is empty");
  ASSERT_TRUE(WriteFileAtomically(path, "dear diary,\n").ok());
  ExpectError(ReadImage(path), absl::StatusCode::kInvalidArgument,
              "not a picture");
}

TEST(ImageIo, NamesFormatsItDoesNotRead) {
  ExpectError(DecodeImage("GIF89a.........", "x.gif"),
              absl::StatusCode::kInvalidArgument, "read as a film");
  ExpectError(DecodeImage(std::string("\0\0\0\x18"
                                      "ftypheic........",
                                      20),
                          "x.heic"),
              absl::StatusCode::kInvalidArgument, "HEIF files");
}

TEST(ImageIo, NoticesFilesThatAreCutOffAnywhere) {
  cv::Mat noise(64, 64, CV_8UC3);
  cv::RNG(1).fill(noise, cv::RNG::UNIFORM, 0, 256);
  for (const char* suffix :
       {".png", ".jpg", ".webp", ".bmp", ".tiff", ".ppm"}) {
    const std::string whole = Encoded(suffix, noise);
    ASSERT_TRUE(DecodeImage(whole, suffix).ok());
    for (const double kept : {0.3, 0.6, 0.95}) {
      const std::string part = whole.substr(0, whole.size() * kept);
      const absl::StatusOr<Image> image = DecodeImage(part, suffix);
      EXPECT_FALSE(image.ok()) << suffix << " at " << kept;
      EXPECT_EQ(image.status().code(), absl::StatusCode::kInvalidArgument);
      EXPECT_THAT(std::string(image.status().message()), HasSubstr("again"));
    }
  }
  const std::string png = Encoded(".png", noise);
  ExpectError(DecodeImage(png.substr(0, png.size() - 1), "x"),
              absl::StatusCode::kInvalidArgument, "cut off");
}

TEST(ImageIo, NoticesDamagedPixels) {
  cv::Mat noise(64, 64, CV_8UC3);
  cv::RNG(1).fill(noise, cv::RNG::UNIFORM, 0, 256);
  std::string png = Encoded(".png", noise);
  for (size_t i = png.size() / 2; i < png.size() / 2 + 20; ++i) png[i] ^= 0x55;
  ExpectError(DecodeImage(png, "x.png"), absl::StatusCode::kInvalidArgument,
              "damaged");
}

TEST(ImageIo, RefusesPicturesThatWouldNotFitInMemory) {
  const std::string png =
      "\x89PNG\r\n\x1a\n" +
      PngChunk("IHDR", BigEndian(40000) + BigEndian(30000) +
                           std::string("\x08\x06\0\0\0", 5)) +
      PngChunk("IEND", "");
  ExpectError(DecodeImage(png, "huge.png"),
              absl::StatusCode::kResourceExhausted, "40000 x 30000");
}

// No bytes, however damaged, may do more than give an error.
TEST(ImageIo, SurvivesDamagedHeaders) {
  cv::Mat noise(16, 16, CV_8UC3);
  cv::RNG(1).fill(noise, cv::RNG::UNIFORM, 0, 256);
  for (const char* suffix : {".png", ".jpg", ".webp", ".bmp", ".tiff"}) {
    const std::string whole = Encoded(suffix, noise);
    for (size_t i = 0; i < std::min<size_t>(whole.size(), 64); ++i) {
      std::string damaged = whole;
      damaged[i] ^= 0xFF;
      const absl::StatusOr<Image> image = DecodeImage(damaged, suffix);
      if (image.ok()) {
        EXPECT_FALSE(image->empty());
      }
    }
  }
}

}  // namespace
}  // namespace dg4d
