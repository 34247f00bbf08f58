// Tensors on a GPU against the same on the CPU.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dg4d/base/random.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/renderer.h"
#include "dg4d/testing/cuda_test.h"
#include "dg4d/testing/sample_scenes.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using MeshRasterCuda = CudaTest;

std::unique_ptr<MeshRenderer> Make(
    const std::vector<std::pair<std::string, std::string>>& options) {
  ConfigNode node;
  for (const auto& [key, value] : options) {
    node[key] = ConfigNode::Scalar(value);
  }
  return PluginSpec<MeshRenderer>{"mesh_raster", node}.Create().value();
}

// Two poses of a textured ball, each with its texture, and a background.
struct World {
  MeshBatch batch;
  std::vector<Camera> cameras;
  at::Tensor background;

  std::vector<at::Tensor> parameters() const {
    return {batch.vertices, batch.uvs, batch.texture, background};
  }
};

World MakeWorld(at::ScalarType type) {
  const Mesh mesh = SampleMesh({.rings = 20, .segments = 30});
  at::Generator generator = MakeGenerator(3, "mesh_raster_cuda_test");
  const at::Tensor vertices = at::stack({mesh.vertices, mesh.vertices});
  const auto noise = [&](at::IntArrayRef sizes) {
    return Uniform(sizes, 0, 1, generator).to(type);
  };
  World world = {.batch = {.vertices = vertices.to(type) +
                                       0.02 * (noise(vertices.sizes()) - 0.5),
                           .triangles = mesh.triangles,
                           .uvs = mesh.uvs.to(type),
                           .uv_triangles = mesh.uv_triangles,
                           .texture = noise({2, 64, 128, 3}),
                           .mesh_of_camera = {1, 0, 1}},
                 .background = noise({3, 3})};
  for (int k = 0; k < 3; ++k) {
    world.cameras.push_back(OrbitCamera(
        {.elevation_degrees = 20.0 * k - 30, .azimuth_degrees = 70.0 * k},
        {.width = 75, .height = 60}));
  }
  return world;
}

World OnDevice(const World& world, c10::Device device) {
  World there = world;
  for (at::Tensor* tensor : {&there.batch.vertices, &there.batch.uvs,
                             &there.batch.texture, &there.background}) {
    *tensor = tensor->detach().clone().to(device).requires_grad_();
  }
  there.batch.triangles = world.batch.triangles.to(device);
  there.batch.uv_triangles = world.batch.uv_triangles.to(device);
  return there;
}

struct Drawn {
  MeshRendering images;
  std::vector<at::Tensor> gradients;
};

// Also with gradients of what depends on some of the images alone.
Drawn DrawAndBackward(const MeshRenderer& renderer, const World& world) {
  Drawn drawn = {renderer.Render(world.batch, world.cameras, world.background),
                 {}};
  at::Generator generator = MakeGenerator(4, "upstream");
  at::Tensor loss;
  for (const at::Tensor& image :
       {drawn.images.rgb, drawn.images.alpha, drawn.images.depth}) {
    const at::Tensor weights = Uniform(image.sizes(), -1, 1, generator)
                                   .to(image.scalar_type())
                                   .to(image.device());
    const at::Tensor part = (image * weights).sum();
    loss = loss.defined() ? loss + part : part;
  }
  loss.backward();
  for (const at::Tensor& parameter : world.parameters()) {
    drawn.gradients.push_back(parameter.grad());
  }
  return drawn;
}

double RelativeError(const at::Tensor& actual, const at::Tensor& expected) {
  return ((actual.detach().cpu() - expected.detach()).norm() /
          expected.detach().norm())
      .item<double>();
}

using Options = std::vector<std::pair<std::string, std::string>>;
const std::vector<Options>& AllOptions() {
  static const auto& all = *new std::vector<Options>{
      {},
      {{"mip_map", "false"}},
      {{"antialias", "false"}},
      {{"mip_map", "false"}, {"antialias", "false"}, {"border", "wrap"}},
      {{"samples", "2"}}};
  return all;
}

