// The CUDA twin against the CPU's, which gaussian_raster_test.cc holds to the
// definition and gaussian_raster_gradients_test.cc to central differences.

#include "dg4d/kernels/gaussian_raster_cuda.h"

#include <cuda_runtime.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "absl/status/status.h"
#include "dg4d/kernels/gaussian_raster_cuda_test_world.h"
#include "dg4d/kernels/gaussian_raster_test_world.h"
#include "dg4d/testing/cuda_test.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using ::testing::Each;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

using GaussianRasterCuda = dg4d::CudaTest;

TEST_F(GaussianRasterCuda, AgreesWithTheCpuInDouble) {
  for (int degree = 0; degree <= 3; ++degree) {
    SCOPED_TRACE(degree);
    ExpectTwinsAgree(MakeWorld<double>({.count = 150,
                                        .times = 3,
                                        .images = 7,
                                        .width = 45,
                                        .height = 37,
                                        .degree = degree}));
  }
}

TEST_F(GaussianRasterCuda, AgreesWithTheCpuInFloat) {
  for (const double pixels : {0.3, 2.0, 15.0}) {
    SCOPED_TRACE(pixels);
    ExpectTwinsAgree(MakeWorld<float>({.count = 3000,
                                       .times = 2,
                                       .images = 5,
                                       .width = 130,
                                       .height = 90,
                                       .degree = 1,
                                       .pixels = pixels}));
  }
}

TEST_F(GaussianRasterCuda, AgreesOnImagesOfAnySize) {
  struct {
    int width, height;
  } sizes[] = {{1, 1}, {1, 200}, {7, 3}, {16, 16}, {17, 33}, {300, 200}};
  for (const auto& [width, height] : sizes) {
    SCOPED_TRACE(testing::Message() << width << " x " << height);
    ExpectTwinsAgree(MakeWorld<double>({.count = 120,
                                        .times = 2,
                                        .images = 3,
                                        .width = width,
                                        .height = height,
                                        .degree = 2,
                                        .pixels = 3}));
  }
}

TEST_F(GaussianRasterCuda, AgreesBehindOpaqueGaussians) {
  World<double> world =
      MakeWorld<double>({.count = 500, .pixels = 6, .spread = 0.3});
  for (size_t i = 0; i < world.logits.size(); ++i) world.logits[i] = i % 9;
  ExpectTwinsAgree(world);
}

TEST_F(GaussianRasterCuda, DrawsLargeImages) {
  // On the CPU, only the crop around a Gaussian.
  World<float> large = MakeSingle<float>(0.01, 1, 4096, 4096);
  large.offsets = {0.5f, -0.25f};
  const Images<float> images = DrawOnDevice(large);
  World<float> crop = MakeSingle<float>(0.01, 1, 256, 256);
  crop.focals = large.focals;
  const Images<float> expected = Draw(crop);
  double sum = 0, expected_sum = 0;
  for (const float alpha : images.alpha) sum += alpha;
  for (const float alpha : expected.alpha) expected_sum += alpha;
  EXPECT_NEAR(sum, expected_sum, 1e-3 * expected_sum);
  for (int y = 0; y < 256; ++y) {
    for (int x = 0; x < 256; ++x) {
      // Shifted from the middle by 1024 and -512.
      const int64_t at = int64_t{1920 - 512 + y} * 4096 + 1920 + 1024 + x;
      ASSERT_NEAR(images.alpha[at], expected.alpha[256 * y + x], 1e-3);
    }
  }
}

TEST_F(GaussianRasterCuda, ShowsTheBackgroundWithoutGaussians) {
  const World<float> world =
      MakeWorld<float>({.images = 2, .width = 9, .height = 5});
  DeviceWorld<float> device(world);
  GaussianRasterCudaWorkspace<float> workspace;
  ASSERT_TRUE(device.Forward(workspace).ok());
  ASSERT_TRUE(device.Backward(workspace).ok());
  const Images<float> images = device.GetImages();
  for (int i = 0; i < 2 * 3 * 45; ++i) {
    EXPECT_EQ(images.rgb[i], world.background[i / 45]);
  }
  EXPECT_THAT(images.alpha, Each(0));
  EXPECT_THAT(images.depth, Each(0));
  const Values<float> expected = LossGradients(world).background;
  const Values<float> actual = device.GetGradients().background;
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(actual[i], expected[i], 1e-5);
  }
}

