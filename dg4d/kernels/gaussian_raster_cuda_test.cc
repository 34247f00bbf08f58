// The CUDA twin against the CPU's, which gaussian_raster_test.cc holds to the
// definition and gaussian_raster_gradients_test.cc to central differences.

#include "dg4d/kernels/gaussian_raster_cuda.h"

#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "dg4d/kernels/gaussian_raster_cuda_test_world.h"
#include "dg4d/kernels/gaussian_raster_test_world.h"
#include "dg4d/testing/cuda_test.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

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

// More pixels than are drawn with two splats at a time, in parts.
TEST_F(GaussianRasterCuda, AgreesOnManyPixels) {
  const World<double> world = MakeWorld<double>({.count = 40,
                                                 .times = 2,
                                                 .images = 3,
                                                 .width = 330,
                                                 .height = 300,
                                                 .pixels = 4});
  for (const bool deterministic : {false, true}) {
    SCOPED_TRACE(deterministic);
    ExpectTwinsAgree(world, deterministic);
  }
}

// Memory of which each byte is `byte` whenever it is not in use: 0xff are NaN.
class Lender {
 public:
  explicit Lender(int byte = 0xff) : byte_(byte) {}
  ~Lender() {
    EXPECT_EQ(lent_, 0);
    for (void* data : all_) cudaFree(data);
  }
  GaussianRasterAllocator Allocator() {
    return [this](size_t bytes) {
      void* data = nullptr;
      EXPECT_EQ(cudaMalloc(&data, bytes), cudaSuccess);
      cudaMemset(data, byte_, bytes);
      all_.push_back(data);
      lent_ += bytes;
      most_ = std::max(most_, lent_);
      return std::shared_ptr<void>(data, [this, bytes](void* p) {
        cudaMemset(p, byte_, bytes);
        lent_ -= bytes;
      });
    };
  }
  int64_t lent() const { return lent_; }
  int64_t most() const { return most_; }

 private:
  const int byte_;
  std::vector<void*> all_;
  int64_t lent_ = 0, most_ = 0;
};

TEST_F(GaussianRasterCuda, ReturnsWhatTheBackwardPassDoesNotNeed) {
  const World<float> world = MakeWorld<float>({.count = 3000,
                                               .times = 2,
                                               .images = 5,
                                               .width = 130,
                                               .height = 90,
                                               .pixels = 3});
  for (const bool deterministic : {false, true}) {
    SCOPED_TRACE(deterministic);
    DeviceWorld<float> device(world);
    device.inputs.deterministic = deterministic;
    Lender lender;
    GaussianRasterCudaWorkspace<float> workspace(lender.Allocator());
    for (int k = 0; k < 2; ++k) {
      ASSERT_TRUE(device.Forward(workspace).ok());
      EXPECT_EQ(lender.lent(), workspace.bytes());
      EXPECT_LT(lender.lent(), lender.most() * 3 / 4);
      for (int again = 0; again < 2; ++again) {
        ASSERT_TRUE(device.Backward(workspace).ok());
        ExpectGradientsNear(device.GetGradients(), LossGradients(world));
      }
      EXPECT_EQ(lender.lent(), workspace.bytes());
      ExpectImagesNear(device.GetImages(), Draw(world));
    }
    workspace.Release();
    EXPECT_EQ(lender.lent(), 0);
  }
}

// If a list had an entry of what the memory held before, and that was 0, the
// first tile would draw the first Gaussian again. Many rows, since touches that
// are counted and not found again are rare.
TEST_F(GaussianRasterCuda, DrawsTheSameWhateverItsMemoryHeld) {
  World<float> world = MakeWorld<float>(
      {.count = 2000, .images = 2000, .width = 64, .height = 64, .pixels = 3});
  for (float& logit : world.logits) logit -= 4;
  std::fill_n(world.means.begin(), 3, 0.0f);
  std::fill_n(world.log_scales.begin(), 3, 0.0f);
  world.logits[0] = -2;
  DeviceWorld<float> device(world);
  std::vector<Images<float>> drawn;
  for (const int byte : {0x00, 0xff}) {
    Lender lender(byte);
    GaussianRasterCudaWorkspace<float> workspace(lender.Allocator());
    ASSERT_TRUE(device.Forward(workspace).ok());
    drawn.push_back(device.GetImages());
    workspace.Release();
  }
  EXPECT_TRUE(drawn[0] == drawn[1]);
}

