// The stage on a GPU: as on the CPU, and the same bytes every time.

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>

#include <string>
#include <vector>

#include "dg4d/core/config.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/run_context.h"
#include "dg4d/core/stage.h"
#include "dg4d/stages/dynamic_gaussians/test_scene.h"
#include "dg4d/testing/cuda_test.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using DynamicGaussiansCuda = dg4d::CudaTest;

class Losses final : public RunObserver {
 public:
  void Step(absl::string_view, int64_t, int64_t,
            const Metrics& metrics) override {
    values.push_back(metrics.front().second);
  }
  std::vector<double> values;
};

// Runs the stage with `more` options; notes its losses.
Scene Fitted(c10::Device device, const std::string& more,
             std::vector<double>& losses) {
  const std::string options =
      "{renderer: {plugin: gaussian_splatting, options: {deterministic: true}},"
      "reference: {size: 40}, iterations: 60, frames_per_step: 3, "
      "grid: {space_resolution: 8, time_resolution: 6, features: 8}, "
      "grid_rate: {from: 0.02, to: 0.002, steps: 60}, "
      "network_rate: {from: 0.004, to: 0.0004, steps: 60}" +
      more + "}";
  const auto stage = Registry<Stage>::Create(
      "dynamic_gaussians", ParseYaml(options, "test").value());
  EXPECT_TRUE(stage.ok()) << stage.status();
  Losses observer;
  RunContext context({.devices = {device}, .observers = {&observer}});
  context.EnterStage("dynamic_gaussians");
  Scene scene = MakeScene();
  const absl::Status status = (*stage)->Run(context, scene);
  EXPECT_TRUE(status.ok()) << status;
  losses = observer.values;
  return scene;
}

double Mean(const std::vector<double>& values, size_t from, size_t to) {
  double sum = 0;
  for (size_t i = from; i < to; ++i) sum += values[i];
  return sum / static_cast<double>(to - from);
}

// Adam's first steps are as long for a gradient that is rounding as for any
// other, so rounding grows: on the CPU, positions that differ by 1e-6 change
// the first losses by up to 1e-3 and the last by up to a third.
TEST_F(DynamicGaussiansCuda, GoesDownAsOnTheCpu) {
  const std::string rigid =
      ", optimize_gaussians: true, regularisation: {rigidity: 100}";
  for (const std::string& more : {std::string(), rigid}) {
    std::vector<double> cpu, gpu;
    Fitted(at::kCPU, more, cpu);
    Fitted(c10::Device(at::kCUDA, 0), more, gpu);
    ASSERT_EQ(cpu.size(), gpu.size());
    EXPECT_NEAR(gpu[0] / cpu[0], 1, 1e-5);
    EXPECT_NEAR(gpu[1] / cpu[1], 1, 1e-3);
    EXPECT_NEAR(Mean(gpu, 0, 5) / Mean(cpu, 0, 5), 1, 5e-3);
    EXPECT_LT(Mean(gpu, 40, 60), 1.5 * Mean(cpu, 40, 60));
    EXPECT_LT(Mean(gpu, 40, 60), 0.05 * Mean(gpu, 0, 5));
  }
}

TEST_F(DynamicGaussiansCuda, GivesTheSameBytesEveryTime) {
  const std::string all =
      ", optimize_gaussians: true, regularisation: {rigidity: 100}, "
      "densify: {interval: 10, from_step: 10, until_step: 40, "
      "gradient_threshold: 0.01}";
  std::vector<double> first_losses, second_losses;
  const c10::Device gpu(at::kCUDA, 0);
  const Scene first = Fitted(gpu, all, first_losses);
  const Scene second = Fitted(gpu, all, second_losses);
  EXPECT_EQ(first_losses, second_losses);
  EXPECT_NE(first.gaussians.size(), Cloud().size());
  EXPECT_TRUE(at::equal(first.gaussians.means, second.gaussians.means));
  EXPECT_TRUE(at::equal(first.gaussians.sh, second.gaussians.sh));
  EXPECT_TRUE(
      at::equal(first.gaussian_frames.means, second.gaussian_frames.means));
  EXPECT_TRUE(at::equal(first.gaussian_frames.quaternions,
                        second.gaussian_frames.quaternions));
}

}  // namespace
}  // namespace dg4d