TEST_F(GaussianRasterCuda, IgnoresGaussiansThatCannotBeDrawn) {
  struct {
    float mean[3], log_scale, logit, sh, quaternion;
  } const bad[] = {
      {{kNan, 0, 0}, -3, 0, 0, 1}, {{0, 0, kInfinity}, -3, 0, 0, 1},
      {{0, 0, 0}, kNan, 0, 0, 1},  {{0, 0, 0}, 200, 0, 0, 1},
      {{0, 0, 0}, -3, kNan, 0, 1}, {{0, 0, 0}, -3, -8, 0, 1},
      {{0, 0, 0}, -3, 0, kNan, 1}, {{0, 0, 0}, -3, 0, kInfinity, 1},
      {{0, 0, 0}, -3, 0, 0, kNan}, {{0, 0, 2}, -3, 0, 0, 1},  // camera
      {{0, 0, 1.81}, -3, 0, 0, 1},  // nearer than `near`
      {{0, 0, 5}, 1, 0, 0, 1},      // behind
      {{100, 0, 0}, -3, 0, 0, 1},   // beside
      {{0, 1e30, 0}, -3, 0, 0, 1}, {{0, 0, -kInfinity}, 3, 0, 0, 1}};
  const World<float> good = MakeWorld<float>({.count = 30, .degree = 1});
  World<float> world = good;
  for (const auto& row : bad) {
    ++world.count;
    for (const float x : row.mean) world.means.push_back(x);
    for (const float x : {row.quaternion, 0.f, 0.f, 0.f}) {
      world.quaternions.push_back(x);
    }
    for (int k = 0; k < 3; ++k) world.log_scales.push_back(row.log_scale);
    world.logits.push_back(row.logit);
    for (int k = 0; k < 12; ++k) world.sh.push_back(row.sh);
    for (int k = 0; k < 2; ++k) world.offsets.push_back(0);
  }
  DeviceWorld<float> device(world);
  GaussianRasterCudaWorkspace<float> workspace;
  ASSERT_TRUE(device.Forward(workspace).ok());
  ASSERT_TRUE(device.Backward(workspace).ok());
  Images<float> images = device.GetImages();
  for (int i = 30; i < world.count; ++i) EXPECT_EQ(images.radii[i], 0) << i;
  images.radii.resize(30);
  EXPECT_EQ(images, DrawOnDevice(good));
  Gradients<float> gradients = device.GetGradients();
  const auto split = [&](Values<float>& values, int64_t size) {
    EXPECT_THAT(std::vector(values.begin() + 30 * size, values.end()), Each(0));
    values.resize(30 * size);
  };
  split(gradients.means, 3);
  split(gradients.quaternions, 4);
  split(gradients.log_scales, 3);
  split(gradients.logits, 1);
  split(gradients.sh, 12);
  split(gradients.offsets, 2);
  ExpectGradientsNear(gradients, LossGradients(good));
}

TEST_F(GaussianRasterCuda, AddsGradientsOfSharedParametersOverTimes) {
  World<double> world =
      MakeWorld<double>({.count = 20, .times = 3, .images = 6, .degree = 1});
  for (Values<double>* values : {&world.quaternions, &world.sh}) {
    const size_t size = values->size() / 3;
    for (int t = 1; t < 3; ++t) {
      std::copy_n(values->begin(), size, values->begin() + t * size);
    }
  }
  DeviceWorld<double> device(world);
  device.inputs.quaternions_stride = device.inputs.sh_stride = 0;
  GaussianRasterCudaWorkspace<double> workspace;
  ASSERT_TRUE(device.Forward(workspace).ok());
  ASSERT_TRUE(device.Backward(workspace).ok());
  Gradients<double> actual = device.GetGradients();
  GaussianRasterInputs<double> shared = world.Inputs();
  shared.quaternions_stride = shared.sh_stride = 0;
  Gradients<double> expected = LossGradients(shared);
  for (Gradients<double>* gradients : {&actual, &expected}) {
    gradients->quaternions.resize(gradients->quaternions.size() / 3);
    gradients->sh.resize(gradients->sh.size() / 3);
  }
  ExpectGradientsNear(actual, expected);
}

