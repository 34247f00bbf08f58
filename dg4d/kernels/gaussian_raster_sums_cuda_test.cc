// That sums on the device do not depend on their order, and keep their digits.

#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "dg4d/kernels/gaussian_raster_cuda.h"
#include "dg4d/kernels/gaussian_raster_cuda_test_world.h"
#include "dg4d/kernels/gaussian_raster_test_world.h"
#include "dg4d/testing/cuda_test.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using GaussianRasterSumsCuda = dg4d::CudaTest;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

template <typename Real>
void ExpectTheSameBytesAtEachCall() {
  // Many warps add to each splat.
  const World<Real> world = MakeWorld<Real>({.count = 3000,
                                             .times = 2,
                                             .images = 5,
                                             .width = 130,
                                             .height = 90,
                                             .degree = 1,
                                             .pixels = 10});
  DeviceWorld<Real> device(world);
  device.inputs.deterministic = true;
  GaussianRasterCudaWorkspace<Real> workspace;
  ASSERT_TRUE(device.Forward(workspace).ok());
  ASSERT_TRUE(device.Backward(workspace).ok());
  const Images<Real> images = device.GetImages();
  const Gradients<Real> gradients = device.GetGradients();
  for (const int64_t room : {0, 10}) {  // without lists, then with them again
    if (room) workspace.set_room(room);
    for (int k = 0; k < 2; ++k) {
      ASSERT_TRUE(device.Forward(workspace).ok());
      ASSERT_TRUE(device.Backward(workspace).ok());
      EXPECT_EQ(device.GetImages(), images);
      ExpectSameBytes(device.GetGradients(), gradients);
    }
  }
}

TEST_F(GaussianRasterSumsCuda, GivesTheSameBytesAtEachCallInFloat) {
  ExpectTheSameBytesAtEachCall<float>();
}

TEST_F(GaussianRasterSumsCuda, GivesTheSameBytesAtEachCallInDouble) {
  ExpectTheSameBytesAtEachCall<double>();
}

// Sums keep their digits whatever the gradients' size: a factor of two does no
// more than that.
TEST_F(GaussianRasterSumsCuda, ScalesGradientsWithTheLoss) {
  const World<float> world = MakeWorld<float>(
      {.count = 400, .images = 3, .width = 50, .height = 40, .pixels = 4});
  DeviceWorld<float> device(world);
  device.inputs.deterministic = true;
  GaussianRasterCudaWorkspace<float> workspace;
  ASSERT_TRUE(device.Forward(workspace).ok());
  ASSERT_TRUE(device.Backward(workspace).ok());
  const Gradients<float> plain = device.GetGradients();
  for (const float factor : {0x1p-60f, 0x1p-20f, 0x1p30f, 0x1p60f}) {
    SCOPED_TRACE(factor);
    const auto scale = [&](const Values<float>& values,
                           const OnDevice<float>& to) {
      Values<float> scaled = values;
      for (float& x : scaled) x *= factor;
      cudaMemcpy(to.data(), scaled.data(), sizeof(float) * scaled.size(),
                 cudaMemcpyDefault);
    };
    scale(device.weights.rgb, device.rgb_gradient);
    scale(device.weights.alpha, device.alpha_gradient);
    scale(device.weights.depth, device.depth_gradient);
    ASSERT_TRUE(device.Backward(workspace).ok());
    Gradients<float> scaled = device.GetGradients();
    for (Values<float>* values :
         {&scaled.means, &scaled.quaternions, &scaled.log_scales,
          &scaled.logits, &scaled.sh, &scaled.background, &scaled.offsets}) {
      for (float& x : *values) x /= factor;
    }
    ExpectSameBytes(scaled, plain);
  }
}

