// The renderer on a GPU against itself on the CPU.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "dg4d/base/random.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/renderer.h"
#include "dg4d/testing/cuda_test.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using GaussianSplattingCuda = dg4d::CudaTest;

std::unique_ptr<GaussianRenderer> MakeSplatting() {
  return PluginSpec<GaussianRenderer>{"gaussian_splatting", {}}
      .Create()
      .value();
}

struct Leaves {
  std::vector<at::Tensor> all;  // those of the batch, background, offsets

  GaussianRendering Render(const GaussianRenderer& renderer,
                           const std::vector<Camera>& cameras) const {
    return renderer.Render({all[0], all[1], all[2], all[3], all[4], {1, 0, 1}},
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

}  // namespace
}  // namespace dg4d
