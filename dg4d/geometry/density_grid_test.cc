#include "dg4d/geometry/density_grid.h"

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <cstring>

#include "dg4d/base/parallel.h"
#include "dg4d/geometry/gaussian_shell.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

// One Gaussian with its longest axis along (0.8, 0.6, 0).
Gaussians OneGaussian(double opacity_logit) {
  Gaussians gaussians;
  gaussians.means = at::zeros({1, 3});
  gaussians.means[0][0] = 0.013;
  gaussians.quaternions = at::zeros({1, 4});
  gaussians.quaternions[0][0] = 2 * std::cos(std::atan2(0.6, 0.8) / 2);
  gaussians.quaternions[0][3] = 2 * std::sin(std::atan2(0.6, 0.8) / 2);
  gaussians.log_scales = at::full({1, 3}, std::log(0.03));
  gaussians.log_scales[0][0] = std::log(0.1);
  gaussians.opacity_logits = at::full({1, 1}, opacity_logit);
  gaussians.sh = at::zeros({1, 1, 3});
  return gaussians;
}

TEST(DensityGrid, IsTheGaussianOfItsAxes) {
  const auto grid =
      DensityGrid(OneGaussian(1), {.voxel_size = 0.01, .low_pass = 0});
  ASSERT_TRUE(grid.ok()) << grid.status();
  const double opacity = 1 / (1 + std::exp(-1.0));
  int samples = 0;
  for (int z = 0; z < grid->blocks()[2] * 8; ++z) {
    for (int y = 0; y < grid->blocks()[1] * 8; ++y) {
      for (int x = 0; x < grid->blocks()[0] * 8; ++x) {
        const Vec3 p = grid->origin() +
                       Vec3{double(x), double(y), double(z)} * grid->spacing();
        const double a = (p.x - 0.013) * 0.8 + p.y * 0.6;
        const double b = -(p.x - 0.013) * 0.6 + p.y * 0.8;
        const double square =
            a * a / 0.01 + (b * b + p.z * p.z) / (0.03 * 0.03);
        if (square < 8.99) {
          ++samples;
          EXPECT_NEAR(grid->At(x, y, z), opacity * std::exp(-square / 2), 1e-4);
        } else if (square > 9.01) {
          EXPECT_EQ(grid->At(x, y, z), 0);
        }
      }
    }
  }
  EXPECT_GT(samples, 1000);
}

TEST(DensityGrid, TheLowPassKeepsADiscThinnerThanAVoxel) {
  Gaussians gaussians = OneGaussian(5);
  gaussians.log_scales.fill_(std::log(1e-4));
  gaussians.means.fill_(0.005);  // between samples
  const auto sharp =
      DensityGrid(gaussians, {.voxel_size = 0.01, .low_pass = 0});
  const auto filtered = DensityGrid(gaussians, {.voxel_size = 0.01});
  double sharp_sum = 0, filtered_sum = 0;
  for (int i = 0; i < 48 * 48 * 48; ++i) {
    sharp_sum += sharp->At(i % 48, i / 48 % 48, i / (48 * 48));
    filtered_sum += filtered->At(i % 48, i / 48 % 48, i / (48 * 48));
  }
  EXPECT_EQ(sharp_sum, 0);
  EXPECT_GT(filtered_sum, 1);
}

TEST(DensityGrid, IsSparseWithAConstantBorder) {
  const auto grid =
      DensityGrid(DiscGaussians(SphereSurfels({0, 0, 0}, 0.7, 0.01), 0.01),
                  {.voxel_size = 0.01});
  ASSERT_TRUE(grid.ok());
  EXPECT_LT(grid->dense_count(), grid->block_count() / 2);
  for (int block = 0; block < grid->block_count(); ++block) {
    const auto at = grid->BlockAt(block);
    bool border = false;
    for (int k = 0; k < 3; ++k) {
      border = border || at[k] == 0 || at[k] + 1 == grid->blocks()[k];
    }
    EXPECT_FALSE(border && grid->IsDense(block));
  }
}

TEST(DensityGrid, ThreadsDoNotReachTheResult) {
  const Gaussians gaussians =
      DiscGaussians(SphereSurfels({0, 0, 0}, 0.4, 0.02), 0.02);
  const auto one = DensityGrid(gaussians, {.voxel_size = 0.02});
  SetThreads(3);
  const auto three = DensityGrid(gaussians, {.voxel_size = 0.02});
  SetThreads(1);
  for (int block = 0; block < one->block_count(); ++block) {
    if (!one->IsDense(block)) continue;
    EXPECT_EQ(0, std::memcmp(one->Values(block), three->Values(block),
                             sizeof(float) * BlockGrid::kVolume));
  }
}

TEST(DensityGrid, SaysWhatToDoWhenNothingOrTooMuchIsThere) {
  EXPECT_EQ(DensityGrid(OneGaussian(-9), {.voxel_size = 0.01}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(DensityGrid(OneGaussian(1), {.voxel_size = 0}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(DensityGrid(OneGaussian(1), {.voxel_size = 1e-5}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace dg4d