TEST_F(MeshRasterCuda, DrawsWhatTheCpuDrawsWithItsGradients) {
  const World world = MakeWorld(at::kDouble);
  const char* const kNames[] = {"vertices", "uvs", "texture", "background"};
  for (const Options& options : AllOptions()) {
    SCOPED_TRACE(options.empty() ? "" : options[0].first);
    const auto renderer = Make(options);
    const Drawn here = DrawAndBackward(*renderer, OnDevice(world, at::kCPU));
    const Drawn there = DrawAndBackward(*renderer, OnDevice(world, at::kCUDA));
    EXPECT_TRUE(there.images.triangle_ids.is_cuda());
    EXPECT_TRUE(
        there.images.triangle_ids.cpu().equal(here.images.triangle_ids));
    EXPECT_GT((here.images.triangle_ids >= 0).sum().item<int>(), 2000);
    EXPECT_LT(RelativeError(there.images.rgb, here.images.rgb), 1e-10);
    EXPECT_LT(RelativeError(there.images.alpha, here.images.alpha), 1e-10);
    EXPECT_LT(RelativeError(there.images.depth, here.images.depth), 1e-10);
    EXPECT_LT(RelativeError(there.images.uv, here.images.uv), 1e-10);
    EXPECT_LT(RelativeError(there.images.normals, here.images.normals), 1e-10);
    for (size_t i = 0; i < here.gradients.size(); ++i) {
      EXPECT_TRUE(there.gradients[i].is_cuda());
      EXPECT_LT(RelativeError(there.gradients[i], here.gradients[i]), 1e-9)
          << kNames[i];
    }
  }
}

TEST_F(MeshRasterCuda, DrawsInSinglePrecision) {
  const World world = MakeWorld(at::kFloat);
  const auto renderer = Make({});
  const Drawn here = DrawAndBackward(*renderer, OnDevice(world, at::kCPU));
  const Drawn there = DrawAndBackward(*renderer, OnDevice(world, at::kCUDA));
  // The last bit of a position may decide on a pixel at an edge.
  EXPECT_LT((there.images.triangle_ids.cpu() != here.images.triangle_ids)
                .sum()
                .item<int>(),
            5);
  EXPECT_LT(
      (there.images.rgb.cpu() - here.images.rgb).abs().mean().item<double>(),
      1e-4);
  for (size_t i = 0; i < here.gradients.size(); ++i) {
    EXPECT_LT(RelativeError(there.gradients[i], here.gradients[i]), 2e-2) << i;
  }
}

TEST_F(MeshRasterCuda, HasTheGradientsThatAreAskedForAlone) {
  const World world = MakeWorld(at::kDouble);
  const auto renderer = Make({});
  const Drawn all = DrawAndBackward(*renderer, OnDevice(world, at::kCUDA));
  for (size_t asked = 0; asked < 4; ++asked) {
    const World one = OnDevice(world, at::kCUDA);
    for (size_t i = 0; i < 4; ++i)
      one.parameters()[i].requires_grad_(i == asked);
    const Drawn drawn = DrawAndBackward(*renderer, one);
    for (size_t i = 0; i < 4; ++i) {
      ASSERT_EQ(drawn.gradients[i].defined(), i == asked);
    }
    EXPECT_LT(RelativeError(drawn.gradients[asked], all.gradients[asked].cpu()),
              1e-10);
  }
}

TEST_F(MeshRasterCuda, RefusesTrianglesThatAreOutOfRange) {
  World world = OnDevice(MakeWorld(at::kFloat), at::kCUDA);
  const auto renderer = Make({});
  renderer->Render(world.batch, world.cameras, world.background);
  // Written to since they were found to be in range.
  world.batch.triangles[5][1] = 100000;
  EXPECT_THROW(renderer->Render(world.batch, world.cameras, world.background),
               c10::Error);
}

}  // namespace
}  // namespace dg4d
