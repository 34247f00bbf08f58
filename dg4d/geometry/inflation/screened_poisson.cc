#include "dg4d/geometry/inflation/screened_poisson.h"

namespace dg4d::inflation {
namespace {

constexpr double kTolerance = 1e-4;
constexpr int kMostIterations = 2000;

// The domain as horizontal spans on a grid with a border of zeros, so that the
// inner loops neither branch nor leave the grid.
class SpanGrid {
 public:
  explicit SpanGrid(const Mask& domain)
      : stride_(domain.width + 2),
        size_(static_cast<size_t>(stride_) * (domain.height + 2)) {
    for (int y = 0; y < domain.height; ++y) {
      for (int x = 0; x < domain.width;) {
        if (!domain(y, x)) {
          ++x;
          continue;
        }
        int end = x;
        while (end < domain.width && domain(y, end)) ++end;
        spans_.push_back({Index(y, x), Index(y, end)});
        x = end;
      }
    }
  }

  std::vector<float> Gather(const Plane<float>& plane) const {
    std::vector<float> values(size_, 0);
    for (const Span& span : spans_) {
      for (size_t i = span.begin; i < span.end; ++i) {
        values[i] = plane(Row(i), Column(i));
      }
    }
    return values;
  }

  void Scatter(const std::vector<float>& values, Plane<float>& plane) const {
    for (const Span& span : spans_) {
      for (size_t i = span.begin; i < span.end; ++i) {
        plane(Row(i), Column(i)) = values[i];
      }
    }
  }

  // out = (1 - lambda Laplacian) in; returns in . out.
  double Apply(const std::vector<float>& in, float lambda,
               std::vector<float>& out) const {
    const float diagonal = 1 + 4 * lambda;
    double total = 0;
    for (const Span& span : spans_) {
      const float* p = in.data() + span.begin;
      float* q = out.data() + span.begin;
      const int n = static_cast<int>(span.end - span.begin);
      for (int i = 0; i < n; ++i) {
        q[i] = diagonal * p[i] -
               lambda * (p[i - 1] + p[i + 1] + p[i - stride_] + p[i + stride_]);
      }
      total += Dot(p, q, n);
    }
    return total;
  }

  double Dot(const std::vector<float>& a, const std::vector<float>& b) const {
    double total = 0;
    for (const Span& span : spans_) {
      total += Dot(a.data() + span.begin, b.data() + span.begin,
                   static_cast<int>(span.end - span.begin));
    }
    return total;
  }

  // a += factor * b.
  void Add(double factor, const std::vector<float>& b,
           std::vector<float>& a) const {
    const float f = static_cast<float>(factor);
    for (const Span& span : spans_) {
      for (size_t i = span.begin; i < span.end; ++i) a[i] += f * b[i];
    }
  }

  // a = b + factor * a.
  void ScaleAndAdd(double factor, const std::vector<float>& b,
                   std::vector<float>& a) const {
    const float f = static_cast<float>(factor);
    for (const Span& span : spans_) {
      for (size_t i = span.begin; i < span.end; ++i) a[i] = b[i] + f * a[i];
    }
  }

 private:
  struct Span {
    size_t begin, end;
  };

  // Four partial sums, which the compiler keeps in one register.
  static double Dot(const float* a, const float* b, int n) {
    float sums[4] = {0, 0, 0, 0};
    int i = 0;
    for (; i + 4 <= n; i += 4) {
      for (int k = 0; k < 4; ++k) sums[k] += a[i + k] * b[i + k];
    }
    for (; i < n; ++i) sums[0] += a[i] * b[i];
    return (double(sums[0]) + sums[1]) + (double(sums[2]) + sums[3]);
  }

  size_t Index(int y, int x) const {
    return static_cast<size_t>(y + 1) * stride_ + x + 1;
  }
  int Row(size_t i) const { return static_cast<int>(i / stride_) - 1; }
  int Column(size_t i) const { return static_cast<int>(i % stride_) - 1; }

  int stride_;
  size_t size_;
  std::vector<Span> spans_;
};

}  // namespace

Plane<float> SolveScreenedPoisson(const Plane<float>& u, const Mask& domain,
                                  double lambda, const Plane<float>& start) {
  const SpanGrid grid(domain);
  const std::vector<float> right = grid.Gather(u);
  std::vector<float> v = grid.Gather(start);
  std::vector<float> product(right.size(), 0);
  grid.Apply(v, static_cast<float>(lambda), product);
  std::vector<float> residual = right;
  grid.Add(-1, product, residual);
  std::vector<float> direction = residual;

  const double goal = kTolerance * kTolerance * grid.Dot(right, right);
  double squared = grid.Dot(residual, residual);
  for (int i = 0; i < kMostIterations && squared > goal; ++i) {
    const double curvature =
        grid.Apply(direction, static_cast<float>(lambda), product);
    const double step = squared / curvature;
    grid.Add(step, direction, v);
    grid.Add(-step, product, residual);
    const double next = grid.Dot(residual, residual);
    grid.ScaleAndAdd(next / squared, residual, direction);
    squared = next;
  }
  Plane<float> result(u.height, u.width);
  grid.Scatter(v, result);
  return result;
}

}  // namespace dg4d::inflation
