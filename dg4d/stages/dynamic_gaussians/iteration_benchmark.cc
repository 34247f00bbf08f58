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
#include "dg4d/base/cuda_stream.h"
#include "dg4d/base/random.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/renderer.h"
#include "dg4d/kernels/benchmark_scene.h"
#include "dg4d/stages/dynamic_gaussians/motion.h"
#include "dg4d/training/adam.h"
#include "dg4d/training/repeated_step.h"

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
  GaussianBatch Batch(const at::Tensor& times) const {
    return motion_.At(gaussians_, {times, kTimes, 0});
  }
  at::Tensor Times() const { return motion_.TimesOf(frames_).values; }
  at::Tensor Regularisation() const {
    return motion_.deformation().grid()->Regularisation(
        {.space_variation = 1, .time_roughness = 1, .time_deviation = 1});
  }
  Adam& adam() { return adam_; }

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
  const OwnCudaStream stream(TheDevice());
  const Fit fit;
  for (auto _ : state) {
    benchmark::DoNotOptimize(fit.Batch());
    Synchronize();
  }
}
BENCHMARK(Deform)->UseRealTime()->Unit(benchmark::kMillisecond);

void DeformAndBackward(benchmark::State& state) {
  const OwnCudaStream stream(TheDevice());
  const Fit fit;
  for (auto _ : state) {
    AnyLoss(fit.Batch()).backward();
    Synchronize();
  }
}
BENCHMARK(DeformAndBackward)->UseRealTime()->Unit(benchmark::kMillisecond);

// Steps of `work` on `inputs`, one operation after the other or, where that is
// possible, as replays of a CUDA graph.
void TakeSteps(benchmark::State& state, Fit& fit, RepeatedStep::Inputs inputs,
               bool replayed, RepeatedStep::Work work) {
  if (replayed) inputs.shape = "step";
  RepeatedStep steps(fit.adam(), TheDevice());
  try {
    for (int warm_up = 0; warm_up < 4; ++warm_up) steps.Run(inputs, 0, work);
    Synchronize();
    for (auto _ : state) {
      benchmark::DoNotOptimize(steps.Run(inputs, 0, work));
      Synchronize();
    }
  } catch (const std::exception& error) {
    state.SkipWithError(error.what());
  }
  state.counters["replays"] = static_cast<double>(steps.replays());
}

// All of an iteration but the rendering.
void IterationWithoutRendering(benchmark::State& state, bool replayed) {
  const OwnCudaStream stream(TheDevice());
  Fit fit;
  TakeSteps(state, fit, {.tensors = {fit.Times()}}, replayed,
            [&](const RepeatedStep::Tensors& inputs,
                const RepeatedStep::AllViews&) -> RepeatedStep::Tensors {
              const at::Tensor loss =
                  AnyLoss(fit.Batch(inputs[0])) + fit.Regularisation();
              loss.backward();
              return {loss.detach()};
            });
}
BENCHMARK_CAPTURE(IterationWithoutRendering, Eager, false)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(IterationWithoutRendering, Replayed, true)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

void Iteration(benchmark::State& state, bool replayed) {
  const auto renderer =
      PluginSpec<GaussianRenderer>{"gaussian_splatting"}.Create();
  if (!renderer.ok()) {
    return state.SkipWithError(
        std::string(renderer.status().message()).c_str());
  }
  const OwnCudaStream stream(TheDevice());
  Fit fit;
  RepeatedStep::Inputs::Rendered rendered = {.times = kTimes};
  for (int t = 0; t < kTimes; ++t) {
    for (int view = 0; view < kViewsOfTime; ++view) {
      rendered.cameras.push_back(
          OrbitCamera({.elevation_degrees = 20.0 - 10 * view,
                       .azimuth_degrees = 72.0 * view + 7 * t,
                       .radius = 2})
              .WithSize(kSize, kSize));
      rendered.time_of_camera.push_back(t);
    }
  }
  const auto images = static_cast<int64_t>(rendered.cameras.size());
  const at::Tensor wanted =
      at::full({images, 3, kSize, kSize}, 0.5).to(TheDevice());
  const at::Tensor wanted_alpha = wanted.narrow(1, 0, 1);
  TakeSteps(
      state, fit,
      {.tensors = {fit.Times(), at::ones({images, 3})}, .rendered = {rendered}},
      replayed,
      [&](const RepeatedStep::Tensors& inputs,
          const RepeatedStep::AllViews& views) -> RepeatedStep::Tensors {
        GaussianBatch batch = fit.Batch(inputs[0]);
        batch.time_of_camera = rendered.time_of_camera;
        batch.views = views[0];
        const GaussianRendering rendering =
            (*renderer)->Render(batch, rendered.cameras, inputs[1], {});
        const at::Tensor loss = at::mse_loss(rendering.rgb, wanted) +
                                at::mse_loss(rendering.alpha, wanted_alpha);
        (loss + fit.Regularisation()).backward();
        return {loss.detach()};
      });
}
BENCHMARK_CAPTURE(Iteration, Eager, false)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Iteration, Replayed, true)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace dg4d::dynamic_gaussians

int main(int argc, char** argv) {
  at::set_num_threads(1);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
