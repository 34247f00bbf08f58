#include "dg4d/imaging/similarity.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/base/parallel.h"
#include "dg4d/base/status.h"

namespace dg4d {
namespace {

constexpr float kVisible = 0.02f;  // alpha that makes a pixel part of an object
constexpr int kMinObject = 8;      // pixels of an object's longer side

// RGBA with colours multiplied by alpha.
struct Premultiplied {
  int height, width;
  std::vector<float> pixels;

  explicit Premultiplied(const Image& image)
      : height(image.height()),
        width(image.width()),
        pixels(size_t{4} * image.height() * image.width()) {
    const at::Tensor contiguous = image.pixels.contiguous();
    const float* source = contiguous.data_ptr<float>();
    const int channels = image.channels();
    for (size_t i = 0; i < pixels.size(); i += 4, source += channels) {
      const float alpha = channels == 4 ? source[3] : 1;
      for (int c = 0; c < 3; ++c) pixels[i + c] = alpha * source[c];
      pixels[i + 3] = alpha;
    }
  }
};

// The cubic through four samples (Catmull and Rom 1974) at `t` from the second.
std::array<float, 4> CubicWeights(float t) {
  const float t2 = t * t, t3 = t2 * t;
  return {-0.5f * t + t2 - 0.5f * t3, 1 - 2.5f * t2 + 1.5f * t3,
          0.5f * t + 2 * t2 - 1.5f * t3, -0.5f * t2 + 0.5f * t3};
}

// The picture at continuous coordinates; nothing outside.
std::array<float, 4> Sample(const Premultiplied& image, double u, double v) {
  const double column = std::floor(u - 0.5), row = std::floor(v - 0.5);
  const auto across = CubicWeights(static_cast<float>(u - 0.5 - column));
  const auto down = CubicWeights(static_cast<float>(v - 0.5 - row));
  std::array<float, 4> sum = {0, 0, 0, 0};
  for (int j = 0; j < 4; ++j) {
    const double y = row - 1 + j;
    if (y < 0 || y >= image.height) continue;
    for (int i = 0; i < 4; ++i) {
      const double x = column - 1 + i;
      if (x < 0 || x >= image.width) continue;
      const float weight = across[i] * down[j];
      const float* pixel =
          &image.pixels[4 * (static_cast<size_t>(y) * image.width +
                             static_cast<size_t>(x))];
      for (int c = 0; c < 4; ++c) sum[c] += weight * pixel[c];
    }
  }
  // The cubic overshoots at edges; colour must not exceed coverage.
  sum[3] = std::clamp(sum[3], 0.0f, 1.0f);
  for (int c = 0; c < 3; ++c) sum[c] = std::clamp(sum[c], 0.0f, sum[3]);
  return sum;
}

// `image` shrunk by about `scale` if that is below 1.
Image Shrunk(const Image& image, double scale) {
  if (scale >= 1) return image;
  const auto side = [&](int pixels) {
    return std::max(1, static_cast<int>(std::lround(pixels * scale)));
  };
  return Resize(image, side(image.height()), side(image.width()));
}

// Warp, but of premultiplied pixels.
Premultiplied WarpPremultiplied(const Image& image, const Similarity& t,
                                int height, int width) {
  const Premultiplied source(Shrunk(image, t.scale));
  const double shrink_x = static_cast<double>(source.width) / image.width();
  const double shrink_y = static_cast<double>(source.height) / image.height();
  const double cosine = std::cos(t.angle) / t.scale;
  const double sine = std::sin(t.angle) / t.scale;
  Premultiplied target{{at::empty({height, width, 4}, at::kFloat)}};
  ParallelFor(height, 16, [&](int64_t begin, int64_t end) {
    for (int64_t y = begin; y < end; ++y) {
      for (int x = 0; x < width; ++x) {
        const double dx = x + 0.5 - t.x, dy = y + 0.5 - t.y;
        const auto value = Sample(source, (cosine * dx + sine * dy) * shrink_x,
                                  (cosine * dy - sine * dx) * shrink_y);
        std::copy(value.begin(), value.end(),
                  target.pixels.begin() + 4 * (y * width + x));
      }
    }
  });
  return target;
}

// first, then second.
Similarity Compose(const Similarity& second, const Similarity& first) {
  const double c = second.scale * std::cos(second.angle);
  const double s = second.scale * std::sin(second.angle);
  return {.scale = second.scale * first.scale,
          .angle = second.angle + first.angle,
          .x = c * first.x - s * first.y + second.x,
          .y = s * first.x + c * first.y + second.y};
}

Similarity Inverse(const Similarity& t) {
  const double c = std::cos(t.angle) / t.scale, s = std::sin(t.angle) / t.scale;
  return {.scale = 1 / t.scale,
          .angle = -t.angle,
          .x = -(c * t.x + s * t.y),
          .y = -(c * t.y - s * t.x)};
}

// As seen when the target is shown `factor` times as large.
Similarity Magnified(const Similarity& t, double factor) {
  return Compose({.scale = factor}, t);
}

struct Moments {
  double area = 0, x = 0, y = 0;  // pixels; the centroid
};

Moments AlphaMoments(const Image& image) {
  const at::Tensor alpha = Alpha(image).contiguous();
  const float* values = alpha.data_ptr<float>();
  Moments m;
  for (int y = 0; y < image.height(); ++y) {
    for (int x = 0; x < image.width(); ++x) {
      const double a = *values++;
      m.area += a;
      m.x += a * (x + 0.5);
      m.y += a * (y + 0.5);
    }
  }
  if (m.area > 0) m.x /= m.area, m.y /= m.area;
  return m;
}

double SquaredDifference(const Premultiplied& a, const Premultiplied& b) {
  double sum = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) {
    const double d = a.pixels[i] - b.pixels[i];
    sum += d * d;
  }
  return sum;
}

// Solves the symmetric positive 4 x 4 system; false if it is singular.
bool Solve(std::array<std::array<double, 4>, 4> a, std::array<double, 4> b,
           std::array<double, 4>& x) {
  for (int i = 0; i < 4; ++i) {
    if (!(a[i][i] > 1e-12)) return false;
    for (int j = i + 1; j < 4; ++j) {
      const double factor = a[j][i] / a[i][i];
      for (int k = i; k < 4; ++k) a[j][k] -= factor * a[i][k];
      b[j] -= factor * b[i];
    }
  }
  for (int i = 3; i >= 0; --i) {
    x[i] = b[i];
    for (int k = i + 1; k < 4; ++k) x[i] -= a[i][k] * x[k];
    x[i] /= a[i][i];
  }
  return true;
}

// The small similarity D about the centre of the picture, as (log scale, angle,
// x, y), for which warped(D(q)) is nearest to target(q), to first order.
std::optional<Similarity> Step(const Premultiplied& warped,
                               const Premultiplied& target, double damping) {
  const int height = target.height, width = target.width;
  std::array<std::array<double, 4>, 4> normal = {};
  std::array<double, 4> right = {};
  for (int y = 1; y + 1 < height; ++y) {
    for (int x = 1; x + 1 < width; ++x) {
      const double u = x + 0.5 - width / 2.0, v = y + 0.5 - height / 2.0;
      const size_t at = 4 * (static_cast<size_t>(y) * width + x);
      for (int c = 0; c < 4; ++c) {
        const double gx =
            0.5 * (warped.pixels[at + 4 + c] - warped.pixels[at - 4 + c]);
        const double gy = 0.5 * (warped.pixels[at + 4 * width + c] -
                                 warped.pixels[at - 4 * width + c]);
        const std::array<double, 4> slope = {gx * u + gy * v, gy * u - gx * v,
                                             gx, gy};
        const double gap = target.pixels[at + c] - warped.pixels[at + c];
        for (int i = 0; i < 4; ++i) {
          right[i] += slope[i] * gap;
          for (int j = 0; j < 4; ++j) normal[i][j] += slope[i] * slope[j];
        }
      }
    }
  }
  for (int i = 0; i < 4; ++i) normal[i][i] *= 1 + damping;
  std::array<double, 4> d;
  if (!Solve(normal, right, d)) return std::nullopt;
  const Similarity turn = {.scale = std::exp(d[0]), .angle = d[1]};
  const Similarity to_center = {.x = -width / 2.0, .y = -height / 2.0};
  return Compose({.x = width / 2.0 + d[2], .y = height / 2.0 + d[3]},
                 Compose(turn, to_center));
}

// Improves `t`, which maps source to the full target, at one resolution.
Similarity Refine(const Image& source, const Image& target, double factor,
                  Similarity t) {
  const Premultiplied goal(Shrunk(target, factor));
  // What rounding made of the factor is below a tenth of a pixel.
  const double exact = static_cast<double>(goal.height) / target.height();
  t = Magnified(t, exact);
  Premultiplied warped = WarpPremultiplied(source, t, goal.height, goal.width);
  double error = SquaredDifference(warped, goal);
  double damping = 1e-3;
  for (int round = 0; round < 20 && damping < 1e3; ++round) {
    const std::optional<Similarity> step = Step(warped, goal, damping);
    if (!step.has_value()) break;
    const Similarity moved = Compose(Inverse(*step), t);
    const Premultiplied tried =
        WarpPremultiplied(source, moved, goal.height, goal.width);
    const double tried_error = SquaredDifference(tried, goal);
    if (!(tried_error < error)) {
      damping *= 10;
      continue;
    }
    const bool settled = tried_error > error * (1 - 1e-4);
    t = moved;
    warped = tried;
    error = tried_error;
    damping = std::max(damping / 10, 1e-6);
    if (settled) break;
  }
  return Magnified(t, 1 / exact);
}

}  // namespace

