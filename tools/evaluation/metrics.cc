#include "tools/evaluation/metrics.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "dg4d/base/parallel.h"

namespace dg4d {
namespace {

constexpr int64_t kSamples = 20'000;
constexpr int64_t kPointsPerChunk = 128;
constexpr int kLanes = 16;

// The mean distance of points [N, 3] to the nearest of others [M, 3].
double MeanNearestDistance(const at::Tensor& points, const at::Tensor& others) {
  const int64_t count = points.size(0), other_count = others.size(0);
  // One row a coordinate, and several minima side by side, so that the inner
  // loop vectorises. The end is filled up with points that are never near.
  const int64_t padded = (other_count + kLanes - 1) / kLanes * kLanes;
  const at::Tensor rows = at::full({3, padded}, 1e18f);
  rows.narrow(1, 0, other_count).copy_(others.t());
  const float* x = rows.const_data_ptr<float>();
  const float* y = x + padded;
  const float* z = y + padded;
  const float* p = points.const_data_ptr<float>();
  std::vector<double> sums((count + kPointsPerChunk - 1) / kPointsPerChunk);
  ParallelFor(count, kPointsPerChunk, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float px = p[3 * i], py = p[3 * i + 1], pz = p[3 * i + 2];
      float nearest[kLanes];
      std::fill_n(nearest, kLanes, std::numeric_limits<float>::max());
      for (int64_t j = 0; j < padded; j += kLanes) {
        for (int lane = 0; lane < kLanes; ++lane) {
          const float dx = x[j + lane] - px, dy = y[j + lane] - py,
                      dz = z[j + lane] - pz;
          const float squared = dx * dx + dy * dy + dz * dz;
          nearest[lane] = squared < nearest[lane] ? squared : nearest[lane];
        }
      }
      sums[begin / kPointsPerChunk] +=
          std::sqrt(*std::min_element(nearest, nearest + kLanes));
    }
  });
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum / static_cast<double>(count);
}

}  // namespace

double MaskIou(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor inside_a = a > 0.5, inside_b = b > 0.5;
  const double both = inside_a.logical_and(inside_b).sum().item<double>();
  const double either = inside_a.logical_or(inside_b).sum().item<double>();
  return either > 0 ? both / either : 1;
}

double TemporalFlicker(const std::vector<at::Tensor>& rendered,
                       const std::vector<at::Tensor>& truth) {
  TORCH_CHECK(rendered.size() == truth.size() && rendered.size() >= 2,
              "flicker needs at least two frames");
  double sum = 0;
  for (size_t i = 0; i + 1 < rendered.size(); ++i) {
    sum += ((rendered[i + 1] - rendered[i]) - (truth[i + 1] - truth[i]))
               .abs()
               .mean()
               .item<double>();
  }
  return sum / static_cast<double>(rendered.size() - 1);
}

at::Tensor SampleSurface(const Mesh& mesh, int64_t count) {
  const at::Tensor vertices = mesh.vertices.to(at::kFloat).contiguous();
  const at::Tensor triangles = mesh.triangles.to(at::kInt).contiguous();
  const float* v = vertices.const_data_ptr<float>();
  const int* t = triangles.const_data_ptr<int>();
  const int64_t triangle_count = triangles.size(0);
  TORCH_CHECK(triangle_count > 0, "a mesh without triangles");
  std::vector<double> area_up_to(triangle_count);
  double area = 0;
  for (int64_t i = 0; i < triangle_count; ++i) {
    const float* a = v + 3 * t[3 * i];
    const float* b = v + 3 * t[3 * i + 1];
    const float* c = v + 3 * t[3 * i + 2];
    const double ux = b[0] - a[0], uy = b[1] - a[1], uz = b[2] - a[2];
    const double wx = c[0] - a[0], wy = c[1] - a[1], wz = c[2] - a[2];
    area += 0.5 *
            std::hypot(uy * wz - uz * wy, uz * wx - ux * wz, ux * wy - uy * wx);
    area_up_to[i] = area;
  }
  const at::Tensor points = at::empty({count, 3});
  float* out = points.mutable_data_ptr<float>();
  for (int64_t i = 0; i < count; ++i) {
    const double at =
        area * (static_cast<double>(i) + 0.5) / static_cast<double>(count);
    const int64_t triangle = std::min<int64_t>(
        triangle_count - 1,
        std::lower_bound(area_up_to.begin(), area_up_to.end(), at) -
            area_up_to.begin());
    // Two golden-ratio sequences cover the triangle evenly.
    double s = std::fmod(0.5 + static_cast<double>(i) * 0.7548776662466927, 1);
    double r = std::fmod(0.5 + static_cast<double>(i) * 0.5698402909980532, 1);
    if (s + r > 1) s = 1 - s, r = 1 - r;
    for (int k = 0; k < 3; ++k) {
      const double a = v[3 * t[3 * triangle] + k];
      const double b = v[3 * t[3 * triangle + 1] + k];
      const double c = v[3 * t[3 * triangle + 2] + k];
      out[3 * i + k] = static_cast<float>(a + s * (b - a) + r * (c - a));
    }
  }
  return points;
}

double ChamferDistance(const Mesh& a, const Mesh& b) {
  const at::Tensor points_a = SampleSurface(a, kSamples);
  const at::Tensor points_b = SampleSurface(b, kSamples);
  return 0.5 * (MeanNearestDistance(points_a, points_b) +
                MeanNearestDistance(points_b, points_a));
}

}  // namespace dg4d
