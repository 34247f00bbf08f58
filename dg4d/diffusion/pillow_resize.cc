#include "dg4d/diffusion/pillow_resize.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace dg4d::diffusion {
namespace {

constexpr int kBits = 22;

// Keys' cubic with a = -0.5.
double Bicubic(double u) {
  u = std::abs(u);
  if (u < 1) return (1.5 * u - 2.5) * u * u + 1;
  if (u < 2) return (((u - 5) * u + 8) * u - 4) * -0.5;
  return 0;
}

double Sinc(double u) {
  u *= std::numbers::pi;
  return u == 0 ? 1 : std::sin(u) / u;
}

double Lanczos(double u) {
  return -3 <= u && u < 3 ? Sinc(u) * Sinc(u / 3) : 0;
}

// The inputs of one output, and their weights times 2^22.
struct Taps {
  int first;
  std::vector<int32_t> weights;
};

std::vector<Taps> TapsOf(int in, int out, PillowFilter filter) {
  const double scale = static_cast<double>(in) / out;
  const double stretch = std::max(scale, 1.0);
  const double support = (filter == PillowFilter::kBicubic ? 2 : 3) * stretch;
  std::vector<Taps> all(out);
  for (int i = 0; i < out; ++i) {
    const double center = (i + 0.5) * scale;
    const int first = std::max(static_cast<int>(center - support + 0.5), 0);
    const int last = std::min(static_cast<int>(center + support + 0.5), in);
    std::vector<double> weights;
    double sum = 0;
    for (int x = first; x < last; ++x) {
      const double u = (x - center + 0.5) * (1 / stretch);
      weights.push_back(filter == PillowFilter::kBicubic ? Bicubic(u)
                                                         : Lanczos(u));
      sum += weights.back();
    }
    all[i].first = first;
    for (const double weight : weights) {
      const double fixed = weight * (1 / sum) * (1 << kBits);
      all[i].weights.push_back(
          static_cast<int32_t>(fixed < 0 ? fixed - 0.5 : fixed + 0.5));
    }
  }
  return all;
}

uint8_t Clip(int64_t sum) {
  return static_cast<uint8_t>(std::clamp<int64_t>(sum >> kBits, 0, 255));
}

BytePicture ResizeRows(const BytePicture& picture, int width,
                       PillowFilter filter) {
  if (width == picture.width) return picture;
  BytePicture out = {picture.height, width, picture.channels, {}};
  const std::vector<Taps> taps = TapsOf(picture.width, width, filter);
  const int channels = picture.channels;
  for (int y = 0; y < picture.height; ++y) {
    const uint8_t* row = picture.pixels.data() +
                         static_cast<size_t>(y) * picture.width * channels;
    for (const Taps& tap : taps) {
      for (int c = 0; c < channels; ++c) {
        int64_t sum = int64_t{1} << (kBits - 1);
        const uint8_t* in = row + tap.first * channels + c;
        for (const int32_t weight : tap.weights) {
          sum += int64_t{weight} * *in;
          in += channels;
        }
        out.pixels.push_back(Clip(sum));
      }
    }
  }
  return out;
}

BytePicture Transpose(const BytePicture& picture) {
  BytePicture out = {picture.width, picture.height, picture.channels, {}};
  out.pixels.reserve(picture.pixels.size());
  for (int x = 0; x < picture.width; ++x) {
    for (int y = 0; y < picture.height; ++y) {
      const auto pixel = picture.pixels.begin() +
                         (static_cast<std::ptrdiff_t>(y) * picture.width + x) *
                             picture.channels;
      out.pixels.insert(out.pixels.end(), pixel, pixel + picture.channels);
    }
  }
  return out;
}

}  // namespace

BytePicture PillowResize(const BytePicture& picture, int height, int width,
                         PillowFilter filter) {
  const BytePicture rows = ResizeRows(picture, width, filter);
  if (height == rows.height) return rows;
  return Transpose(ResizeRows(Transpose(rows), height, filter));
}

}  // namespace dg4d::diffusion
