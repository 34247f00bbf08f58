#include "dg4d/kernels/gaussian_raster_benchmark.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "dg4d/base/parallel.h"
#include "dg4d/kernels/benchmark_scene.h"
#include "dg4d/kernels/gaussian_raster.h"

namespace dg4d {
namespace {

struct Case {
  BenchmarkScene scene = BenchmarkScene::kBlob;
  int64_t count = 0;
  int size = 0;
  int64_t images = 0;
  bool backward = false;
  int threads = 1;

  std::string Name() const {
    return absl::StrCat(
        "gaussian_raster/", scene == BenchmarkScene::kBlob ? "blob" : "shell",
        "/gaussians:", count, "/pixels:", size, "/cameras:", images, "/",
        backward ? "forward_backward" : "forward", "/threads:", threads);
  }
};

void Run(benchmark::State& state, const Case& options) {
  const auto [scene, count, size, images, backward, threads] = options;
  const BenchmarkGaussians gaussians = MakeBenchmarkGaussians(scene, count);
  const BenchmarkCameras cameras = MakeBenchmarkCameras(images, size);
  const BenchmarkGradients upstream = MakeBenchmarkGradients(images, size);
  const std::vector<int64_t> times(images, 0);
  const GaussianRasterInputs<float> inputs = {
      .count = count,
      .times = 1,
      .images = images,
      .width = size,
      .height = size,
      .means = gaussians.means.data(),
      .quaternions = gaussians.quaternions.data(),
      .log_scales = gaussians.log_scales.data(),
      .opacity_logits = gaussians.opacity_logits.data(),
      .sh = gaussians.sh.data(),
      .view_from_world = cameras.view_from_world.data(),
      .focal_lengths = cameras.focal_lengths.data(),
      .time_of_image = times.data(),
      .background = cameras.background.data()};
  const int64_t pixels = images * size * size;
  std::vector<float> rgb(3 * pixels), alpha(pixels), depth(pixels);
  std::vector<int32_t> radii(images * count);
  std::vector<float> means(3 * count), quaternions(4 * count),
      log_scales(3 * count), opacity_logits(count), sh(3 * count),
      screen_offsets(2 * images * count);
  GaussianRasterWorkspace<float> workspace;
  SetThreads(threads);
  for (auto _ : state) {
    GaussianRasterForwardCpu<float>(inputs,
                                    {rgb.data(), alpha.data(), depth.data()},
                                    radii.data(), workspace);
    benchmark::DoNotOptimize(rgb.data());
    if (!backward) continue;
    GaussianRasterBackwardCpu<float>(
        inputs,
        {upstream.rgb.data(), upstream.alpha.data(), upstream.depth.data()},
        workspace,
        {.means = means.data(),
         .quaternions = quaternions.data(),
         .log_scales = log_scales.data(),
         .opacity_logits = opacity_logits.data(),
         .sh = sh.data(),
         .screen_offsets = screen_offsets.data()});
    benchmark::DoNotOptimize(means.data());
  }
  SetThreads(1);
}

}  // namespace

void RegisterGaussianRasterBenchmarks() {
  for (const auto scene : {BenchmarkScene::kBlob, BenchmarkScene::kShell}) {
    for (const int64_t count : {5000, 20000}) {
      for (const int size : {128, 256}) {
        for (const int64_t images : {1, 16}) {
          for (const bool backward : {false, true}) {
            for (const int threads : {1, 2}) {
              const Case options = {.scene = scene,
                                    .count = count,
                                    .size = size,
                                    .images = images,
                                    .backward = backward,
                                    .threads = threads};
              benchmark::RegisterBenchmark(
                  options.Name().c_str(),
                  [options](benchmark::State& state) { Run(state, options); })
                  ->Unit(benchmark::kMillisecond)
                  ->MeasureProcessCPUTime()
                  ->UseRealTime()
                  ->MinTime(0.2);
            }
          }
        }
      }
    }
  }
}

}  // namespace dg4d
