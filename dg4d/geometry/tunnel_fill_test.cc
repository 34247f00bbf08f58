#include "dg4d/geometry/tunnel_fill.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include "dg4d/base/parallel.h"
#include "dg4d/geometry/block_grid_test_shapes.h"
#include "dg4d/geometry/marching_cubes.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

constexpr double kSpacing = 0.025;
constexpr int kBlocks = 12;

using Field = std::function<double(const Vec3&)>;

// Samples within about +-1.1; the outermost blocks are constant.
BlockGrid GridOf(const Field& inside) {
  return CentredGrid(kSpacing, kBlocks, [&](const Vec3& p) {
    return static_cast<float>(std::clamp(10 * inside(p), -2.0, 2.0));
  });
}

double Ball(const Vec3& p, const Vec3& centre, double radius) {
  return radius - Norm(p - centre);
}

double Torus(const Vec3& p, double major, double minor) {
  return minor - std::hypot(std::hypot(p.x, p.y) - major, p.z);
}

bool IsFar(const Vec3& p) { return Norm(p) > 0.9; }

struct Result {
  MeshTopology topology;
  int64_t handles;
};

Result MeasureOf(const BlockGrid& grid) {
  const Mesh mesh = MarchingCubes(grid, 0);
  Result result = {.topology = AnalyzeTopology(mesh)};
  const int64_t euler =
      mesh.vertex_count() - result.topology.edges + mesh.triangle_count();
  result.handles = result.topology.components - euler / 2;
  return result;
}

bool Same(const BlockGrid& a, const BlockGrid& b) {
  for (int z = 0; z < kBlocks * 8; ++z) {
    for (int y = 0; y < kBlocks * 8; ++y) {
      for (int x = 0; x < kBlocks * 8; ++x) {
        if (a.At(x, y, z) != b.At(x, y, z)) return false;
      }
    }
  }
  return true;
}

TEST(FillTunnels, ClosesWhatNothingShows) {
  const BlockGrid ring =
      GridOf([](const Vec3& p) { return Torus(p, 0.5, 0.2); });
  ASSERT_EQ(MeasureOf(ring).handles, 1);
  const Result filled = MeasureOf(FillTunnels(ring, IsFar));
  EXPECT_EQ(filled.handles, 0);
  EXPECT_EQ(filled.topology.components, 1);
  EXPECT_TRUE(filled.topology.closed_manifold());
  // By a disc, not by a plug.
  const double added =
      filled.topology.signed_volume - MeasureOf(ring).topology.signed_volume;
  EXPECT_GT(added, 0);
  EXPECT_LT(added, 4 * kSpacing * M_PI * 0.3 * 0.3);
}

TEST(FillTunnels, KeepsWhatIsSeenThrough) {
  const BlockGrid ring =
      GridOf([](const Vec3& p) { return Torus(p, 0.5, 0.2); });
  const BlockGrid kept = FillTunnels(ring, [](const Vec3& p) {
    return IsFar(p) || std::hypot(p.x, p.y) < 0.04;
  });
  EXPECT_TRUE(Same(ring, kept));
}

// A hem that has grown onto the leg below it in one place, and a mug's handle.
TEST(FillTunnels, TellsOneTunnelFromAnother) {
  const BlockGrid mug = GridOf([](const Vec3& p) {
    const Vec3 beside = p - Vec3{0.5, 0.25, 0};
    const double handle =
        0.08 - std::hypot(std::hypot(beside.x, beside.y) - 0.2, beside.z);
    // Solid above, hollow below, and open at the bottom.
    const double bell =
        std::min({Ball(p, {0, 0, 0}, 0.45), p.y + 0.3,
                  std::max(-Ball(p, {0, 0, 0}, 0.35), p.y + 0.05)});
    const double leg =
        std::min(0.1 - std::hypot(p.x, p.z), 0.7 - std::abs(p.y));
    const double strand =
        std::min(0.05 - std::hypot(p.y + 0.2, p.z), 0.2 - std::abs(p.x - 0.2));
    return std::max({handle, bell, leg, strand});
  });
  ASSERT_EQ(MeasureOf(mug).handles, 2);
  const BlockGrid filled = FillTunnels(mug, [](const Vec3& p) {
    return IsFar(p) || std::hypot(p.x - 0.55, p.y - 0.28) < 0.03;
  });
  EXPECT_EQ(MeasureOf(filled).handles, 1);
  EXPECT_EQ(MeasureOf(filled).topology.components, 1);
}

TEST(FillTunnels, LeavesHollowsAndPartsAlone) {
  const BlockGrid parts = GridOf([](const Vec3& p) {
    const double bowl =
        std::min(std::min(Ball(p, {-0.3, 0, 0}, 0.3), 0.1 - p.y),
                 -Ball(p, {-0.3, 0, 0}, 0.2));
    return std::max(
        {bowl, Ball(p, {0.3, 0, 0}, 0.25), Ball(p, {0.3, 0.56, 0}, 0.25)});
  });
  ASSERT_EQ(MeasureOf(parts).topology.components, 3);
  EXPECT_TRUE(Same(parts, FillTunnels(parts, IsFar)));
}

// Whatever the solid: one surface without handles a part, and nothing removed.
TEST(FillTunnels, LeavesNoHandleOfAnySolid) {
  std::mt19937 generator(7);
  std::uniform_real_distribution<double> random(-0.5, 0.5);
  for (int trial = 0; trial < 3; ++trial) {
    std::vector<Vec3> centres, turns;
    for (int i = 0; i < 12; ++i) {
      centres.push_back(
          {random(generator), random(generator), random(generator)});
      turns.push_back(Normalized(
          {random(generator), random(generator), random(generator)}));
    }
    const BlockGrid rings = GridOf([&](const Vec3& p) {
      double value = -1;
      for (size_t i = 0; i < centres.size(); ++i) {
        const Vec3 d = p - centres[i];
        const double along = Dot(d, turns[i]);
        const double across = Norm(d - along * turns[i]);
        value = std::max(value, 0.05 - std::hypot(across - 0.2, along));
      }
      return value;
    });
    EXPECT_GE(MeasureOf(rings).handles, 12);
    const BlockGrid filled = FillTunnels(rings, IsFar);
    EXPECT_EQ(MeasureOf(filled).handles, 0);
    EXPECT_TRUE(MeasureOf(filled).topology.closed_manifold());
    for (int i = 0; i < 96 * 96 * 96; ++i) {
      const int x = i % 96, y = i / 96 % 96, z = i / (96 * 96);
      if (filled.At(x, y, z) < rings.At(x, y, z)) {
        ADD_FAILURE() << x << " " << y << " " << z;
        break;
      }
    }
  }
}

TEST(FillTunnels, IsTheSameWithTwoThreads) {
  const BlockGrid ring =
      GridOf([](const Vec3& p) { return Torus(p, 0.5, 0.2); });
  const BlockGrid one = FillTunnels(ring, IsFar);
  SetThreads(2);
  EXPECT_TRUE(Same(one, FillTunnels(ring, IsFar)));
  SetThreads(1);
}

}  // namespace
}  // namespace dg4d