TEST_F(GaussianRasterCuda, IsRightWithoutRoomForLists) {
  const World<double> world = MakeWorld<double>({.count = 200,
                                                 .times = 2,
                                                 .images = 3,
                                                 .width = 50,
                                                 .height = 40,
                                                 .pixels = 4});
  DeviceWorld<double> device(world);
  GaussianRasterCudaWorkspace<double> workspace;
  ASSERT_TRUE(device.Forward(workspace).ok());
  const Images<double> expected = device.GetImages();
  // The first has no room; it makes the second have some.
  workspace.set_room(10);
  for (int k = 0; k < 2; ++k) {
    cudaMemset(device.rgb.data(), 0xff, sizeof(double) * 3 * device.pixels);
    ASSERT_TRUE(device.Forward(workspace).ok());
    ASSERT_TRUE(device.Backward(workspace).ok());
    EXPECT_EQ(device.GetImages(), expected);
    ExpectGradientsNear(device.GetGradients(), LossGradients(world));
  }
}

TEST_F(GaussianRasterCuda, ReusesAWorkspaceForOtherSizes) {
  GaussianRasterCudaWorkspace<float> workspace;
  for (const int64_t count : {100, 10, 0, 3000}) {
    const World<float> world = MakeWorld<float>(
        {.count = count, .images = 1 + 200 / (count + 10), .width = 10});
    DeviceWorld<float> device(world);
    ASSERT_TRUE(device.Forward(workspace).ok());
    EXPECT_EQ(device.GetImages(), DrawOnDevice(world));
  }
}

TEST_F(GaussianRasterCuda, ReplaysInAGraph) {
  const World<double> world = MakeWorld<double>(
      {.count = 300, .images = 3, .width = 40, .height = 40, .degree = 1});
  DeviceWorld<double> device(world);
  GaussianRasterCudaWorkspace<double> workspace;
  cudaStream_t stream;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  ASSERT_TRUE(device.Forward(workspace, stream).ok());
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  cudaGraph_t graph;
  cudaGraphExec_t program;
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal),
            cudaSuccess);
  const absl::Status forward = device.Forward(workspace, stream);
  const absl::Status backward = device.Backward(workspace, stream);
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  ASSERT_TRUE(forward.ok()) << forward;
  ASSERT_TRUE(backward.ok()) << backward;
  ASSERT_EQ(cudaGraphInstantiate(&program, graph, 0), cudaSuccess);
  // With other values than those captured.
  World<double> moved = world;
  for (double& x : moved.means) x *= 0.9;
  cudaMemcpy(device.means.data(), moved.means.data(),
             sizeof(double) * moved.means.size(), cudaMemcpyDefault);
  for (int k = 0; k < 2; ++k) {
    ASSERT_EQ(cudaGraphLaunch(program, stream), cudaSuccess);
  }
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  ExpectImagesNear(device.GetImages(), Draw(moved));
  ExpectGradientsNear(device.GetGradients(), LossGradients(moved));
  cudaGraphExecDestroy(program);
  cudaGraphDestroy(graph);
  cudaStreamDestroy(stream);
}

TEST_F(GaussianRasterCuda, RefusesToGrowInACapture) {
  DeviceWorld<float> device(MakeWorld<float>({.count = 10}));
  GaussianRasterCudaWorkspace<float> workspace;
  cudaStream_t stream;
  cudaGraph_t graph;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal),
            cudaSuccess);
  EXPECT_EQ(device.Forward(workspace, stream).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  cudaGraphDestroy(graph);
  cudaStreamDestroy(stream);
}

TEST_F(GaussianRasterCuda, RefusesToDrawBehindTheCamera) {
  DeviceWorld<float> device(MakeWorld<float>({.count = 10}));
  GaussianRasterCudaWorkspace<float> workspace;
  for (const float near : {-0.1f, kNan}) {
    device.inputs.near = near;
    EXPECT_EQ(device.Forward(workspace).code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(GaussianRasterCuda, RefusesSizesOutOfRange) {
  DeviceWorld<float> device(MakeWorld<float>({.count = 10}));
  GaussianRasterCudaWorkspace<float> workspace;
  for (const int width : {0, -1, 40000}) {
    device.inputs.width = width;
    EXPECT_EQ(device.Forward(workspace).code(),
              absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace dg4d
