#include "dg4d/core/gaussian_views.h"

#include <ATen/core/Tensor.h>

#include <memory>
#include <utility>
#include <vector>

#include "dg4d/core/gaussian_batch.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

std::vector<Camera> TwoCameras(int width = 8, int height = 6) {
  return {OrbitCamera({.elevation_degrees = -20}).WithSize(height, width),
          OrbitCamera({.azimuth_degrees = 70}).WithSize(height, width)};
}

TEST(GaussianViews, HoldWhatWasSetLastAtOneAddress) {
  for (const auto type : {at::kFloat, at::kDouble}) {
    GaussianViews views(2, 3, at::TensorOptions(type));
    const at::Tensor first = views.view_from_world();
    std::vector<Camera> cameras = TwoCameras();
    std::vector<int> times = {2, 0};
    for (int k = 0; k < 2; ++k) {
      views.Set(cameras, times);
      EXPECT_EQ(views.view_from_world().const_data_ptr(),
                first.const_data_ptr());
      EXPECT_EQ(views.view_from_world().scalar_type(), type);
      for (int b = 0; b < 2; ++b) {
        const auto expected = ViewFromWorld(cameras[b]);
        for (int i = 0; i < 12; ++i) {
          EXPECT_NEAR(first[b][i / 4][i % 4].item<double>(), expected[i], 1e-6);
        }
        for (int i = 0; i < 2; ++i) {
          EXPECT_NEAR(views.focal_lengths()[b][i].item<double>(),
                      cameras[b].focal(), 1e-5);
        }
        EXPECT_EQ(views.time_of_image()[b].item<int>(), times[b]);
      }
      std::swap(cameras[0], cameras[1]);
      times = {1, 1};
    }
  }
}

TEST(GaussianViews, RefuseWhatTheyHaveNoPlaceFor) {
  GaussianViews views(2, 3, at::TensorOptions(at::kFloat));
  views.Set(TwoCameras(), {0, 2});
  EXPECT_ANY_THROW(views.Set(TwoCameras(), {0, 3}));
  EXPECT_ANY_THROW(views.Set(TwoCameras(), {-1, 0}));
  EXPECT_ANY_THROW(views.Set(TwoCameras(), {0}));
  EXPECT_ANY_THROW(views.Set({OrbitCamera({})}, {0}));
  EXPECT_ANY_THROW(views.Set(TwoCameras(9, 6), {0, 0}));
}

struct Drawing final : CapturedDrawing {
  explicit Drawing(const bool& full) : full(full) {}
  bool outgrown() const override { return full; }
  const bool& full;
};

TEST(GaussianViews, SayWhetherADrawingOfTheirsOutgrewItsMemory) {
  GaussianViews views(1, 1, at::TensorOptions(at::kFloat));
  bool full[2] = {};
  EXPECT_FALSE(views.outgrown());
  for (const bool& one : full) views.Keep(std::make_unique<Drawing>(one));
  EXPECT_FALSE(views.outgrown());
  full[1] = true;
  EXPECT_TRUE(views.outgrown());
}

}  // namespace
}  // namespace dg4d