Image Warp(const Image& image, const Similarity& target_from_source, int height,
           int width) {
  const Premultiplied warped =
      WarpPremultiplied(image, target_from_source, height, width);
  Image result{at::empty({height, width, 4}, at::kFloat)};
  float* pixels = result.pixels.data_ptr<float>();
  for (size_t i = 0; i < warped.pixels.size(); i += 4) {
    const float alpha = warped.pixels[i + 3];
    for (int c = 0; c < 3; ++c) {
      pixels[i + c] = alpha > 0 ? warped.pixels[i + c] / alpha : 0;
    }
    pixels[i + 3] = alpha;
  }
  return result;
}

Rectangle ObjectBox(const Image& image) {
  const at::Tensor alpha = Alpha(image).contiguous();
  const float* values = alpha.data_ptr<float>();
  int left = image.width(), right = -1, top = image.height(), bottom = -1;
  for (int y = 0; y < image.height(); ++y) {
    for (int x = 0; x < image.width(); ++x) {
      if (*values++ <= kVisible) continue;
      left = std::min(left, x);
      right = std::max(right, x);
      top = std::min(top, y);
      bottom = std::max(bottom, y);
    }
  }
  if (right < 0) return {};
  return {left, top, right - left + 1, bottom - top + 1};
}

absl::Status CheckObjectSize(const Image& image) {
  const Rectangle box = ObjectBox(image);
  if (std::max(box.width, box.height) >= kMinObject) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the object is only ", box.width, " x ", box.height,
      " pixels; give a picture in which its longer side has at least ",
      kMinObject));
}

