// Times the CUDA rasteriser on the fixed scenes (see benchmark_scene.h): for
// each, medians of ten calls after three, the device idle before each, by CUDA
// events. Prints one JSON object a line.
//
//   gaussian_raster_cuda_benchmark [--quick | SCENE GAUSSIANS SIZE IMAGES]
//
// --quick takes few of the scenes; four arguments name one, for profilers.

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "dg4d/kernels/benchmark_scene.h"
#include "dg4d/kernels/gaussian_raster.h"
#include "dg4d/kernels/gaussian_raster_cuda.h"

namespace dg4d {
namespace {

void CheckCuda(cudaError_t error) {
  if (error == cudaSuccess) return;
  std::fprintf(stderr, "%s\n", cudaGetErrorString(error));
  std::exit(1);
}

void CheckOk(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::exit(1);
}

// Bytes that the arrays below take.
int64_t array_bytes = 0;

template <typename T>
class Array {
 public:
  explicit Array(size_t size) : bytes_(size * sizeof(T)) {
    CheckCuda(cudaMalloc(&data_, bytes_));
    array_bytes += bytes_;
  }
  explicit Array(const std::vector<T>& values) : Array(values.size()) {
    CheckCuda(cudaMemcpy(data_, values.data(), bytes_, cudaMemcpyDefault));
  }
  ~Array() {
    cudaFree(data_);
    array_bytes -= bytes_;
  }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  T* data() const { return data_; }

