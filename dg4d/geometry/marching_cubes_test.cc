#include "dg4d/geometry/marching_cubes.h"

#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "dg4d/base/parallel.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

constexpr int kSide = BlockGrid::kSide;

// A grid over [-1, 1]^3 and a little more, dense everywhere, filled by `field`.
template <typename Field>
BlockGrid Sample(int blocks, const Field& field) {
  const double spacing = 2.2 / (blocks * kSide - 1);
  BlockGrid grid({-1.1, -1.1, -1.1}, spacing, {blocks, blocks, blocks}, -1);
  std::vector<int> all(grid.block_count());
  std::iota(all.begin(), all.end(), 0);
  grid.MakeDense(all);
  for (const int block : all) {
    const auto at = grid.BlockAt(block);
    for (int i = 0; i < BlockGrid::kVolume; ++i) {
      const int x = at[0] * kSide + i % kSide;
      const int y = at[1] * kSide + i / kSide % kSide;
      const int z = at[2] * kSide + i / (kSide * kSide);
      grid.Values(block)[i] = static_cast<float>(
          field(-1.1 + spacing * x, -1.1 + spacing * y, -1.1 + spacing * z));
    }
  }
  return grid;
}

double Sphere(double x, double y, double z) {
  return 0.9 - std::sqrt(x * x + y * y + z * z);
}

int64_t EulerNumber(const Mesh& mesh) {
  return mesh.vertex_count() - AnalyzeTopology(mesh).edges +
         mesh.triangle_count();
}

TEST(MarchingCubes, ASphereIsClosedWithEulerNumberTwo) {
  const Mesh mesh = MarchingCubes(Sample(4, Sphere), 0);
  const MeshTopology topology = AnalyzeTopology(mesh);
  EXPECT_TRUE(topology.closed_manifold());
  EXPECT_EQ(topology.components, 1);
  EXPECT_EQ(EulerNumber(mesh), 2);
  EXPECT_NEAR(topology.signed_volume, 4.0 / 3 * M_PI * 0.9 * 0.9 * 0.9, 0.03);
}

TEST(MarchingCubes, ATorusHasEulerNumberZero) {
  const Mesh mesh = MarchingCubes(Sample(4,
                                         [](double x, double y, double z) {
                                           const double r = std::hypot(x, y);
                                           return 0.3 - std::hypot(r - 0.6, z);
                                         }),
                                  0);
  EXPECT_TRUE(AnalyzeTopology(mesh).closed_manifold());
  EXPECT_EQ(EulerNumber(mesh), 0);
}

TEST(MarchingCubes, VerticesLieOnTheSurface) {
  const Mesh mesh = MarchingCubes(Sample(4, Sphere), 0);
  const float* v = mesh.vertices.data_ptr<float>();
  for (int64_t i = 0; i < mesh.vertex_count(); ++i) {
    // A chord of one cell of 0.07 off a sphere of radius 0.9.
    EXPECT_NEAR(Sphere(v[3 * i], v[3 * i + 1], v[3 * i + 2]), 0, 1.5e-3);
  }
}

TEST(MarchingCubes, TheLevelMovesTheSurface) {
  const Mesh mesh = MarchingCubes(Sample(4, Sphere), 0.4);
  EXPECT_NEAR(AnalyzeTopology(mesh).signed_volume,
              4.0 / 3 * M_PI * 0.5 * 0.5 * 0.5, 0.01);
}

// Noise meets all 256 cases in all combinations with their neighbours.
TEST(MarchingCubes, NoiseGivesAClosedManifold) {
  for (int seed = 0; seed < 4; ++seed) {
    std::mt19937 generator(seed);
    std::uniform_real_distribution<double> uniform(-1, 1);
    const Mesh mesh = MarchingCubes(
        Sample(3,
               [&](double x, double y, double z) {
                 const double value = uniform(generator);
                 const bool border = std::abs(x) > 1.05 || std::abs(y) > 1.05 ||
                                     std::abs(z) > 1.05;
                 return border ? -1 : value;
               }),
        0);
    const MeshTopology topology = AnalyzeTopology(mesh);
    EXPECT_GT(mesh.triangle_count(), 10000);
    EXPECT_EQ(topology.open_edges, 0);
    EXPECT_EQ(topology.non_manifold_vertices, 0);
    EXPECT_GT(topology.signed_volume, 0);
  }
}

TEST(MarchingCubes, ConstantBlocksCanBeInside) {
  BlockGrid grid({0, 0, 0}, 1, {3, 3, 3}, -1);
  grid.SetConstant(grid.BlockIndex(1, 1, 1), 1);
  const Mesh mesh = MarchingCubes(grid, 0);
  EXPECT_TRUE(AnalyzeTopology(mesh).closed_manifold());
  // 8^3 samples and half a cell around them, less the bevelled rim.
  EXPECT_NEAR(AnalyzeTopology(mesh).signed_volume, 8 * 8 * 8, 15);
}

TEST(MarchingCubes, AnEmptyFieldGivesAnEmptyMesh) {
  const Mesh mesh = MarchingCubes(BlockGrid({0, 0, 0}, 1, {2, 2, 2}, -1), 0);
  EXPECT_EQ(mesh.vertex_count(), 0);
  EXPECT_EQ(mesh.triangle_count(), 0);
}

TEST(MarchingCubes, ThreadsDoNotReachTheResult) {
  const BlockGrid grid = Sample(4, Sphere);
  const Mesh one = MarchingCubes(grid, 0);
  SetThreads(3);
  const Mesh three = MarchingCubes(grid, 0);
  SetThreads(1);
  EXPECT_TRUE(one.vertices.equal(three.vertices));
  EXPECT_TRUE(one.triangles.equal(three.triangles));
}

}  // namespace
}  // namespace dg4d
