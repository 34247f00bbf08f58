#include "dg4d/geometry/solid_fill.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "dg4d/geometry/density_grid.h"
#include "dg4d/geometry/gaussian_shell.h"
#include "dg4d/geometry/marching_cubes.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

constexpr double kVoxel = 0.02;

Mesh Extract(const std::vector<Surfel>& surfels,
             const SolidFillOptions& options = {}) {
  const auto density =
      DensityGrid(DiscGaussians(surfels, kVoxel), {.voxel_size = kVoxel});
  return MarchingCubes(SolidFill(*density, options), 0);
}

std::vector<Surfel> operator+(std::vector<Surfel> a,
                              const std::vector<Surfel>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(SolidFill, AShellGivesOneOuterWall) {
  const Mesh mesh = Extract(SphereSurfels({0, 0, 0}, 0.4, kVoxel));
  const MeshTopology topology = AnalyzeTopology(mesh);
  EXPECT_TRUE(topology.closed_manifold());
  EXPECT_EQ(topology.components, 1);
  const float* v = mesh.vertices.data_ptr<float>();
  for (int64_t i = 0; i < mesh.vertex_count(); ++i) {
    const double radius = std::hypot(v[3 * i], v[3 * i + 1], v[3 * i + 2]);
    EXPECT_GT(radius, 0.4);
    EXPECT_LT(radius, 0.4 + 1.6 * kVoxel);
  }
}

TEST(SolidFill, ATorusStaysATorus) {
  const Mesh mesh = Extract(TorusSurfels(0.4, 0.12, kVoxel));
  const MeshTopology topology = AnalyzeTopology(mesh);
  EXPECT_TRUE(topology.closed_manifold());
  EXPECT_EQ(mesh.vertex_count() - topology.edges + mesh.triangle_count(), 0);
}

TEST(SolidFill, AGapInTheShellDoesNotLeak) {
  std::vector<Surfel> surfels = SphereSurfels({0, 0, 0}, 0.4, kVoxel);
  std::erase_if(surfels, [](const Surfel& surfel) {
    return std::hypot(surfel.position.x, surfel.position.y) < 2.5 * kVoxel &&
           surfel.position.z > 0;
  });
  const double sphere = 4.0 / 3 * M_PI * 0.4 * 0.4 * 0.4;
  const Mesh sealed = Extract(surfels, {.seal_radius = 2});
  EXPECT_TRUE(AnalyzeTopology(sealed).closed_manifold());
  EXPECT_EQ(AnalyzeTopology(sealed).components, 1);
  EXPECT_GT(AnalyzeTopology(sealed).signed_volume, sphere);
  const Mesh leaking = Extract(surfels, {.seal_radius = 0});
  EXPECT_LT(AnalyzeTopology(leaking).signed_volume, 0.6 * sphere);
}

TEST(SolidFill, ASealedGapLeavesNoGroove) {
  std::vector<Surfel> surfels = SphereSurfels({0, 0, 0}, 0.4, kVoxel);
  std::erase_if(surfels, [](const Surfel& surfel) {
    return std::abs(surfel.position.x) < 1.7 * kVoxel && surfel.position.z > 0;
  });
  const Mesh mesh = Extract(surfels);
  EXPECT_EQ(AnalyzeTopology(mesh).components, 1);
  const float* v = mesh.vertices.data_ptr<float>();
  for (int64_t i = 0; i < mesh.vertex_count(); ++i) {
    const double radius = std::hypot(v[3 * i], v[3 * i + 1], v[3 * i + 2]);
    EXPECT_GT(radius, 0.4 - 0.6 * kVoxel);
  }
}

// Sealing by plain closing would glue the two together.
TEST(SolidFill, ANarrowSpaceBetweenPartsStaysOpen) {
  const double radius = 0.3;
  const double distance = 2 * radius + 5 * kVoxel;
  const Mesh mesh = Extract(SphereSurfels({0, 0, 0}, radius, kVoxel) +
                                SphereSurfels({distance, 0, 0}, radius, kVoxel),
                            {.seal_radius = 4});
  EXPECT_TRUE(AnalyzeTopology(mesh).closed_manifold());
  EXPECT_EQ(AnalyzeTopology(mesh).components, 2);
}

TEST(SolidFill, AShellWithinAShellDisappears) {
  const Mesh mesh = Extract(SphereSurfels({0, 0, 0}, 0.4, kVoxel) +
                            SphereSurfels({0, 0, 0}, 0.2, kVoxel));
  EXPECT_EQ(AnalyzeTopology(mesh).components, 1);
}

TEST(SolidFill, AThinRodIsKept) {
  std::vector<Surfel> rod;
  for (double z = -0.3; z <= 0.3; z += kVoxel) {
    for (int k = 0; k < 6; ++k) {
      const Vec3 normal = {std::cos(k * M_PI / 3), std::sin(k * M_PI / 3), 0};
      rod.push_back({Vec3{0, 0, z} + kVoxel * normal, normal});
    }
  }
  const Mesh mesh = Extract(rod);
  EXPECT_TRUE(AnalyzeTopology(mesh).closed_manifold());
  EXPECT_EQ(AnalyzeTopology(mesh).components, 1);
  EXPECT_GT(AnalyzeTopology(mesh).signed_volume, 0.6 * M_PI * kVoxel * kVoxel);
}

}  // namespace
}  // namespace dg4d