TEST_F(GaussianRasterCuda, SaysSoIfTheAllocatorHasNothingLeft) {
  DeviceWorld<float> device(MakeWorld<float>({.count = 10}));
  GaussianRasterCudaWorkspace<float> workspace(
      [](size_t) { return std::shared_ptr<void>(); });
  EXPECT_EQ(device.Forward(workspace).code(),
            absl::StatusCode::kResourceExhausted);
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

TEST_F(GaussianRasterCuda, HasRoomForWhatItSawOfLate) {
  WorldOptions options = {.count = 300, .width = 120, .height = 90};
  options.pixels = 2;
  DeviceWorld<float> few(MakeWorld<float>(options));
  options.pixels = 12;
  DeviceWorld<float> many(MakeWorld<float>(options));
  Lender lender;
  GaussianRasterCudaWorkspace<float> workspace(lender.Allocator());
  const auto draws = [&](DeviceWorld<float>& world, int times) {
    for (int i = 0; i < times; ++i) {
      ASSERT_TRUE(world.Forward(workspace).ok());
      cudaDeviceSynchronize();
    }
  };
  draws(few, 2);
  const int64_t touches_of_few = workspace.seen().touches;
  draws(many, 1);
  EXPECT_TRUE(workspace.outgrown());
  draws(few, 12);
  draws(many, 1);
  EXPECT_FALSE(workspace.outgrown());
  // And forgets it again.
  draws(few, 40);
  EXPECT_EQ(workspace.seen().touches, touches_of_few);
  workspace.Release();
}

// All images, and gradients of normals alone.
template <typename Real>
struct Extras {
  Values<Real> rgb, alpha, depth, median, normals, means, quaternions, scales,
      logits;
};

TEST_F(GaussianRasterCuda, DrawsMedianDepthAndNormalsAsTheCpuDoes) {
  const World<double> world = MakeWorld<double>({.count = 150,
                                                 .times = 2,
                                                 .images = 3,
                                                 .width = 40,
                                                 .height = 30,
                                                 .pixels = 4});
  const int64_t pixels = world.images * world.width * world.height;
  const Values<double> weights = LossWeights<double>(3, 40 * 30).rgb;
  const auto filled = [](const Values<double>& like) {
    return Values<double>(like.size(), 7);
  };
  Extras<double> expected = {
      Values<double>(3 * pixels, 7), Values<double>(pixels, 7),
      Values<double>(pixels, 7),     Values<double>(pixels, 7),
      Values<double>(3 * pixels, 7), filled(world.means),
      filled(world.quaternions),     filled(world.log_scales),
      filled(world.logits)};
  GaussianRasterWorkspace<double> on_cpu;
  GaussianRasterForwardCpu<double>(
      world.Inputs(),
      {expected.rgb.data(), expected.alpha.data(), expected.depth.data(),
       expected.median.data(), expected.normals.data()},
      nullptr, on_cpu);
  GaussianRasterBackwardCpu<double>(world.Inputs(), {.normals = weights.data()},
                                    on_cpu,
                                    {.means = expected.means.data(),
                                     .quaternions = expected.quaternions.data(),
                                     .log_scales = expected.scales.data(),
                                     .opacity_logits = expected.logits.data()});

  for (const bool deterministic : {false, true}) {
    SCOPED_TRACE(deterministic);
    DeviceWorld<double> device(world);
    device.inputs.deterministic = deterministic;
    const OnDevice<double> median(pixels), normals(3 * pixels),
        gradient(weights);
    GaussianRasterCudaWorkspace<double> workspace;
    ASSERT_TRUE(GaussianRasterForwardCuda<double>(
                    device.inputs,
                    {device.rgb.data(), device.alpha.data(),
                     device.depth.data(), median.data(), normals.data()},
                    nullptr, workspace, nullptr)
                    .ok());
    ASSERT_TRUE(GaussianRasterBackwardCuda<double>(
                    device.inputs, {.normals = gradient.data()}, workspace,
                    {.means = device.means_gradient.data(),
                     .quaternions = device.quaternions_gradient.data(),
                     .log_scales = device.log_scales_gradient.data(),
                     .opacity_logits = device.logits_gradient.data()},
                    nullptr)
                    .ok());
    const auto compare = [](const OnDevice<double>& actual,
                            const Values<double>& wanted, const char* what) {
      const Values<double> values = actual.Values();
      ASSERT_EQ(values.size(), wanted.size());
      double most = 0;
      for (size_t i = 0; i < values.size(); ++i) {
        ASSERT_NEAR(values[i], wanted[i], 1e-7) << what << " " << i;
        most = std::max(most, std::abs(wanted[i]));
      }
      EXPECT_GT(most, 0.01) << what;
    };
    compare(device.rgb, expected.rgb, "rgb");
    compare(device.alpha, expected.alpha, "alpha");
    compare(device.depth, expected.depth, "depth");
    compare(median, expected.median, "median depth");
    compare(normals, expected.normals, "normals");
    compare(device.means_gradient, expected.means, "means");
    compare(device.quaternions_gradient, expected.quaternions, "quaternions");
    compare(device.log_scales_gradient, expected.scales, "log_scales");
    compare(device.logits_gradient, expected.logits, "logits");
  }
}

TEST_F(GaussianRasterCuda, RefusesGradientsOfNormalsThatWereNotDrawn) {
  const World<float> world = MakeWorld<float>({.count = 10});
  DeviceWorld<float> device(world);
  GaussianRasterCudaWorkspace<float> workspace;
  ASSERT_TRUE(device.Forward(workspace).ok());
  EXPECT_EQ(GaussianRasterBackwardCuda<float>(
                device.inputs, {.normals = device.rgb_gradient.data()},
                workspace, {.means = device.means_gradient.data()}, nullptr)
                .code(),
            absl::StatusCode::kFailedPrecondition);
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
