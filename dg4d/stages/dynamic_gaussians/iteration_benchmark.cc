// How long an iteration of the dynamic stage takes without its guidances, and
// what it is made of: 20,000 Gaussians at 14 times, one level of a HexPlane of
// 32 x 32 x 32 x 12 with 32 features, Adam; then also 4 views of each time and
// the 14 frames of a video, at 256 x 256. On the first GPU, or the CPU.

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "dg4d/base/random.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/renderer.h"
#include "dg4d/kernels/benchmark_scene.h"
#include "dg4d/stages/dynamic_gaussians/motion.h"
#include "dg4d/training/adam.h"

namespace dg4d::dynamic_gaussians {
namespace {

constexpr int64_t kGaussians = 20'000;
constexpr int kTimes = 14;
constexpr int kViewsOfTime = 5;  // four views and the video's frame
constexpr int kSize = 256;

c10::Device TheDevice() {
  return at::hasCUDA() ? c10::Device(at::kCUDA, 0) : c10::Device(at::kCPU);
}

void Synchronize() {
  const c10::Device device = TheDevice();
  if (device.is_cpu()) return;
  c10::impl::VirtualGuardImpl(device.type()).synchronizeDevice(device.index());
}

Gaussians TheGaussians() {
  const BenchmarkGaussians made =
      MakeBenchmarkGaussians(BenchmarkScene::kShell, kGaussians);
  const auto rows = [&](const std::vector<float>& values, at::IntArrayRef of) {
    return at::tensor(values).view(of).to(TheDevice());
  };
  return {.means = rows(made.means, {kGaussians, 3}),
          .quaternions = rows(made.quaternions, {kGaussians, 4}),
          .log_scales = rows(made.log_scales, {kGaussians, 3}),
          .opacity_logits = rows(made.opacity_logits, {kGaussians, 1}),
          .sh = rows(made.sh, {kGaussians, 1, 3})};
}

// The stage's state: a motion whose parameters Adam steps.
class Fit {
 public:
  Fit() {
    motion_.deformation().VisitParameters(
        [&](const std::string& name, at::Tensor& value) {
          adam_.Add(name, value, {1e-4, 1e-4, 1});
          value = adam_[name];
        });
    for (int t = 0; t < kTimes; ++t) frames_.push_back(t);
  }

  GaussianBatch Batch() const { return motion_.At(gaussians_, frames_); }
  at::Tensor Regularisation() const {
    const HexPlane& grid = *motion_.deformation().grid();
    return grid.SpaceVariation() + grid.TimeRoughness() + grid.TimeDeviation();
  }
  void Step() { adam_.Step(0); }

 private:
  static Motion MakeMotion(const Gaussians& gaussians) {
    at::Generator generator = MakeGenerator(0, "motion");
    return Motion(
        {.deformation = {.grid = {.time_resolution = 12}}, .frames = kTimes},
        gaussians, generator);
  }

  Gaussians gaussians_ = TheGaussians();
  Motion motion_ = MakeMotion(gaussians_);
  Adam adam_;
  std::vector<double> frames_;
};

at::Tensor AnyLoss(const GaussianBatch& batch) {
  return batch.means.square().mean() + batch.quaternions.square().mean() +
         batch.log_scales.square().mean();
}

void Deform(benchmark::State& state) {
  const Fit fit;
  for (auto _ : state) {
    benchmark::DoNotOptimize(fit.Batch());
    Synchronize();
  }
}
BENCHMARK(Deform)->UseRealTime()->Unit(benchmark::kMillisecond);

void DeformAndBackward(benchmark::State& state) {
  const Fit fit;
  for (auto _ : state) {
    AnyLoss(fit.Batch()).backward();
    Synchronize();
  }
}
BENCHMARK(DeformAndBackward)->UseRealTime()->Unit(benchmark::kMillisecond);

// All of an iteration but the rendering.
void IterationWithoutRendering(benchmark::State& state) {
  Fit fit;
  for (auto _ : state) {
    (AnyLoss(fit.Batch()) + fit.Regularisation()).backward();
    fit.Step();
    Synchronize();
  }
}
BENCHMARK(IterationWithoutRendering)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

void Iteration(benchmark::State& state) {
  const auto renderer =
      PluginSpec<GaussianRenderer>{"gaussian_splatting"}.Create();
  if (!renderer.ok()) {
    return state.SkipWithError(
        std::string(renderer.status().message()).c_str());
  }
  Fit fit;
  std::vector<Camera> cameras;
  std::vector<int> time_of_camera;
  for (int t = 0; t < kTimes; ++t) {
    for (int view = 0; view < kViewsOfTime; ++view) {
      cameras.push_back(OrbitCamera({.elevation_degrees = 20.0 - 10 * view,
                                     .azimuth_degrees = 72.0 * view + 7 * t,
                                     .radius = 2})
                            .WithSize(kSize, kSize));
      time_of_camera.push_back(t);
    }
  }
  const auto images = static_cast<int64_t>(cameras.size());
  const at::Tensor background = at::ones({images, 3}).to(TheDevice());
  const at::Tensor wanted =
      at::full({images, 3, kSize, kSize}, 0.5).to(TheDevice());
  const at::Tensor wanted_alpha = wanted.narrow(1, 0, 1);
  try {
    for (auto _ : state) {
      GaussianBatch batch = fit.Batch();
      batch.time_of_camera = time_of_camera;
      const GaussianRendering rendering =
          (*renderer)->Render(batch, cameras, background, {});
      (at::mse_loss(rendering.rgb, wanted) +
       at::mse_loss(rendering.alpha, wanted_alpha) + fit.Regularisation())
          .backward();
      fit.Step();
      Synchronize();
    }
  } catch (const std::exception& error) {
    state.SkipWithError(error.what());
  }
}
BENCHMARK(Iteration)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace dg4d::dynamic_gaussians

int main(int argc, char** argv) {
  at::set_num_threads(1);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
