#include "dg4d/geometry/mesh_repair.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "dg4d/geometry/density_grid.h"
#include "dg4d/geometry/gaussian_shell.h"
#include "dg4d/geometry/marching_cubes.h"
#include "dg4d/geometry/solid_fill.h"
#include "dg4d/geometry/surface.h"
#include "gtest/gtest.h"
#include "open3d/geometry/BoundingVolume.h"
#include "open3d/geometry/TriangleMesh.h"

namespace dg4d {
namespace {

constexpr double kVoxel = 0.02;

Mesh Extract(const std::vector<Surfel>& surfels) {
  const auto density =
      DensityGrid(DiscGaussians(surfels, kVoxel), {.voxel_size = kVoxel});
  return MarchingCubes(SolidFill(*density, {}), 0);
}

Mesh Sphere(double radius) {
  return Extract(SphereSurfels({0, 0, 0}, radius, kVoxel));
}

// Distances of the vertices from the origin: mean and standard deviation.
std::pair<double, double> Radii(const Mesh& mesh) {
  const std::vector<Vec3> points = PointsOf(mesh.vertices);
  double sum = 0, squares = 0;
  for (const Vec3& p : points) {
    sum += Norm(p);
    squares += Dot(p, p);
  }
  const double mean = sum / points.size();
  return {mean, std::sqrt(squares / points.size() - mean * mean)};
}

int64_t EulerNumber(const Mesh& mesh) {
  return mesh.vertex_count() - AnalyzeTopology(mesh).edges +
         mesh.triangle_count();
}

TEST(RemoveSmallComponents, DropsCrumbsAndKeepsParts) {
  std::vector<Surfel> surfels = SphereSurfels({0, 0, 0}, 0.4, kVoxel);
  for (const Surfel& s : SphereSurfels({0.8, 0, 0}, 0.1, kVoxel)) {
    surfels.push_back(s);
  }
  surfels.push_back({{0, 0.7, 0}, {0, 1, 0}});
  const Mesh mesh = Extract(surfels);
  ASSERT_EQ(AnalyzeTopology(mesh).components, 3);
  const Mesh kept = RemoveSmallComponents(mesh, 0.1);
  EXPECT_EQ(AnalyzeTopology(kept).components, 2);
  EXPECT_TRUE(AnalyzeTopology(kept).closed_manifold());
  EXPECT_EQ(AnalyzeTopology(RemoveSmallComponents(mesh, 1)).components, 1);
}

// Open3D's way with the parts of a mesh, of which some touch at a vertex.
TEST(RemoveSmallComponents, AgreesWithOpen3d) {
  std::mt19937 generator(3);
  std::uniform_int_distribution<int32_t> corner(0, 290), length(1, 6);
  std::uniform_real_distribution<double> coordinate(-1, 1);
  Surface surface;
  for (int i = 0; i < 300; ++i) {
    surface.vertices.push_back(
        {coordinate(generator), coordinate(generator), coordinate(generator)});
  }
  for (int strip = 0; strip < 60; ++strip) {
    const int32_t first = corner(generator), end = first + length(generator);
    for (int32_t v = first; v < end; ++v) {
      surface.triangles.push_back({v, v + 1, v + 2});
    }
  }
  const Mesh mesh = MeshOf(surface);
  surface = SurfaceOf(mesh);  // of rounded vertices

  open3d::geometry::TriangleMesh expected;
  for (const Vec3& p : surface.vertices) {
    expected.vertices_.emplace_back(p.x, p.y, p.z);
  }
  for (const TriangleIndices& t : surface.triangles) {
    expected.triangles_.emplace_back(t[0], t[1], t[2]);
  }
  const auto [part_of_triangle, sizes, areas] =
      expected.ClusterConnectedTriangles();
  std::vector<std::vector<Eigen::Vector3d>> points(sizes.size());
  std::vector<Eigen::Vector3d> used;
  for (size_t i = 0; i < part_of_triangle.size(); ++i) {
    for (const int vertex : expected.triangles_[i]) {
      points[part_of_triangle[i]].push_back(expected.vertices_[vertex]);
      used.push_back(expected.vertices_[vertex]);
    }
  }
  const auto diagonal = [](const std::vector<Eigen::Vector3d>& of) {
    return open3d::geometry::AxisAlignedBoundingBox::CreateFromPoints(of)
        .GetExtent()
        .norm();
  };
  constexpr double kLeast = 0.5;
  std::vector<bool> is_small;
  for (const int part : part_of_triangle) {
    is_small.push_back(diagonal(points[part]) < kLeast * diagonal(used));
  }
  ASSERT_GT(std::count(is_small.begin(), is_small.end(), true), 0);
  ASSERT_GT(std::count(is_small.begin(), is_small.end(), false), 0);
  expected.RemoveTrianglesByMask(is_small);
  expected.RemoveUnreferencedVertices();

  const Surface kept = SurfaceOf(RemoveSmallComponents(mesh, kLeast));
  ASSERT_EQ(kept.vertices.size(), expected.vertices_.size());
  ASSERT_EQ(kept.triangles.size(), expected.triangles_.size());
  for (size_t i = 0; i < kept.vertices.size(); ++i) {
    const Eigen::Vector3d& p = expected.vertices_[i];
    EXPECT_EQ(kept.vertices[i].x, p.x());
    EXPECT_EQ(kept.vertices[i].z, p.z());
  }
  for (size_t i = 0; i < kept.triangles.size(); ++i) {
    for (int k = 0; k < 3; ++k) {
      EXPECT_EQ(kept.triangles[i][k], expected.triangles_[i][k]);
    }
  }
}

TEST(SmoothTaubin, RemovesNoiseAndKeepsTheSize) {
  Surface surface = SurfaceOf(Sphere(0.4));
  std::mt19937 generator(1);
  std::normal_distribution<double> noise(0, 0.1 * kVoxel);
  for (Vec3& p : surface.vertices) p += noise(generator) * Normalized(p);
  const Mesh noisy = MeshOf(surface);
  const Mesh smooth = SmoothTaubin(noisy, {});
  EXPECT_NEAR(Radii(smooth).first, Radii(noisy).first, 0.02 * kVoxel);
  EXPECT_LT(Radii(smooth).second, 0.5 * Radii(noisy).second);
  EXPECT_TRUE(smooth.triangles.equal(noisy.triangles));
}

TEST(Decimate, ReachesItsTargetOnTheSurface) {
  const Mesh mesh = SmoothTaubin(Sphere(0.4), {});
  const Mesh coarse = Decimate(mesh, {.target_triangles = 1000});
  EXPECT_EQ(coarse.triangle_count(), 1000);
  EXPECT_TRUE(AnalyzeTopology(coarse).closed_manifold());
  EXPECT_EQ(EulerNumber(coarse), 2);
  EXPECT_NEAR(Radii(coarse).first, Radii(mesh).first, 0.1 * kVoxel);
  EXPECT_NEAR(AnalyzeTopology(coarse).signed_volume,
              AnalyzeTopology(mesh).signed_volume,
              0.01 * AnalyzeTopology(mesh).signed_volume);
}

TEST(Decimate, KeepsTrianglesFarFromNeedles) {
  const Surface coarse = SurfaceOf(
      Decimate(SmoothTaubin(Sphere(0.4), {}), {.target_triangles = 2000}));
  double worst = 1, sum = 0;
  for (const TriangleIndices& t : coarse.triangles) {
    double squares = 0;
    for (int k = 0; k < 3; ++k) {
      const Vec3 side = coarse.vertices[t[k]] - coarse.vertices[t[(k + 1) % 3]];
      squares += Dot(side, side);
    }
    // 1 for an equilateral triangle.
    const double quality =
        2 * std::sqrt(3.0) * Norm(AreaNormal(coarse, t)) / squares;
    worst = std::min(worst, quality);
    sum += quality;
  }
  EXPECT_GT(worst, 0.05);
  EXPECT_GT(sum / coarse.triangles.size(), 0.75);
}

TEST(Decimate, KeepsTheTopologyToTheEnd) {
  const Mesh torus = Extract(TorusSurfels(0.4, 0.1, kVoxel));
  for (const int64_t target : {2000, 200, 4}) {
    const Mesh coarse = Decimate(torus, {.target_triangles = target});
    EXPECT_TRUE(AnalyzeTopology(coarse).closed_manifold());
    EXPECT_EQ(EulerNumber(coarse), 0);
  }
}

// Noise makes thin bridges and tunnels everywhere.
TEST(Decimate, KeepsAManifoldOfAnyField) {
  BlockGrid grid({0, 0, 0}, 1, {4, 4, 4}, -1);
  const std::vector<int> inner = {21, 22, 25, 26, 37, 38, 41, 42};
  grid.MakeDense(inner);
  std::mt19937 generator(5);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (const int block : inner) {
    for (int i = 0; i < BlockGrid::kVolume; ++i) {
      grid.Values(block)[i] = uniform(generator);
    }
  }
  const Mesh mesh = MarchingCubes(grid, 0);
  const Mesh coarse = Decimate(mesh, {.target_triangles = 1000});
  EXPECT_LT(coarse.triangle_count(), mesh.triangle_count() / 2);
  EXPECT_TRUE(AnalyzeTopology(coarse).closed_manifold());
  EXPECT_EQ(AnalyzeTopology(coarse).components,
            AnalyzeTopology(mesh).components);
  EXPECT_EQ(EulerNumber(coarse), EulerNumber(mesh));
}

}  // namespace
}  // namespace dg4d
