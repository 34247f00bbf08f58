#include "dg4d/geometry/gaussian_shell.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>

#include <cmath>
#include <numbers>

namespace dg4d {
namespace {

constexpr double kTau = 2 * std::numbers::pi;

}  // namespace

std::vector<Surfel> SphereSurfels(const Vec3& centre, double radius,
                                  double spacing) {
  const int count =
      static_cast<int>(2 * kTau * radius * radius / (spacing * spacing));
  std::vector<Surfel> surfels(count);
  for (int i = 0; i < count; ++i) {
    const double z = 1 - (2 * i + 1.0) / count;
    const double angle = kTau * std::numbers::phi * i;
    const double r = std::sqrt(1 - z * z);
    surfels[i].normal = {r * std::cos(angle), r * std::sin(angle), z};
    surfels[i].position = centre + radius * surfels[i].normal;
  }
  return surfels;
}

std::vector<Surfel> TorusSurfels(double major_radius, double minor_radius,
                                 double spacing) {
  std::vector<Surfel> surfels;
  const int rings = static_cast<int>(kTau * minor_radius / spacing);
  for (int j = 0; j < rings; ++j) {
    const double v = kTau * j / rings;
    const double radius = major_radius + minor_radius * std::cos(v);
    const int count = static_cast<int>(kTau * radius / spacing);
    for (int i = 0; i < count; ++i) {
      const double u = kTau * i / count;
      Surfel surfel;
      surfel.normal = {std::cos(v) * std::cos(u), std::cos(v) * std::sin(u),
                       std::sin(v)};
      surfel.position = {radius * std::cos(u), radius * std::sin(u),
                         minor_radius * std::sin(v)};
      surfels.push_back(surfel);
    }
  }
  return surfels;
}

Gaussians DiscGaussians(const std::vector<Surfel>& surfels, double spacing) {
  const int64_t count = static_cast<int64_t>(surfels.size());
  Gaussians gaussians;
  gaussians.means = at::empty({count, 3}, at::kFloat);
  gaussians.quaternions = at::empty({count, 4}, at::kFloat);
  gaussians.log_scales = at::empty({count, 3}, at::kFloat);
  gaussians.opacity_logits = at::full({count, 1}, 3.0, at::kFloat);
  at::Tensor rgb = at::empty({count, 3}, at::kFloat);
  for (int64_t i = 0; i < count; ++i) {
    const Surfel& surfel = surfels[i];
    // The shortest turn from +z to the normal.
    const Vec3& n = surfel.normal;
    double q[4] = {1 + n.z, -n.y, n.x, 0};
    if (n.z < -0.999999) q[0] = 0, q[1] = 1, q[2] = 0;
    for (int k = 0; k < 4; ++k) {
      gaussians.quaternions.data_ptr<float>()[4 * i + k] =
          static_cast<float>(q[k]);
    }
    for (int k = 0; k < 3; ++k) {
      gaussians.means.data_ptr<float>()[3 * i + k] =
          static_cast<float>(surfel.position[k]);
      gaussians.log_scales.data_ptr<float>()[3 * i + k] =
          static_cast<float>(std::log(spacing * (k == 2 ? 0.12 : 0.6)));
      rgb.data_ptr<float>()[3 * i + k] = static_cast<float>(surfel.rgb[k]);
    }
  }
  gaussians.sh = ShFromRgb(rgb);
  return gaussians;
}

}  // namespace dg4d
