// The renderer on a GPU against itself on the CPU, and in CUDA graphs.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/csrc/autograd/autograd.h>

#include <memory>
#include <vector>

#include "dg4d/base/random.h"
#include "dg4d/core/gaussian_views.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/renderer.h"
#include "dg4d/testing/cuda_test.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using GaussianSplattingCuda = dg4d::CudaTest;

std::unique_ptr<GaussianRenderer> MakeSplatting(bool deterministic = false) {
  ConfigNode options;
  options["deterministic"] =
      ConfigNode::Scalar(deterministic ? "true" : "false");
  return PluginSpec<GaussianRenderer>{"gaussian_splatting", options}
      .Create()
      .value();
}

struct Leaves {
  std::vector<at::Tensor> all;  // those of the batch, background, offsets

  GaussianRendering Render(const GaussianRenderer& renderer,
                           const std::vector<Camera>& cameras,
                           bool extras = false) const {
    return renderer.Render({.means = all[0],
                            .quaternions = all[1],
                            .log_scales = all[2],
                            .opacity_logits = all[3],
                            .sh = all[4],
                            .time_of_camera = {1, 0, 1},
                            .median_depth = extras,
                            .normals = extras},
                           cameras, all[5], all[6]);
  }
};

Leaves MakeLeaves(c10::Device device, at::ScalarType type) {
  at::Generator generator = MakeGenerator(3, "gaussians");
  const auto uniform = [&](at::IntArrayRef sizes, double low, double high) {
    return Uniform(sizes, low, high, generator)
        .to(type)
        .to(device)
        .requires_grad_();
  };
  constexpr int64_t kCount = 300;
  Leaves leaves;
  leaves.all.push_back(uniform({2, kCount, 3}, -0.7, 0.7));
  leaves.all.push_back(uniform({2, kCount, 4}, -1, 1));
  leaves.all.push_back(uniform({1, kCount, 3}, -4.5, -2.5));
  leaves.all.push_back(uniform({1, kCount, 1}, -3, 7));
  leaves.all.push_back(uniform({2, kCount, 9, 3}, -0.6, 1));
  leaves.all.push_back(uniform({3, 3}, 0, 1));
  leaves.all.push_back(uniform({3, kCount, 2}, -0.01, 0.01));
  return leaves;
}

std::vector<Camera> MakeCameras() {
  std::vector<Camera> cameras;
  for (int b = 0; b < 3; ++b) {
    cameras.push_back(OrbitCamera(
        {.elevation_degrees = 20.0 * b - 30, .azimuth_degrees = 100.0 * b},
        {.width = 45, .height = 37}));
  }
  return cameras;
}

at::Tensor Loss(const GaussianRendering& rendering) {
  at::Generator generator = MakeGenerator(4, "loss");
  const auto weighed = [&](const at::Tensor& image) {
    return (image * Normal(image.sizes(), generator)
                        .to(image.scalar_type())
                        .to(image.device()))
        .sum();
  };
  at::Tensor loss = weighed(rendering.rgb);
  if (rendering.normals.defined()) loss = loss + weighed(rendering.normals);
  loss = loss + weighed(rendering.alpha);
  return loss + weighed(rendering.depth);
}

double RelativeError(const at::Tensor& actual, const at::Tensor& expected) {
  const at::Tensor difference = actual.cpu() - expected;
  return (difference.norm() / expected.norm()).item<double>();
}

TEST_F(GaussianSplattingCuda, AgreesWithTheCpu) {
  const std::unique_ptr<GaussianRenderer> renderer = MakeSplatting();
  const std::vector<Camera> cameras = MakeCameras();
  for (const auto type : {at::kFloat, at::kDouble}) {
    const double tolerance = type == at::kFloat ? 5e-3 : 1e-9;
    const Leaves on_cpu = MakeLeaves(at::kCPU, type);
    const Leaves on_cuda = MakeLeaves(at::kCUDA, type);
    const GaussianRendering expected = on_cpu.Render(*renderer, cameras);
    const GaussianRendering actual = on_cuda.Render(*renderer, cameras);
    EXPECT_TRUE(actual.rgb.is_cuda());
    EXPECT_LE(RelativeError(actual.rgb, expected.rgb), tolerance);
    EXPECT_LE(RelativeError(actual.alpha, expected.alpha), tolerance);
    EXPECT_LE(RelativeError(actual.depth, expected.depth), tolerance);
    EXPECT_LE((actual.radii.cpu() - expected.radii).abs().max().item<int>(), 1);
    Loss(expected).backward();
    Loss(actual).backward();
    for (size_t k = 0; k < on_cpu.all.size(); ++k) {
      EXPECT_LE(RelativeError(on_cuda.all[k].grad(), on_cpu.all[k].grad()),
                tolerance)
          << k;
    }
  }
}

