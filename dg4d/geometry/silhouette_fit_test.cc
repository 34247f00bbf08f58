#include "dg4d/geometry/silhouette_fit.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "dg4d/geometry/density_grid.h"
#include "dg4d/geometry/gaussian_shell.h"
#include "dg4d/geometry/marching_cubes.h"
#include "dg4d/geometry/mesh_repair.h"
#include "dg4d/geometry/solid_fill.h"
#include "dg4d/geometry/surface.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

constexpr double kPixel = 0.0285;  // at the object, in pictures of 64 pixels

Mesh Ball(double radius) {
  const auto density =
      DensityGrid(DiscGaussians(SphereSurfels({0, 0, 0}, 0.5, 0.03), 0.03),
                  {.voxel_size = 0.03});
  Surface surface =
      SurfaceOf(SmoothTaubin(MarchingCubes(SolidFill(*density, {}), 0), {}));
  for (Vec3& p : surface.vertices) p = radius * Normalized(p);
  return MeshOf(surface);
}

// The exact outline of a ball of `radius` about the origin, softened over one
// pixel.
SilhouetteView ViewOfBall(double azimuth, double radius) {
  SilhouetteView view;
  Camera intrinsics;
  intrinsics.width = intrinsics.height = 64;
  view.camera = OrbitCamera({0, azimuth, 2}, intrinsics);
  view.alpha = at::zeros({1, 64, 64});
  const double tangent = radius / std::sqrt(4 - radius * radius);
  const double outline = tangent * view.camera.focal();
  for (int i = 0; i < 64 * 64; ++i) {
    const double r = std::hypot(i % 64 - 31.5, i / 64 - 31.5);
    view.alpha.data_ptr<float>()[i] =
        static_cast<float>(std::clamp(outline - r + 0.5, 0.0, 1.0));
  }
  return view;
}

TEST(FitSilhouettes, GrowsAndShrinksToTheOutlines) {
  for (const double start : {0.5 - 1.5 * kPixel, 0.5 + 1.5 * kPixel}) {
    std::vector<SilhouetteView> views;
    for (int azimuth = 0; azimuth < 360; azimuth += 45) {
      views.push_back(ViewOfBall(azimuth, 0.5));
    }
    const SilhouetteFit fit = FitSilhouettes(Ball(start), views, {});
    EXPECT_NEAR(fit.error_before, 1.5, 0.25);
    EXPECT_LT(fit.error_after, 0.08);
    // Also where no view sees a contour.
    for (const Vec3& p : PointsOf(fit.mesh.vertices)) {
      EXPECT_NEAR(Norm(p), 0.5, 0.3 * kPixel);
    }
  }
}

TEST(FitSilhouettes, KeepsTrianglesAndAGoodMesh) {
  const Mesh ball = Ball(0.5);
  const SilhouetteFit fit = FitSilhouettes(ball, {ViewOfBall(0, 0.5)}, {});
  EXPECT_TRUE(fit.mesh.triangles.equal(ball.triangles));
  EXPECT_LT(fit.error_after, fit.error_before + 1e-9);
}

TEST(FitSilhouettes, LeavesAMeshAloneWithoutAnOutlineNearby) {
  const Mesh ball = Ball(0.3);
  const SilhouetteFit fit = FitSilhouettes(ball, {ViewOfBall(0, 0.6)}, {});
  EXPECT_TRUE(fit.mesh.vertices.equal(ball.vertices));
  EXPECT_EQ(fit.error_before, 0);
}

}  // namespace
}  // namespace dg4d
