#include "dg4d/diffusion/clip_images.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "dg4d/base/status.h"
#include "dg4d/diffusion/pillow_resize.h"

namespace dg4d::diffusion {
namespace {

// Mirrors without repeating the border.
int64_t Reflect(int64_t i, int64_t size) {
  if (size == 1) return 0;
  while (i < 0 || i >= size) i = i < 0 ? -i : 2 * (size - 1) - i;
  return i;
}

// Rows of the Gaussian blur for shrinking by `factor`: [size, size].
std::vector<std::vector<double>> BlurRows(int64_t size, double factor) {
  const double sigma = std::max((factor - 1) / 2, 0.001);
  auto taps = static_cast<int64_t>(std::max(4 * sigma, 3.0));
  if (taps % 2 == 0) ++taps;
  std::vector<double> kernel(taps);
  double sum = 0;
  for (int64_t i = 0; i < taps; ++i) {
    const auto x = static_cast<double>(i - taps / 2);
    sum += kernel[i] = std::exp(-x * x / (2 * sigma * sigma));
  }
  std::vector<std::vector<double>> rows(size, std::vector<double>(size));
  for (int64_t y = 0; y < size; ++y) {
    for (int64_t i = 0; i < taps; ++i) {
      rows[y][Reflect(y + i - taps / 2, size)] += kernel[i] / sum;
    }
  }
  return rows;
}

// Keys' cubic with a = -0.75.
double Cubic(double u) {
  constexpr double kA = -0.75;
  u = std::abs(u);
  if (u < 1) return ((kA + 2) * u - (kA + 3)) * u * u + 1;
  if (u < 2) return ((u - 5) * u + 8) * u * kA - 4 * kA;
  return 0;
}

// [out, in]
at::Tensor ResizeMatrix(int64_t in, int64_t out) {
  const double factor = static_cast<double>(in) / static_cast<double>(out);
  const auto blur = BlurRows(in, factor);
  at::Tensor matrix = at::zeros({out, in});
  float* values = matrix.mutable_data_ptr<float>();
  for (int64_t y = 0; y < out; ++y) {
    const double at = out > 1 ? static_cast<double>(y * (in - 1)) /
                                    static_cast<double>(out - 1)
                              : 0;
    const auto floor = static_cast<int64_t>(at);
    std::vector<double> row(in);
    for (int64_t x = floor - 1; x <= floor + 2; ++x) {
      const double weight = Cubic(at - static_cast<double>(x));
      const auto& from = blur[std::clamp<int64_t>(x, 0, in - 1)];
      for (int64_t i = 0; i < in; ++i) row[i] += weight * from[i];
    }
    for (int64_t i = 0; i < in; ++i) {
      values[y * in + i] = static_cast<float>(row[i]);
    }
  }
  return matrix;
}

}  // namespace

absl::StatusOr<ClipImages> ClipImages::Parse(JsonConfig json) {
  ClipImages images;
  // Pictures are square: "size" is about an edge that "crop_size" has too.
  images.size = json.Edge("crop_size", images.size);
  const auto read = [&](const std::string& key, std::array<double, 3>& values) {
    const std::vector<double> numbers =
        json.Numbers(key, {values.begin(), values.end()});
    std::copy(numbers.begin(), numbers.end(), values.begin());
  };
  read("image_mean", images.mean);
  read("image_std", images.deviation);
  if (std::any_of(images.deviation.begin(), images.deviation.end(),
                  [](double x) { return !(x > 0); })) {
    json.Complain("'image_std' must be positive");
  }
  json.Only("do_normalize", {"true"});
  json.Only("do_rescale", {"true"});
  json.IgnoreTheRest();
  DG4D_RETURN_IF_ERROR(json.Finish());
  return images;
}

absl::StatusOr<ClipImages> ClipImages::Of(const std::string& folder) {
  const std::string path =
      folder + "/feature_extractor/preprocessor_config.json";
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return ClipImages();
  DG4D_ASSIGN_OR_RETURN(JsonConfig json, JsonConfig::Read(path));
  return Parse(std::move(json));
}

at::Tensor ClipImages::Normalise(const at::Tensor& pictures) const {
  at::Tensor out = at::empty(pictures.sizes(), pictures.options());
  for (int64_t c = 0; c < 3; ++c) {
    out.select(1, c).copy_((pictures.select(1, c) - mean[c]) / deviation[c]);
  }
  return out;
}

at::Tensor ClipImages::FromBytes(const at::Tensor& pictures) const {
  TORCH_CHECK(pictures.size(2) == pictures.size(3), "pictures must be square");
  const at::Tensor bytes = (pictures.to(at::kFloat) * 255)
                               .clamp(0, 255)
                               .to(at::kByte)
                               .permute({0, 2, 3, 1})
                               .contiguous();
  at::Tensor out = at::empty({pictures.size(0), size, size, 3}, at::kFloat);
  for (int64_t b = 0; b < pictures.size(0); ++b) {
    const uint8_t* from = bytes[b].const_data_ptr<uint8_t>();
    const BytePicture small = PillowResize(
        {.height = static_cast<int>(bytes.size(1)),
         .width = static_cast<int>(bytes.size(2)),
         .channels = 3,
         .pixels = std::vector<uint8_t>(from, from + bytes[b].numel())},
        static_cast<int>(size), static_cast<int>(size), PillowFilter::kBicubic);
    float* to = out[b].mutable_data_ptr<float>();
    for (const uint8_t byte : small.pixels) {
      *to++ = static_cast<float>(byte) / 255;
    }
  }
  return Normalise(out.permute({0, 3, 1, 2}));
}

at::Tensor ClipImages::Antialiased(const at::Tensor& pictures) const {
  // The kernels see [-1, 1]; they are linear, but their rounding is not.
  return Normalise(
      (AntialiasedResize(pictures.to(at::kFloat) * 2 - 1, size, size) + 1) / 2);
}

at::Tensor AntialiasedResize(const at::Tensor& images, int64_t height,
                             int64_t width) {
  const at::Tensor rows =
      ResizeMatrix(images.size(-2), height).to(images.options());
  const at::Tensor columns =
      ResizeMatrix(images.size(-1), width).to(images.options());
  return at::matmul(rows, at::matmul(images, columns.t()));
}

}  // namespace dg4d::diffusion
