#include "dg4d/formats/image_io.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/base/files.h"
#include "dg4d/base/parallel.h"
#include "dg4d/base/status.h"
#include "dg4d/formats/image_codec.h"
#include "dg4d/formats/image_probe.h"

namespace dg4d {
namespace {

// Beyond these a 4 GiB machine could not hold file and pixels together.
constexpr int64_t kMaxPixels = 200'000'000;
constexpr size_t kMaxFileBytes = size_t{3} << 29;  // 1.5 GiB

constexpr char kFormats[] = "PNG, JPEG, WebP, TIFF, BMP, PNM or HDR";

float SrgbFromLinear(float linear) {
  if (linear <= 0.0031308f) return 12.92f * linear;
  return 1.055f * std::pow(linear, 1 / 2.4f) - 0.055f;
}

// A sample as sRGB in [0, 1]. Float pictures hold linear light by convention.
float Normalize(uint8_t value) { return value / 255.0f; }
float Normalize(uint16_t value) { return value / 65535.0f; }
float Normalize(float value) {
  return SrgbFromLinear(std::clamp(value, 0.0f, 1.0f));
}
// Alpha is coverage, not light.
template <typename T>
float NormalizeAlpha(T value) {
  return Normalize(value);
}
float NormalizeAlpha(float value) { return std::clamp(value, 0.0f, 1.0f); }

// Row `row` of `decoded` shrunk by `factor`: the mean of each factor x factor
// block, of what of it lies inside, colours weighted by alpha.
template <typename T>
void ConvertRow(const StoredPixels& decoded, int row, int factor, float* out,
                int out_width) {
  const int stored = decoded.channels;
  const int channels = stored == 4 ? 4 : 3;
  const int last = stored == 1 ? 0 : 2, green = stored == 1 ? 0 : 1;
  const int red = decoded.blue_first ? last : 0;
  const int blue = decoded.blue_first ? 0 : last;
  const int row_end = std::min((row + 1) * factor, decoded.height);
  for (int x = 0; x < out_width; ++x) {
    const int column_end = std::min((x + 1) * factor, decoded.width);
    float mean[3] = {0, 0, 0}, weighted[3] = {0, 0, 0}, alpha = 0, count = 0;
    for (int v = row * factor; v < row_end; ++v) {
      const T* pixel = decoded.Row<T>(v) + x * factor * stored;
      for (int u = x * factor; u < column_end; ++u, pixel += stored) {
        const float a = stored == 4 ? NormalizeAlpha(pixel[3]) : 1.0f;
        const float rgb[3] = {Normalize(pixel[red]), Normalize(pixel[green]),
                              Normalize(pixel[blue])};
        for (int c = 0; c < 3; ++c) {
          mean[c] += rgb[c];
          weighted[c] += a * rgb[c];
        }
        alpha += a;
        count += 1;
      }
    }
    float* target = out + static_cast<int64_t>(x) * channels;
    // One pixel, or nothing but transparent ones: weights would only add error.
    const bool plain = factor == 1 || alpha == 0;
    for (int c = 0; c < 3; ++c) {
      target[c] = plain ? mean[c] / count : weighted[c] / alpha;
    }
    if (channels == 4) target[3] = alpha / count;
  }
}

Image Convert(const StoredPixels& decoded, int factor) {
  const int height = (decoded.height + factor - 1) / factor;
  const int width = (decoded.width + factor - 1) / factor;
  const int channels = decoded.channels == 4 ? 4 : 3;
  Image image{at::empty({height, width, channels}, at::kFloat)};
  float* pixels = image.pixels.data_ptr<float>();
  ParallelFor(height, 16, [&](int64_t begin, int64_t end) {
    for (int64_t y = begin; y < end; ++y) {
      float* out = pixels + y * width * channels;
      switch (decoded.sample) {
        case StoredPixels::Sample::kUint8:
          ConvertRow<uint8_t>(decoded, y, factor, out, width);
          break;
        case StoredPixels::Sample::kUint16:
          ConvertRow<uint16_t>(decoded, y, factor, out, width);
          break;
        case StoredPixels::Sample::kFloat:
          ConvertRow<float>(decoded, y, factor, out, width);
          break;
      }
    }
  });
  return image;
}

// The picture upright, from its rows and columns as EXIF says they lie.
Image ApplyOrientation(const Image& image, int orientation) {
  if (orientation <= 1) return image;
  at::Tensor pixels = image.pixels;
  if (orientation >= 5) pixels = pixels.transpose(0, 1);
  switch (orientation) {
    case 2:
    case 6:
      pixels = pixels.flip({1});
      break;
    case 3:
    case 7:
      pixels = pixels.flip({0, 1});
      break;
    case 4:
    case 8:
      pixels = pixels.flip({0});
      break;
  }
  return {pixels.contiguous()};
}

absl::Status CheckBytes(absl::string_view bytes, const std::string& name,
                        const ImageProbe& probe) {
  if (bytes.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": the file is empty; was it copied whole?"));
  }
  if (probe.format.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": not a picture, whatever its name says; give a ",
                     kFormats, " file"));
  }
  if (probe.format == "GIF") {
    return absl::InvalidArgumentError(absl::StrCat(
        name,
        ": a GIF is read as a film, not as a picture; give it as a video "
        "or save it as PNG"));
  }
  if (probe.format == "EXR" || probe.format == "PSD" ||
      probe.format == "HEIF" || probe.format == "PDF") {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ": ", probe.format, " files are not supported; save ",
        "the picture as ", kFormats));
  }
  if (!probe.complete) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": the ", probe.format,
                     " file is cut off before its end; copy or download it "
                     "again"));
  }
  if (probe.width * probe.height > kMaxPixels || bytes.size() > kMaxFileBytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        name, ": a picture of ", probe.width, " x ", probe.height,
        " pixels is too large; shrink it to at most ", kMaxPixels / 1'000'000,
        " megapixels (a few thousand pixels a side are plenty)"));
  }
  return absl::OkStatus();
}