TEST_F(GaussianSplattingCuda, AgreesWithTheCpuInMedianDepthAndNormals) {
  const std::unique_ptr<GaussianRenderer> renderer = MakeSplatting();
  const std::vector<Camera> cameras = MakeCameras();
  for (const auto type : {at::kFloat, at::kDouble}) {
    const double tolerance = type == at::kFloat ? 5e-3 : 1e-9;
    const Leaves on_cpu = MakeLeaves(at::kCPU, type);
    const Leaves on_cuda = MakeLeaves(at::kCUDA, type);
    const GaussianRendering expected = on_cpu.Render(*renderer, cameras, true);
    const GaussianRendering actual = on_cuda.Render(*renderer, cameras, true);
    EXPECT_LE(RelativeError(actual.rgb, expected.rgb), tolerance);
    EXPECT_LE(RelativeError(actual.normals, expected.normals), tolerance);
    // Single pixels may choose the Gaussian before or after.
    const at::Tensor apart =
        (actual.median_depth.cpu() - expected.median_depth).abs() > tolerance;
    EXPECT_LE(apart.sum().item<int64_t>(), apart.numel() / 500);
    EXPECT_GT((expected.median_depth > 0).sum().item<int64_t>(),
              apart.numel() / 10);
    Loss(expected).backward();
    Loss(actual).backward();
    for (size_t k = 0; k < on_cpu.all.size(); ++k) {
      EXPECT_LE(RelativeError(on_cuda.all[k].grad(), on_cpu.all[k].grad()),
                tolerance)
          << k;
    }
  }
}

TEST_F(GaussianSplattingCuda, DrawsTheSameBytesBesideMedianDepthAndNormals) {
  const std::unique_ptr<GaussianRenderer> renderer =
      MakeSplatting(/*deterministic=*/true);
  const std::vector<Camera> cameras = MakeCameras();
  std::vector<at::Tensor> results[2];
  for (const bool extras : {false, true}) {
    const Leaves leaves = MakeLeaves(at::kCUDA, at::kFloat);
    const GaussianRendering rendering =
        leaves.Render(*renderer, cameras, extras);
    (rendering.rgb.sum() + rendering.depth.sum()).backward();
    results[extras] = {rendering.rgb, rendering.alpha, rendering.depth};
    for (const at::Tensor& leaf : leaves.all) {
      results[extras].push_back(leaf.grad());
    }
  }
  for (size_t k = 0; k < results[0].size(); ++k) {
    EXPECT_TRUE(results[1][k].equal(results[0][k])) << k;
  }
}

TEST_F(GaussianSplattingCuda, KeepsRenderingsApart) {
  const std::unique_ptr<GaussianRenderer> renderer = MakeSplatting();
  const std::vector<Camera> cameras = MakeCameras();
  const Leaves alone = MakeLeaves(at::kCUDA, at::kDouble);
  Loss(alone.Render(*renderer, cameras)).backward();
  const Leaves first = MakeLeaves(at::kCUDA, at::kDouble);
  const Leaves second = MakeLeaves(at::kCUDA, at::kDouble);
  const at::Tensor first_loss = Loss(first.Render(*renderer, cameras));
  const at::Tensor second_loss =
      Loss(second.Render(*renderer, {cameras[2], cameras[0], cameras[1]}));
  second_loss.backward();
  first_loss.backward();
  EXPECT_LE(RelativeError(first.all[0].grad(), alone.all[0].grad().cpu()),
            1e-12);
  EXPECT_GE(RelativeError(second.all[0].grad(), alone.all[0].grad().cpu()),
            1e-3);
}

// Draws and differentiates, with nothing in it that a graph cannot hold.
class Step {
 public:
  explicit Step(std::vector<at::Tensor> leaves) : leaves_(std::move(leaves)) {
    at::Generator generator = MakeGenerator(4, "loss");
    for (const int64_t channels : {3, 1, 1}) {
      weights_.push_back(
          Normal({3, channels, 37, 45}, generator).to(at::kCUDA));
    }
  }

  // The images, the loss and the gradients of all leaves.
  std::vector<at::Tensor> operator()(
      const GaussianRenderer& renderer, const std::vector<Camera>& cameras,
      const std::vector<int>& times,
      const std::shared_ptr<GaussianViews>& views = nullptr) const {
    const std::vector<at::Tensor>& all = leaves_;
    const GaussianRendering rendering =
        renderer.Render({.means = all[0],
                         .quaternions = all[1],
                         .log_scales = all[2],
                         .opacity_logits = all[3],
                         .sh = all[4],
                         .time_of_camera = times,
                         .views = views},
                        cameras, all[5], all[6]);
    const at::Tensor loss = (rendering.rgb * weights_[0]).sum() +
                            (rendering.alpha * weights_[1]).sum() +
                            (rendering.depth * weights_[2]).sum();
    std::vector<at::Tensor> results = torch::autograd::grad({loss}, leaves_);
    for (const at::Tensor& image :
         {rendering.rgb, rendering.alpha, rendering.depth, loss}) {
      results.push_back(image.detach());
    }
    return results;
  }

