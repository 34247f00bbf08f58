#include "dg4d/geometry/seen_space.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "dg4d/geometry/block_grid_test_shapes.h"
#include "dg4d/geometry/marching_cubes.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

constexpr int kSize = 128;
constexpr int kBlocks = 10;

// One pixel of the view at the origin.
double Voxel(const Camera& camera) { return 2 / camera.focal(); }

Camera Front() {
  Camera intrinsics;
  intrinsics.width = intrinsics.height = kSize;
  return OrbitCamera({.radius = 2}, intrinsics);
}

// A view whose alpha at pixel (x, y), from the centre, is `alpha(x, y)`.
SilhouetteView ViewOf(const Camera& camera,
                      const std::function<double(double, double)>& alpha) {
  SilhouetteView view = {camera, at::zeros({1, kSize, kSize})};
  for (int y = 0; y < kSize; ++y) {
    for (int x = 0; x < kSize; ++x) {
      view.alpha.data_ptr<float>()[y * kSize + x] =
          static_cast<float>(alpha(x + 0.5 - kSize / 2, y + 0.5 - kSize / 2));
    }
  }
  return view;
}

// A solid 20 voxels thick with the outline |x| < 16, |y| < 24.
BlockGrid Slab(double voxel) {
  return CentredGrid(voxel, kBlocks, [voxel](const Vec3& p) {
    const Vec3 q = (1 / voxel) * p;  // whole numbers, but for rounding
    const bool inside =
        std::abs(q[0]) < 15.5 && std::abs(q[1]) < 23.5 && std::abs(q[2]) < 9.5;
    return inside ? 2.0f : -2.0f;
  });
}

TEST(SeenSpace, IsWhereAnyViewLooksPastTheObject) {
  const auto half = [](double x, double) { return x < 0 ? 1.0 : 0.0; };
  const Camera front = Front();
  const Camera side = OrbitCamera({.azimuth_degrees = 90, .radius = 2}, front);
  const SeenSpace seen({ViewOf(front, half), ViewOf(side, half)});
  // From the side, +x of the picture is -z.
  EXPECT_FALSE(seen.Contains({-0.2, 0, 0.2}));
  EXPECT_TRUE(seen.Contains({0.2, 0, 0.2}));
  EXPECT_TRUE(seen.Contains({-0.2, 0, -0.2}));
  // Behind the camera, and beside the picture, nothing is seen.
  EXPECT_FALSE(SeenSpace({ViewOf(front, half)}).Contains({0.2, 0, 3}));
  EXPECT_FALSE(SeenSpace({ViewOf(front, half)}).Contains({5, 0, 0}));
}

TEST(CarveOutline, TakesAwayWhatIsBeyondTheOutline) {
  const Camera camera = Front();
  // A gap of two pixels between legs, open at the bottom; half of what stands
  // beyond is thinner than a pixel, and stays.
  const SilhouetteView view = ViewOf(camera, [](double x, double y) {
    return std::abs(x) < 1 && y > 0 ? 0.0 : x > 0 ? 0.4 : 1.0;
  });
  const BlockGrid slab = Slab(Voxel(camera));
  const BlockGrid carved = CarveOutline(slab, view);
  const int c = 4 * kBlocks;
  EXPECT_GT(carved.At(c, c + 6, c), 0);
  EXPECT_LT(carved.At(c, c - 6, c), 0);
  EXPECT_LT(carved.At(c, c - 6, c + 9), 0);
  EXPECT_GT(carved.At(c - 4, c - 6, c), 0);
  EXPECT_GT(carved.At(c + 4, c - 6, c), 0);
  const double before = AnalyzeTopology(MarchingCubes(slab, 0)).signed_volume;
  const MeshTopology after = AnalyzeTopology(MarchingCubes(carved, 0));
  EXPECT_TRUE(after.closed_manifold());
  EXPECT_EQ(after.components, 1);
  EXPECT_LT(after.signed_volume, 0.99 * before);
  EXPECT_GT(after.signed_volume, 0.9 * before);
}

TEST(CarveOutline, LeavesWhatIsWithinTheOutlineAlone) {
  const Camera camera = Front();
  const BlockGrid slab = Slab(Voxel(camera));
  const BlockGrid carved =
      CarveOutline(slab, ViewOf(camera, [](double, double) { return 1.0; }));
  for (int i = 0; i < 80 * 80 * 80; ++i) {
    const int x = i % 80, y = i / 80 % 80, z = i / 6400;
    ASSERT_EQ(slab.At(x, y, z), carved.At(x, y, z));
  }
}

}  // namespace
}  // namespace dg4d