// 8 bits a channel, rounded.
absl::StatusOr<std::vector<uint8_t>> Quantize(const Image& image) {
  if (image.empty() || (image.channels() != 3 && image.channels() != 4)) {
    return absl::InvalidArgumentError(
        "a picture without pixels, or of other than 3 or 4 channels, cannot be "
        "encoded");
  }
  const at::Tensor pixels = image.pixels.to(at::kCPU, at::kFloat).contiguous();
  const float* source = pixels.data_ptr<float>();
  std::vector<uint8_t> quantized(pixels.numel());
  for (size_t i = 0; i < quantized.size(); ++i) {
    const float value = source[i];
    if (std::isnan(value)) {
      const int64_t pixel = static_cast<int64_t>(i) / image.channels();
      return absl::InvalidArgumentError(
          absl::StrCat("the pixel in column ", pixel % image.width(), ", row ",
                       pixel / image.width(), " is not a number"));
    }
    quantized[i] =
        static_cast<uint8_t>(std::clamp(value, 0.0f, 1.0f) * 255.0f + 0.5f);
  }
  return quantized;
}

}  // namespace

absl::StatusOr<Image> DecodeImage(absl::string_view bytes,
                                  const std::string& name,
                                  const ReadImageOptions& options) {
  const ImageProbe probe = ProbeImage(bytes);
  DG4D_RETURN_IF_ERROR(CheckBytes(bytes, name, probe));
  DG4D_ASSIGN_OR_RETURN(const StoredPixels decoded,
                        DecodePixels(bytes, name, probe.format));
  const int side = std::max(decoded.width, decoded.height);
  const int factor = (side + options.max_side - 1) / options.max_side;
  if (options.shrunk_by != nullptr) *options.shrunk_by = factor;
  // OpenCV's TIFF reader puts rows and columns upright itself.
  const int orientation = probe.format == "TIFF" ? 1 : probe.orientation;
  return ApplyOrientation(Convert(decoded, factor), orientation);
}

absl::StatusOr<Image> ReadImage(const std::string& path,
                                const ReadImageOptions& options) {
  const absl::StatusOr<std::string> bytes = ReadFile(path);
  if (!bytes.ok()) {
    return absl::Status(bytes.status().code(),
                        absl::StrCat(bytes.status().message(),
                                     "; give the path of a picture file"));
  }
  return DecodeImage(*bytes, path, options);
}

absl::StatusOr<at::Tensor> ReadMask(const std::string& path,
                                    const ReadImageOptions& options) {
  DG4D_ASSIGN_OR_RETURN(const Image image, ReadImage(path, options));
  if (image.has_alpha()) {
    const at::Tensor alpha = image.pixels.select(2, 3);
    if (alpha.min().item<float>() < 1) return alpha.contiguous();
  }
  const at::Tensor& rgb = image.pixels;
  return (rgb.select(2, 0) * 0.299 + rgb.select(2, 1) * 0.587 +
          rgb.select(2, 2) * 0.114)
      .contiguous();
}

absl::StatusOr<std::string> EncodePng(const Image& image) {
  DG4D_ASSIGN_OR_RETURN(const std::vector<uint8_t> pixels, Quantize(image));
  return EncodePngPixels(pixels.data(), image.width(), image.height(),
                         image.channels());
}

absl::StatusOr<std::string> EncodeJpeg(const Image& image, int quality) {
  if (image.empty()) return EncodePng(image).status();
  const Image opaque = ImageFromChw(Composite(image));
  DG4D_ASSIGN_OR_RETURN(const std::vector<uint8_t> pixels, Quantize(opaque));
  return EncodeJpegPixels(pixels.data(), opaque.width(), opaque.height(),
                          quality);
}

absl::Status WritePng(const std::string& path, const Image& image) {
  DG4D_ASSIGN_OR_RETURN(const std::string bytes, EncodePng(image));
  return WriteFileAtomically(path, bytes);
}

}  // namespace dg4d