 private:
  std::vector<at::Tensor> leaves_, weights_;
};

void ExpectSameBytes(const std::vector<at::Tensor>& actual,
                     const std::vector<at::Tensor>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t k = 0; k < actual.size(); ++k) {
    EXPECT_TRUE(actual[k].equal(expected[k])) << k;
  }
}

TEST_F(GaussianSplattingCuda, ReplaysInAGraphToTheBytesOfTheCalls) {
  const c10::cuda::CUDAStreamGuard guard(c10::cuda::getStreamFromPool());
  const std::unique_ptr<GaussianRenderer> renderer =
      MakeSplatting(/*deterministic=*/true);
  const Leaves leaves = MakeLeaves(at::kCUDA, at::kFloat);
  const Step step(leaves.all);
  std::vector<Camera> cameras = MakeCameras();
  std::vector<int> times = {1, 0, 1};
  const auto views =
      std::make_shared<GaussianViews>(3, 2, leaves.all[0].options());
  views->Set(cameras, times);
  for (int k = 0; k < 3; ++k) step(*renderer, cameras, times, views);
  at::cuda::CUDAGraph graph;
  graph.capture_begin();
  const std::vector<at::Tensor> results =
      step(*renderer, cameras, times, views);
  graph.capture_end();

  for (int k = 0; k < 3; ++k) {
    {
      const at::NoGradGuard no_gradients;
      leaves.all[0].mul_(0.9);
      leaves.all[2].add_(0.02);
    }
    std::swap(cameras[0], cameras[2]);
    std::swap(times[0], times[1]);
    views->Set(cameras, times);
    graph.replay();
    ExpectSameBytes(results, step(*renderer, cameras, times));
  }
  EXPECT_FALSE(views->outgrown());
  {
    const at::NoGradGuard no_gradients;
    leaves.all[2].add_(2);
  }
  graph.replay();
  ExpectSameBytes(results, step(*renderer, cameras, times));
  EXPECT_TRUE(views->outgrown());
}

TEST_F(GaussianSplattingCuda, KeepsTheMemoryOfAGraphFromOtherCalls) {
  const c10::cuda::CUDAStreamGuard guard(c10::cuda::getStreamFromPool());
  const std::unique_ptr<GaussianRenderer> renderer =
      MakeSplatting(/*deterministic=*/true);
  const Leaves leaves = MakeLeaves(at::kCUDA, at::kFloat);
  const Step step(leaves.all);
  const std::vector<Camera> cameras = MakeCameras();
  const std::vector<int> times = {1, 0, 1};
  const std::vector<at::Tensor> expected = step(*renderer, cameras, times);
  const auto views =
      std::make_shared<GaussianViews>(3, 2, leaves.all[0].options());
  views->Set(cameras, times);
  for (int k = 0; k < 3; ++k) step(*renderer, cameras, times, views);
  at::cuda::CUDAGraph graph;
  graph.capture_begin();
  const std::vector<at::Tensor> results =
      step(*renderer, cameras, times, views);
  graph.capture_end();
  // Far larger images, which would make a workspace of the pool grow.
  const at::NoGradGuard no_gradients;
  for (int k = 0; k < 3; ++k) {
    renderer->Render(
        {leaves.all[0], leaves.all[1], leaves.all[2], leaves.all[3],
         leaves.all[4], times},
        {cameras[0].WithSize(700, 900), cameras[1].WithSize(700, 900),
         cameras[2].WithSize(700, 900)},
        leaves.all[5], {});
  }
  graph.replay();
  ExpectSameBytes(results, expected);
}

// Unless told otherwise.
TEST_F(GaussianSplattingCuda, OptimisesToTheSameBytes) {
  const std::unique_ptr<GaussianRenderer> renderer =
      PluginSpec<GaussianRenderer>{"gaussian_splatting", {}}.Create().value();
  const auto optimise = [&] {
    Leaves leaves = MakeLeaves(at::kCUDA, at::kFloat);
    const Step step(leaves.all);
    for (int k = 0; k < 50; ++k) {
      const std::vector<at::Tensor> gradients =
          step(*renderer, MakeCameras(), {1, 0, 1});
      const at::NoGradGuard no_gradients;
      for (size_t i = 0; i < leaves.all.size(); ++i) {
        // As Adam does at first: small gradients move as far as large ones.
        leaves.all[i].sub_(gradients[i] / (gradients[i].abs() + 1e-12), 3e-3);
      }
    }
    return leaves.all;
  };
  ExpectSameBytes(optimise(), optimise());
}

}  // namespace
}  // namespace dg4d
