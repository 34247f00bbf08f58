#include "dg4d/scene/image.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "dg4d/base/parallel.h"

namespace dg4d {
namespace {

constexpr int64_t kRowsPerChunk = 16;

// One target sample: a weighted sum of consecutive source samples.
struct Tap {
  int first = 0;
  std::vector<float> weights;  // sum to 1
};

// The share of each source sample in target sample `index`, by the length that
// both cover on the axis.
Tap AreaTap(int index, int source, int target) {
  const double scale = static_cast<double>(source) / target;
  const double begin = index * scale;
  const double end = std::min<double>(source, (index + 1) * scale);
  Tap tap{.first = static_cast<int>(begin)};
  for (int i = tap.first; i < end; ++i) {
    const double covered =
        std::min<double>(end, i + 1) - std::max<double>(begin, i);
    tap.weights.push_back(static_cast<float>(covered / (end - begin)));
  }
  return tap;
}

Tap LinearTap(int index, int source, int target) {
  const double position =
      std::clamp((index + 0.5) * source / target - 0.5, 0.0, source - 1.0);
  const int first = std::min(static_cast<int>(position), source - 2);
  if (first < 0) return {.first = 0, .weights = {1}};
  const float share = static_cast<float>(position - first);
  return {.first = first, .weights = {1 - share, share}};
}

std::vector<Tap> MakeTaps(int source, int target) {
  std::vector<Tap> taps;
  taps.reserve(target);
  for (int i = 0; i < target; ++i) {
    taps.push_back(target <= source ? AreaTap(i, source, target)
                                    : LinearTap(i, source, target));
  }
  return taps;
}

void Premultiply(float* row, int width) {
  for (int x = 0; x < width; ++x, row += 4) {
    for (int c = 0; c < 3; ++c) row[c] *= row[3];
  }
}

void Unpremultiply(float* row, int width) {
  for (int x = 0; x < width; ++x, row += 4) {
    for (int c = 0; c < 3; ++c) {
      row[c] = row[3] > 0 ? std::min(row[c] / row[3], 1.0f) : 0;
    }
  }
}

}  // namespace

at::Tensor Composite(const Image& image,
                     const std::array<float, 3>& background) {
  TORCH_CHECK(!image.empty(), "Composite of an empty image");
  const at::Tensor chw = image.pixels.permute({2, 0, 1});
  if (!image.has_alpha()) return chw.contiguous();
  const at::Tensor colour =
      at::tensor({background[0], background[1], background[2]}).view({3, 1, 1});
  const at::Tensor alpha = chw.narrow(0, 3, 1);
  return (chw.narrow(0, 0, 3) * alpha + colour * (1 - alpha)).contiguous();
}

at::Tensor Alpha(const Image& image) {
  TORCH_CHECK(!image.empty(), "Alpha of an empty image");
  if (!image.has_alpha()) return at::ones({1, image.height(), image.width()});
  return image.pixels.permute({2, 0, 1}).narrow(0, 3, 1).contiguous();
}

Image Resize(const Image& image, int height, int width) {
  TORCH_CHECK(!image.empty() && height > 0 && width > 0,
              "Resize needs pixels and a size, not ", height, " x ", width);
  if (height == image.height() && width == image.width()) return image;
  const at::Tensor source = image.pixels.contiguous();
  const int channels = image.channels();
  const std::vector<Tap> columns = MakeTaps(image.width(), width);
  const std::vector<Tap> rows = MakeTaps(image.height(), height);

  // Horizontally first, so that the intermediate picture of a shrinking is
  // narrow: a 12,000 pixel photograph is held once.
  const at::Tensor narrow = at::empty({image.height(), width, channels});
  ParallelFor(image.height(), kRowsPerChunk, [&](int64_t begin, int64_t end) {
    const int64_t row_size = static_cast<int64_t>(image.width()) * channels;
    std::vector<float> row(row_size);
    for (int64_t y = begin; y < end; ++y) {
      const float* from = source.data_ptr<float>() + y * row_size;
      std::copy(from, from + row_size, row.begin());
      if (image.has_alpha()) Premultiply(row.data(), image.width());
      float* to = narrow.data_ptr<float>() + y * width * channels;
      for (const Tap& tap : columns) {
        for (int c = 0; c < channels; ++c) {
          float sum = 0;
          for (size_t i = 0; i < tap.weights.size(); ++i) {
            sum += tap.weights[i] * row[(tap.first + i) * channels + c];
          }
          *to++ = sum;
        }
      }
    }
  });

  const at::Tensor target = at::empty({height, width, channels});
  ParallelFor(height, kRowsPerChunk, [&](int64_t begin, int64_t end) {
    const int64_t row_size = static_cast<int64_t>(width) * channels;
    for (int64_t y = begin; y < end; ++y) {
      float* to = target.data_ptr<float>() + y * row_size;
      std::fill(to, to + row_size, 0.0f);
      for (size_t i = 0; i < rows[y].weights.size(); ++i) {
        const float* from =
            narrow.data_ptr<float>() + (rows[y].first + i) * row_size;
        const float weight = rows[y].weights[i];
        for (int64_t x = 0; x < row_size; ++x) to[x] += weight * from[x];
      }
      if (image.has_alpha()) Unpremultiply(to, width);
    }
  });
  return {target};
}

Image ImageFromChw(const at::Tensor& chw) {
  return {chw.detach()
              .to(at::kCPU)
              .to(at::kFloat)
              .clamp(0, 1)
              .permute({1, 2, 0})
              .contiguous()};
}

double Psnr(const at::Tensor& a, const at::Tensor& b) {
  TORCH_CHECK(a.sizes() == b.sizes(), "PSNR of tensors of shapes ", a.sizes(),
              " and ", b.sizes());
  const double mean_square =
      (a.detach().to(at::kDouble) - b.detach().to(at::kDouble))
          .square()
          .mean()
          .item<double>();
  if (mean_square == 0) return std::numeric_limits<double>::infinity();
  return -10 * std::log10(mean_square);
}

}  // namespace dg4d