 private:
  T* data_ = nullptr;
  int64_t bytes_;
};

// In milliseconds.
float MedianTime(cudaStream_t stream, const std::function<void()>& call) {
  constexpr int kWarmUps = 3, kCalls = 10;
  cudaEvent_t begin, end;
  CheckCuda(cudaEventCreate(&begin));
  CheckCuda(cudaEventCreate(&end));
  std::vector<float> times;
  for (int k = 0; k < kWarmUps + kCalls; ++k) {
    CheckCuda(cudaDeviceSynchronize());
    CheckCuda(cudaEventRecord(begin, stream));
    call();
    CheckCuda(cudaEventRecord(end, stream));
    CheckCuda(cudaEventSynchronize(end));
    float milliseconds;
    CheckCuda(cudaEventElapsedTime(&milliseconds, begin, end));
    if (k >= kWarmUps) times.push_back(milliseconds);
  }
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  std::sort(times.begin(), times.end());
  return (times[kCalls / 2 - 1] + times[kCalls / 2]) / 2;
}

// Of `call` as a CUDA graph.
float MedianReplayTime(cudaStream_t stream, const std::function<void()>& call) {
  cudaGraph_t graph;
  cudaGraphExec_t program;
  CheckCuda(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  call();
  CheckCuda(cudaStreamEndCapture(stream, &graph));
  CheckCuda(cudaGraphInstantiate(&program, graph, 0));
  const float time =
      MedianTime(stream, [&] { CheckCuda(cudaGraphLaunch(program, stream)); });
  cudaGraphExecDestroy(program);
  cudaGraphDestroy(graph);
  return time;
}

void Run(BenchmarkScene scene, int64_t count, int size, int64_t images,
         cudaStream_t stream) {
  const BenchmarkGaussians gaussians = MakeBenchmarkGaussians(scene, count);
  const BenchmarkCameras cameras = MakeBenchmarkCameras(images, size);
  const BenchmarkGradients upstream = MakeBenchmarkGradients(images, size);
  const Array<float> means(gaussians.means), quats(gaussians.quaternions),
      scales(gaussians.log_scales), logits(gaussians.opacity_logits),
      sh(gaussians.sh), views(cameras.view_from_world),
      focals(cameras.focal_lengths), background(cameras.background),
      rgb_gradient(upstream.rgb), alpha_gradient(upstream.alpha),
      depth_gradient(upstream.depth);
  const Array<int64_t> times(std::vector<int64_t>(images, 0));
  const int64_t pixels = images * size * size;
  const Array<float> rgb(3 * pixels), alpha(pixels), depth(pixels);
  const Array<int32_t> radii(images * count);
  const Array<float> d_means(3 * count), d_quats(4 * count),
      d_scales(3 * count), d_logits(count), d_sh(3 * count);
  const GaussianRasterInputs<float> inputs = {.count = count,
                                              .times = 1,
                                              .images = images,
                                              .width = size,
                                              .height = size,
                                              .means = means.data(),
                                              .quaternions = quats.data(),
                                              .log_scales = scales.data(),
                                              .opacity_logits = logits.data(),
                                              .sh = sh.data(),
                                              .view_from_world = views.data(),
                                              .focal_lengths = focals.data(),
                                              .time_of_image = times.data(),
                                              .background = background.data(),
                                              .near = 0.01f};
  GaussianRasterInputs<float> deterministic = inputs;
  deterministic.deterministic = true;
  using Workspace = GaussianRasterCudaWorkspace<float>;
  const auto forward = [&](const GaussianRasterInputs<float>& in,
                           Workspace& workspace) {
    CheckOk(GaussianRasterForwardCuda<float>(
        in, {rgb.data(), alpha.data(), depth.data()}, radii.data(), workspace,
        stream));
  };
  const auto both = [&](const GaussianRasterInputs<float>& in,
                        Workspace& workspace) {
    forward(in, workspace);
    CheckOk(GaussianRasterBackwardCuda<float>(
        in, {rgb_gradient.data(), alpha_gradient.data(), depth_gradient.data()},
        workspace,
        {.means = d_means.data(),
         .quaternions = d_quats.data(),
         .log_scales = d_scales.data(),
         .opacity_logits = d_logits.data(),
         .sh = d_sh.data()},
        stream));
  };
  Workspace workspace, deterministic_workspace;
  const auto fast = [&] { both(inputs, workspace); };
  const float forward_time =
      MedianTime(stream, [&] { forward(inputs, workspace); });
  const float both_time = MedianTime(stream, fast);
  const float replay_time = MedianReplayTime(stream, fast);
  const float deterministic_time =
      MedianTime(stream, [&] { both(deterministic, deterministic_workspace); });
  std::printf(
      "{\"scene\": \"%s\", \"gaussians\": %d, \"size\": %d, \"images\": %d, "
      "\"forward_ms\": %.4f, \"forward_backward_ms\": %.4f, "
      "\"forward_backward_replay_ms\": %.4f, \"workspace_mib\": %.1f, "
      "\"all_mib\": %.1f, \"deterministic_forward_backward_ms\": %.4f, "
      "\"deterministic_workspace_mib\": %.1f}\n",
      scene == BenchmarkScene::kBlob ? "blob" : "shell",
      static_cast<int>(count), size, static_cast<int>(images), forward_time,
      both_time, replay_time, workspace.bytes() / 1048576.0,
      (workspace.bytes() + array_bytes) / 1048576.0, deterministic_time,
      deterministic_workspace.bytes() / 1048576.0);
  std::fflush(stdout);
}

void RunAll(bool quick, cudaStream_t stream) {
  const std::vector<int64_t> counts =
      quick ? std::vector<int64_t>{5000, 20000, 100000}
            : std::vector<int64_t>{5000, 10000, 20000, 50000, 100000};
  for (const auto scene : {BenchmarkScene::kBlob, BenchmarkScene::kShell}) {
    for (const int64_t count : counts) {
      for (const int size : {128, 256, 512}) {
        for (const int64_t images : {1, 4, 16, 56}) {
          if (quick && images != 1 && images != 56) continue;
          Run(scene, count, size, images, stream);
        }
      }
    }
  }
}

}  // namespace
}  // namespace dg4d

int main(int argc, char** argv) {
  cudaStream_t stream;
  dg4d::CheckCuda(cudaStreamCreate(&stream));
  if (argc == 5) {
    dg4d::Run(argv[1] == std::string("blob") ? dg4d::BenchmarkScene::kBlob
                                             : dg4d::BenchmarkScene::kShell,
              std::atoi(argv[2]), std::atoi(argv[3]), std::atoi(argv[4]),
              stream);
  } else {
    dg4d::RunAll(argc == 2 && argv[1] == std::string("--quick"), stream);
  }
  cudaStreamDestroy(stream);
  return 0;
}