TEST_F(GaussianRasterSumsCuda, KeepsSmallGradientsBesideOneThatIsLarge) {
  World<float> world = MakeWorld<float>(
      {.count = 400, .images = 2, .width = 50, .height = 40, .pixels = 4});
  DeviceWorld<float> device(world);
  device.inputs.deterministic = true;
  GaussianRasterCudaWorkspace<float> workspace;
  // The second image's are a millionth of the first's, and so are those of most
  // pixels of the first.
  const auto shrink = [](Values<float> values, size_t kept) {
    for (size_t i = kept; i < values.size(); ++i) values[i] *= 1e-6f;
    return values;
  };
  const Images<float> weights = {shrink(device.weights.rgb, 40),
                                 shrink(device.weights.alpha, 40),
                                 shrink(device.weights.depth, 40)};
  const auto upload = [](const Values<float>& values,
                         const OnDevice<float>& to) {
    cudaMemcpy(to.data(), values.data(), sizeof(float) * values.size(),
               cudaMemcpyDefault);
  };
  upload(weights.rgb, device.rgb_gradient);
  upload(weights.alpha, device.alpha_gradient);
  upload(weights.depth, device.depth_gradient);
  ASSERT_TRUE(device.Forward(workspace).ok());
  ASSERT_TRUE(device.Backward(workspace).ok());
  const Gradients<float> actual = device.GetGradients();
  GaussianRasterWorkspace<float> on_cpu;
  Draw(world.Inputs(), on_cpu);
  Gradients<float> expected = actual;
  GaussianRasterBackwardCpu<float>(
      world.Inputs(),
      {weights.rgb.data(), weights.alpha.data(), weights.depth.data()}, on_cpu,
      {expected.means.data(), expected.quaternions.data(),
       expected.log_scales.data(), expected.logits.data(), expected.sh.data(),
       expected.background.data(), expected.offsets.data()});
  // Each of the second image's alone: beside the first's they would not show.
  size_t apart = 0;
  double largest = 0;
  for (size_t i = world.count * 2; i < expected.offsets.size(); ++i) {
    largest = std::max(largest, std::abs(double(expected.offsets[i])));
  }
  ASSERT_GT(largest, 0);
  for (size_t i = world.count * 2; i < expected.offsets.size(); ++i) {
    apart += std::abs(actual.offsets[i] - expected.offsets[i]) > 1e-3 * largest;
  }
  EXPECT_LE(apart, expected.offsets.size() / 100);
  ExpectGradientsNear(actual, expected);
}

TEST_F(GaussianRasterSumsCuda, SaysSoWhereGradientsAreNotFinite) {
  const World<float> world = MakeWorld<float>({.count = 50, .images = 2});
  for (const float bad : {kNan, kInfinity, -kInfinity}) {
    DeviceWorld<float> device(world);
    device.inputs.deterministic = true;
    cudaMemcpy(device.rgb_gradient.data() + 5, &bad, sizeof(float),
               cudaMemcpyDefault);
    GaussianRasterCudaWorkspace<float> workspace;
    ASSERT_TRUE(device.Forward(workspace).ok());
    ASSERT_TRUE(device.Backward(workspace).ok());
    const Images<float> images = device.GetImages();
    const Gradients<float> gradients = device.GetGradients();
    for (int64_t i = 0; i < 2 * world.count; ++i) {
      const bool drawn = images.radii[i] > 0;
      EXPECT_EQ(std::isfinite(gradients.offsets[2 * i]),
                !drawn || i >= world.count);
    }
  }
}

TEST_F(GaussianRasterSumsCuda, AgreesWithTheCpu) {
  ExpectTwinsAgree(MakeWorld<double>({.count = 150,
                                      .times = 3,
                                      .images = 7,
                                      .width = 45,
                                      .height = 37,
                                      .degree = 2}),
                   /*deterministic=*/true);
  for (const double pixels : {0.3, 2.0, 15.0}) {
    SCOPED_TRACE(pixels);
    ExpectTwinsAgree(MakeWorld<float>({.count = 3000,
                                       .times = 2,
                                       .images = 5,
                                       .width = 130,
                                       .height = 90,
                                       .degree = 1,
                                       .pixels = pixels}),
                     /*deterministic=*/true);
  }
  World<double> opaque =
      MakeWorld<double>({.count = 500, .pixels = 6, .spread = 0.3});
  for (size_t i = 0; i < opaque.logits.size(); ++i) opaque.logits[i] = i % 9;
  ExpectTwinsAgree(opaque, /*deterministic=*/true);
}

TEST_F(GaussianRasterSumsCuda, RefusesABackwardPassOfTheOtherKind) {
  DeviceWorld<float> device(MakeWorld<float>({.count = 10}));
  GaussianRasterCudaWorkspace<float> workspace;
  ASSERT_TRUE(device.Forward(workspace).ok());
  device.inputs.deterministic = true;
  EXPECT_EQ(device.Backward(workspace).code(),
            absl::StatusCode::kInvalidArgument);
}

// More than the sums of which there is memory for at a time.
TEST_F(GaussianRasterSumsCuda, AddsUpMoreImagesThanItHoldsSumsOf) {
  ExpectTwinsAgree(MakeWorld<float>({.count = 300'000,
                                     .times = 3,
                                     .images = 9,
                                     .width = 40,
                                     .height = 24,
                                     .pixels = 0.3}),
                   /*deterministic=*/true);
}

}  // namespace
}  // namespace dg4d
