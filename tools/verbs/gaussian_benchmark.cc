#include "tools/verbs/gaussian_benchmark.h"

#include <ATen/ops/tensor.h>
#include <torch/csrc/autograd/autograd.h>

#include <cstddef>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "dg4d/base/status.h"
#include "dg4d/core/config.h"
#include "dg4d/core/gaussian_batch.h"
#include "dg4d/core/plugin_spec.h"
#include "tools/verbs/device_timing.h"
#include "tools/verbs/npy_file.h"

namespace dg4d {
namespace {

constexpr int kCalls = 10;
// Of more, in all cameras together, images take gigabytes and say no more.
constexpr int64_t kMostPixelsWritten = 16 * 256 * 256;

const char* NameOf(BenchmarkScene scene) {
  return scene == BenchmarkScene::kBlob ? "blob" : "shell";
}

at::Tensor FloatTensor(std::vector<float> values, at::IntArrayRef sizes) {
  return at::tensor(values).view(sizes);
}

// The inverse of ViewFromWorld.
Camera CameraOf(const float* view_from_world, int size) {
  Camera camera = {.width = size, .height = size};
  // From x right, y down, z forward to OpenGL's axes.
  constexpr double kSigns[3] = {1, -1, -1};
  for (int row = 0; row < 3; ++row) {
    double position = 0;
    for (int axis = 0; axis < 3; ++axis) {
      const float* from = view_from_world + 4 * axis;
      camera.world_from_camera[4 * row + axis] = kSigns[axis] * from[row];
      position -= double{from[row]} * from[3];
    }
    camera.world_from_camera[4 * row + 3] = position;
  }
  return camera;
}

struct Parameter {
  const char* name;
  at::Tensor GaussianBatch::*tensor;
};
constexpr Parameter kParameters[] = {
    {"means", &GaussianBatch::means},
    {"quaternions", &GaussianBatch::quaternions},
    {"log_scales", &GaussianBatch::log_scales},
    {"opacity_logits", &GaussianBatch::opacity_logits},
    {"sh", &GaussianBatch::sh},
};

// Keeps the last one: benchmarks come scene by scene.
GaussianBatch SharedBatch(BenchmarkScene scene, int64_t count) {
  static auto& last =
      *new std::pair<std::pair<BenchmarkScene, int64_t>, GaussianBatch>;
  const std::pair key(scene, count);
  if (!last.second.means.defined() || last.first != key) {
    const BenchmarkGaussians made = MakeBenchmarkGaussians(scene, count);
    last = {key,
            {.means = FloatTensor(made.means, {1, count, 3}),
             .quaternions = FloatTensor(made.quaternions, {1, count, 4}),
             .log_scales = FloatTensor(made.log_scales, {1, count, 3}),
             .opacity_logits = FloatTensor(made.opacity_logits, {1, count, 1}),
             .sh = FloatTensor(made.sh, {1, count, 1, 3})}};
  }
  return last.second;
}

GaussianRendering Draw(const GaussianRenderer& renderer,
                       const GaussianBenchmarkInputs& inputs) {
  return renderer.Render(inputs.batch, inputs.cameras, inputs.background,
                         at::Tensor());
}

GaussianRendering DrawAndBackward(const GaussianRenderer& renderer,
                                  const GaussianBenchmarkInputs& inputs) {
  GaussianRendering images = Draw(renderer, inputs);
  torch::autograd::backward(
      {images.rgb, images.alpha, images.depth},
      {inputs.rgb_gradient, inputs.alpha_gradient, inputs.depth_gradient});
  return images;
}

void ForgetGradients(const GaussianBenchmarkInputs& inputs) {
  for (const Parameter& parameter : kParameters) {
    (inputs.batch.*parameter.tensor).mutable_grad().reset();
  }
}

// What is timed. The last one, without exact repeatability: gradients are added
// up in any order.
enum Mode { kForward, kForwardBackward, kForwardBackwardAnyOrder };
constexpr const char* kModeNames[] = {"forward", "forward_backward",
                                      "forward_backward_any_order"};

std::unique_ptr<GaussianRenderer> MakeRenderer(Mode mode) {
  ConfigNode options;
  if (mode == kForwardBackwardAnyOrder) {
    options["deterministic"] = ConfigNode::Scalar("false");
  }
  return PluginSpec<GaussianRenderer>{"gaussian_splatting", options}
      .Create()
      .value();
}

void Run(benchmark::State& state, const GaussianBenchmarkCell& cell, Mode mode,
         const c10::Device& device, const std::string& arrays) {
  const GaussianBenchmarkInputs inputs =
      MakeGaussianBenchmarkInputs(cell, device);
  const auto call = [&](const GaussianRenderer& renderer) {
    mode == kForward ? Draw(renderer, inputs)
                     : DrawAndBackward(renderer, inputs);
  };
  {
    // What the first call loads into the device counts as nobody's memory.
    const auto renderer = MakeRenderer(mode);
    call(*renderer);
    if (mode == kForwardBackward && !arrays.empty()) {
      const absl::Status written =
          WriteGaussianBenchmarkArrays(cell, *renderer, device, arrays);
      if (!written.ok()) {
        state.SkipWithError(written.ToString().c_str());
        return;
      }
    }
    ForgetGradients(inputs);
  }
  const DeviceMemory others(device);
  const auto renderer = MakeRenderer(mode);
  TimeCalls(
      state, device, others, [&] { ForgetGradients(inputs); },
      [&] { call(*renderer); });
}

}  // namespace

std::string GaussianBenchmarkCell::Name() const {
  return absl::StrCat(NameOf(scene), "/", gaussians, "/", size, "/", cameras);
}

GaussianBenchmarkInputs MakeGaussianBenchmarkInputs(
    const GaussianBenchmarkCell& cell, const c10::Device& device) {
  GaussianBenchmarkInputs inputs;
  const GaussianBatch batch = SharedBatch(cell.scene, cell.gaussians);
  for (const Parameter& parameter : kParameters) {
    inputs.batch.*parameter.tensor =
        (batch.*parameter.tensor).detach().clone().to(device).requires_grad_();
  }
  inputs.batch.time_of_camera.assign(cell.cameras, 0);
  const BenchmarkCameras cameras =
      MakeBenchmarkCameras(cell.cameras, cell.size);
  for (int b = 0; b < cell.cameras; ++b) {
    inputs.cameras.push_back(
        CameraOf(cameras.view_from_world.data() + 12 * b, cell.size));
  }
  inputs.background =
      FloatTensor(cameras.background, {cell.cameras, 3}).to(device);
  const BenchmarkGradients one = MakeBenchmarkGradients(1, cell.size);
  const auto repeat = [&](const std::vector<float>& values, int64_t channels) {
    return FloatTensor(values, {1, channels, cell.size, cell.size})
        .to(device)
        .repeat({cell.cameras, 1, 1, 1});
  };
  inputs.rgb_gradient = repeat(one.rgb, 3);
  inputs.alpha_gradient = repeat(one.alpha, 1);
  inputs.depth_gradient = repeat(one.depth, 1);
  return inputs;
}

absl::Status WriteGaussianBenchmarkArrays(const GaussianBenchmarkCell& cell,
                                          const GaussianRenderer& renderer,
                                          const c10::Device& device,
                                          const std::string& folder) {
  const GaussianBenchmarkInputs inputs =
      MakeGaussianBenchmarkInputs(cell, device);
  std::vector<double> views, focals;
  for (const Camera& camera : inputs.cameras) {
    for (const double x : ViewFromWorld(camera)) views.push_back(x);
    focals.insert(focals.end(), 2, camera.focal());
  }
  const auto of_cameras = [&](const std::vector<double>& values,
                              at::IntArrayRef sizes) {
    return at::tensor(values, at::kDouble).view(sizes).to(at::kFloat);
  };
  const std::string scene =
      absl::StrCat(folder, "/", NameOf(cell.scene), "_", cell.gaussians);
  const std::string cameras =
      absl::StrCat(folder, "/cameras_", cell.cameras, "_", cell.size);
  const std::string gradients = absl::StrCat(folder, "/gradients_", cell.size);
  std::vector<std::pair<std::string, at::Tensor>> arrays = {
      {absl::StrCat(cameras, "/view_from_world"),
       of_cameras(views, {cell.cameras, 3, 4})},
      {absl::StrCat(cameras, "/focal_lengths"),
       of_cameras(focals, {cell.cameras, 2})},
      {absl::StrCat(gradients, "/rgb"), inputs.rgb_gradient[0]},
      {absl::StrCat(gradients, "/alpha"), inputs.alpha_gradient[0]},
      {absl::StrCat(gradients, "/depth"), inputs.depth_gradient[0]},
  };
  for (const Parameter& parameter : kParameters) {
    arrays.emplace_back(absl::StrCat(scene, "/", parameter.name),
                        (inputs.batch.*parameter.tensor)[0]);
  }
  if (int64_t{cell.cameras} * cell.size * cell.size <= kMostPixelsWritten) {
    const std::string results =
        absl::StrCat(scene, "_", cell.size, "_", cell.cameras, "/");
    const GaussianRendering images = DrawAndBackward(renderer, inputs);
    arrays.emplace_back(absl::StrCat(results, "rgb"), images.rgb);
    arrays.emplace_back(absl::StrCat(results, "alpha"), images.alpha);
    arrays.emplace_back(absl::StrCat(results, "depth"), images.depth);
    for (const Parameter& parameter : kParameters) {
      arrays.emplace_back(absl::StrCat(results, parameter.name, "_gradient"),
                          (inputs.batch.*parameter.tensor).grad()[0]);
    }
  }
  for (const auto& [path, tensor] : arrays) {
    DG4D_RETURN_IF_ERROR(WriteNpyFile(absl::StrCat(path, ".npy"), tensor));
  }
  return absl::OkStatus();
}

void RegisterGaussianBenchmarks(const c10::Device& device,
                                const std::string& arrays) {
  for (const auto scene : {BenchmarkScene::kBlob, BenchmarkScene::kShell}) {
    for (const int64_t gaussians : {5000, 10000, 20000, 50000, 100000}) {
      for (const int size : {128, 256, 512}) {
        for (const int cameras : {1, 4, 16, 56}) {
          const GaussianBenchmarkCell cell = {scene, gaussians, size, cameras};
          for (const Mode mode :
               {kForward, kForwardBackward, kForwardBackwardAnyOrder}) {
            const std::string name = absl::StrCat(
                "gaussian_splatting/", cell.Name(), "/", kModeNames[mode]);
            benchmark::RegisterBenchmark(name.c_str(),
                                         [=](benchmark::State& state) {
                                           Run(state, cell, mode, device,
                                               arrays);
                                         })
                ->Iterations(kCalls)
                ->UseManualTime()
                ->Unit(benchmark::kMillisecond);
          }
        }
      }
    }
  }
}

}  // namespace dg4d
