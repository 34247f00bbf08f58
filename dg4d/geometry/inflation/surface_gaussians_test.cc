#include "dg4d/geometry/inflation/surface_gaussians.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include "dg4d/geometry/inflation/shapes.h"
#include "gtest/gtest.h"

namespace dg4d::inflation {
namespace {

const Inflation& Disc() {
  static const auto& disc =
      *new Inflation(*Inflate(NamedShape("disc", 128), OrbitCamera({})));
  return disc;
}

TEST(SurfaceGaussians, LieJustBelowTheSurface) {
  const Gaussians gaussians = SurfaceGaussians(Disc());
  const at::Tensor means = gaussians.means;
  const auto rows = means.accessor<float, 2>();
  int checked = 0;
  for (int64_t i = 0; i < gaussians.size(); ++i) {
    const std::array<double, 3> p = {rows[i][0], rows[i][1], rows[i][2]};
    const auto [x, y] = Disc().frame.Project(p);
    const double height = Disc().heights.Height(x, y) * Disc().frame.pixel;
    if (p[2] < 0.3 * height) continue;  // the back, or the steep rim
    EXPECT_LT(p[2], height + 1e-6);
    ++checked;
  }
  EXPECT_GT(checked, 300);
}

TEST(SurfaceGaussians, AreFlatAlongTheSurface) {
  const Gaussians gaussians = SurfaceGaussians(Disc());
  const at::Tensor thickness = gaussians.log_scales.select(1, 2).exp();
  const at::Tensor least = gaussians.log_scales.narrow(1, 0, 2).amin(1).exp();
  EXPECT_TRUE((thickness < 0.6 * least).all().item<bool>());
  // Their third axes point away from the middle of the ball.
  const at::Tensor q = gaussians.quaternions;
  const at::Tensor w = q.select(1, 0), x = q.select(1, 1), y = q.select(1, 2),
                   z = q.select(1, 3);
  const at::Tensor axis_x = 2 * (x * z + w * y);
  const at::Tensor axis_y = 2 * (y * z - w * x);
  const at::Tensor axis_z = 1 - 2 * (x * x + y * y);
  const at::Tensor p = gaussians.means;
  const at::Tensor along = (axis_x * p.select(1, 0) + axis_y * p.select(1, 1) +
                            axis_z * p.select(1, 2))
                               .abs() /
                           p.norm(2, 1);
  EXPECT_GT(along.mean().item<float>(), 0.95f);
}

TEST(SurfaceGaussians, CarryTheColoursOfThePicture) {
  const Gaussians gaussians = SurfaceGaussians(Disc());
  const at::Tensor rgb = RgbFromSh(gaussians.sh);
  const auto colours = rgb.accessor<float, 2>();
  const auto rows = gaussians.means.accessor<float, 2>();
  for (int64_t i = 0; i < gaussians.size(); ++i) {
    if (rows[i][2] < 0.3) continue;
    const auto [x, y] =
        Disc().frame.Project({rows[i][0], rows[i][1], rows[i][2]});
    const Rgb expected = Sample(Disc().front, x, y);
    for (int c = 0; c < 3; ++c) {
      EXPECT_NEAR(colours[i][c], expected[c], 0.05);
    }
  }
}

TEST(SurfaceGaussians, AreFewerWithCoarserOptions) {
  EXPECT_LT(SurfaceGaussians(Disc(), {.rim_spacing = 2.4}).size(),
            SurfaceGaussians(Disc()).size());
}

}  // namespace
}  // namespace dg4d::inflation
