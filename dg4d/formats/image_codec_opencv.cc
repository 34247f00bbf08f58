#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/formats/image_codec.h"

namespace dg4d {
namespace {

absl::StatusOr<std::string> Encode(const char* suffix, const uint8_t* rgb,
                                   int width, int height, int channels,
                                   const std::vector<int>& parameters) {
  cv::Mat pixels(height, width, CV_8UC(channels));
  for (int y = 0; y < height; ++y) {
    const uint8_t* source = rgb + static_cast<int64_t>(y) * width * channels;
    uint8_t* target = pixels.ptr<uint8_t>(y);
    for (int x = 0; x < width; ++x, source += channels, target += channels) {
      for (int c = 0; c < channels; ++c) target[c < 3 ? 2 - c : 3] = source[c];
    }
  }
  std::vector<uint8_t> bytes;
  bool encoded = false;
  try {
    encoded = cv::imencode(suffix, pixels, bytes, parameters);
  } catch (const cv::Exception&) {
  }
  if (!encoded) {
    return absl::InternalError(absl::StrCat("OpenCV cannot encode a ", width,
                                            " x ", height, " picture as ",
                                            suffix));
  }
  return std::string(bytes.begin(), bytes.end());
}

}  // namespace

absl::StatusOr<StoredPixels> DecodePixels(absl::string_view bytes,
                                          const std::string& name,
                                          absl::string_view format) {
  auto decoded = std::make_shared<cv::Mat>();
  try {
    const cv::Mat buffer(1, static_cast<int>(bytes.size()), CV_8UC1,
                         const_cast<char*>(bytes.data()));
    *decoded = cv::imdecode(buffer, cv::IMREAD_UNCHANGED);
    if (decoded->depth() == CV_64F) decoded->convertTo(*decoded, CV_32F);
  } catch (const cv::Exception&) {
    decoded->release();
  }
  if (decoded->empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": the ", format,
                     " file is damaged and cannot be decoded; copy or download "
                     "it again, or save it as PNG"));
  }
  const bool known_depth = decoded->depth() == CV_8U ||
                           decoded->depth() == CV_16U ||
                           decoded->depth() == CV_32F;
  const int channels = decoded->channels();
  if (!known_depth || (channels != 1 && channels != 3 && channels != 4)) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ": pixels of ", channels,
        " channels or of an unusual number type; save the picture as a PNG of "
        "8 or 16 bits, grey, RGB or RGBA"));
  }
  if (decoded->depth() == CV_32F && !cv::checkRange(*decoded)) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": some pixels are infinite or not a number"));
  }
  using Sample = StoredPixels::Sample;
  return StoredPixels{.width = decoded->cols,
                      .height = decoded->rows,
                      .channels = channels,
                      .sample = decoded->depth() == CV_8U    ? Sample::kUint8
                                : decoded->depth() == CV_16U ? Sample::kUint16
                                                             : Sample::kFloat,
                      .blue_first = true,
                      .row_bytes = static_cast<int64_t>(decoded->step[0]),
                      .data = {decoded, decoded->data}};
}

absl::StatusOr<std::string> EncodePngPixels(const uint8_t* pixels, int width,
                                            int height, int channels) {
  return Encode(".png", pixels, width, height, channels,
                {cv::IMWRITE_PNG_COMPRESSION, 6});
}

absl::StatusOr<std::string> EncodeJpegPixels(const uint8_t* pixels, int width,
                                             int height, int quality) {
  return Encode(".jpg", pixels, width, height, 3,
                {cv::IMWRITE_JPEG_QUALITY, quality});
}

}  // namespace dg4d