absl::StatusOr<Image> Recenter(const Image& image, int size,
                               double border_ratio) {
  DG4D_RETURN_IF_ERROR(CheckObjectSize(image));
  const Rectangle box = ObjectBox(image);
  const int longer = std::max(box.width, box.height);
  const double scale = size * (1 - border_ratio) / longer;
  // A transparent margin, so that the object's edge is smoothed like any other.
  constexpr int kMargin = 2;
  at::Tensor crop = at::zeros(
      {box.height + 2 * kMargin, box.width + 2 * kMargin, 4}, at::kFloat);
  at::Tensor inside =
      crop.narrow(0, kMargin, box.height).narrow(1, kMargin, box.width);
  const at::Tensor object =
      image.pixels.narrow(0, box.y, box.height).narrow(1, box.x, box.width);
  inside.select(2, 3).fill_(1);
  inside.narrow(2, 0, image.channels()).copy_(object);

  const auto scaled = [&](int64_t pixels) {
    return std::clamp(static_cast<int>(std::lround(pixels * scale)), 1, size);
  };
  const Image resized =
      Resize({crop}, scaled(crop.size(0)), scaled(crop.size(1)));
  Image centred{at::zeros({size, size, 4}, at::kFloat)};
  centred.pixels.narrow(0, (size - resized.height()) / 2, resized.height())
      .narrow(1, (size - resized.width()) / 2, resized.width())
      .copy_(resized.pixels);
  return centred;
}

Image PadToSquare(const Image& image) {
  const int side = std::max(image.height(), image.width());
  if (image.height() == side && image.width() == side) return image;
  Image square{at::zeros({side, side, 4}, at::kFloat)};
  at::Tensor inside =
      square.pixels.narrow(0, (side - image.height()) / 2, image.height())
          .narrow(1, (side - image.width()) / 2, image.width());
  inside.select(2, 3).fill_(1);
  inside.narrow(2, 0, image.channels()).copy_(image.pixels);
  return square;
}

Similarity Register(const Image& source, const Image& target) {
  const Moments from = AlphaMoments(source), to = AlphaMoments(target);
  if (from.area <= 0 || to.area <= 0) return {};
  const double scale = std::sqrt(to.area / from.area);
  Similarity t = {
      .scale = scale, .x = to.x - scale * from.x, .y = to.y - scale * from.y};
  const int side = std::max(target.height(), target.width());
  for (const int level : {64, 128, 256, 512}) {
    t = Refine(source, target, std::min(1.0, static_cast<double>(level) / side),
               t);
    if (level >= side) break;
  }
  return t;
}

}  // namespace dg4d
