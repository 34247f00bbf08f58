#include "tools/verbs/mesh_benchmark.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <torch/csrc/autograd/autograd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "dg4d/base/random.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/renderer.h"
#include "dg4d/kernels/mesh_test_shapes.h"
#include "dg4d/scene/camera.h"
#include "tools/verbs/device_timing.h"

namespace dg4d {
namespace {

constexpr int kCalls = 10;

struct Cell {
  const char* name;
  bool texture, positions, smooth;
};
constexpr Cell kCells[] = {
    {"forward", false, false, false},
    {"texture", true, false, false},
    {"texture_smooth", true, false, true},
    {"texture_positions", true, true, true},
};

struct World {
  MeshBatch batch;
  std::vector<Camera> cameras;
  at::Tensor background;
  at::Tensor upstream;  // of rgb
};

World MakeWorld(const Cell& cell, int size, int cameras,
                const c10::Device& device) {
  // 2 x 100 x 99 triangles; from a distance of 2 it covers a quarter.
  constexpr int kRows = 100, kTexels = 1024;
  constexpr float kRadius = 0.499f;
  const auto ball = mesh_test::Sphere<float>(kRows, kRows, kRadius);
  const auto rows_of = [&](const auto& values, int64_t columns) {
    return at::tensor(values).view({-1, columns}).to(device);
  };
  at::Generator generator = MakeGenerator(1, "mesh_benchmark");
  World world;
  world.batch = {.vertices = rows_of(ball.vertices, 3)
                                 .unsqueeze(0)
                                 .set_requires_grad(cell.positions),
                 .triangles = rows_of(ball.triangles, 3).to(at::kInt),
                 .uvs = rows_of(ball.uvs, 2),
                 .uv_triangles = rows_of(ball.uv_triangles, 3).to(at::kInt),
                 .texture = Uniform({1, kTexels, kTexels, 3}, 0, 1, generator)
                                .to(device)
                                .set_requires_grad(cell.texture),
                 .mesh_of_camera = std::vector<int>(cameras, 0)};
  for (int k = 0; k < cameras; ++k) {
    world.cameras.push_back(OrbitCamera(
        {.elevation_degrees = -20, .azimuth_degrees = 360.0 * k / cameras},
        {.width = size, .height = size}));
  }
  world.background =
      at::ones({cameras, 3}, at::TensorOptions(device).dtype(at::kFloat));
  world.upstream =
      Uniform({cameras, 3, size, size}, -1, 1, generator).to(device);
  return world;
}

void Run(benchmark::State& state, const Cell& cell, int size, int cameras,
         const c10::Device& device) {
  const World world = MakeWorld(cell, size, cameras, device);
  ConfigNode options;
  options["antialias"] = ConfigNode::Scalar(cell.smooth ? "true" : "false");
  const auto renderer =
      PluginSpec<MeshRenderer>{"mesh_raster", options}.Create().value();
  const auto call = [&] {
    const MeshRendering images =
        renderer->Render(world.batch, world.cameras, world.background);
    if (cell.texture) {
      torch::autograd::backward({images.rgb}, {world.upstream});
    }
  };
  const auto reset = [&] {
    world.batch.vertices.mutable_grad().reset();
    world.batch.texture.mutable_grad().reset();
  };
  const DeviceMemory others(device);
  TimeCalls(state, device, others, reset, call);
  state.counters["coverage"] =
      renderer->Render(world.batch, world.cameras, world.background)
          .alpha.mean()
          .item<double>();
}

}  // namespace

void RegisterMeshBenchmarks(const c10::Device& device) {
  for (const int size : {512, 1024}) {
    for (const int cameras : {1, 4, 16}) {
      for (const Cell& cell : kCells) {
        const std::string name =
            absl::StrCat("mesh_raster/", size, "/", cameras, "/", cell.name);
        benchmark::RegisterBenchmark(name.c_str(),
                                     [=](benchmark::State& state) {
                                       Run(state, cell, size, cameras, device);
                                     })
            ->Iterations(kCalls)
            ->UseManualTime()
            ->Unit(benchmark::kMillisecond);
      }
    }
  }
}

}  // namespace dg4d
