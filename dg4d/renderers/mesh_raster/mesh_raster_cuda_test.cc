// Tensors on a GPU against the same on the CPU.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>

#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/renderer.h"
#include "dg4d/testing/cuda_test.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using MeshRasterCuda = CudaTest;

// A square of one texel, green and half as bright as it could be.
MeshBatch Square(c10::Device device) {
  return {.vertices = at::tensor({-1.f, 1.f, 0.f, -1.f, -1.f, 0.f, 1.f, -1.f,
                                  0.f, 1.f, 1.f, 0.f})
                          .view({1, 4, 3})
                          .to(device),
          .triangles =
              at::tensor({0, 1, 2, 0, 2, 3}, at::kInt).view({2, 3}).to(device),
          .uvs = at::tensor({0.f, 0.f, 0.f, 1.f, 1.f, 1.f, 1.f, 0.f})
                     .view({4, 2})
                     .to(device),
          .uv_triangles =
              at::tensor({0, 1, 2, 0, 2, 3}, at::kInt).view({2, 3}).to(device),
          .texture = at::tensor({0.f, 0.5f, 0.f})
                         .view({1, 1, 1, 3})
                         .to(device)
                         .set_requires_grad(true),
          .mesh_of_camera = {0}};
}

TEST_F(MeshRasterCuda, DrawsWhatLiesThereAsOnTheCpu) {
  const auto renderer =
      PluginSpec<MeshRenderer>{"mesh_raster", {}}.Create().value();
  const Camera camera = OrbitCamera({.radius = 3}, {.width = 32, .height = 32});
  const at::Tensor white = at::full({1, 3}, 1.0f);
  const MeshBatch here = Square(at::kCPU), there = Square(at::kCUDA);
  const MeshRendering expected = renderer->Render(here, {camera}, white);
  const MeshRendering drawn =
      renderer->Render(there, {camera}, white.to(at::kCUDA));
  EXPECT_TRUE(drawn.rgb.is_cuda());
  EXPECT_TRUE(drawn.triangle_ids.is_cuda());
  EXPECT_TRUE(drawn.rgb.cpu().equal(expected.rgb));
  EXPECT_TRUE(drawn.depth.cpu().equal(expected.depth));
  expected.rgb.sum().backward();
  drawn.rgb.sum().backward();
  EXPECT_TRUE(there.texture.grad().is_cuda());
  EXPECT_TRUE(there.texture.grad().cpu().allclose(here.texture.grad()));
}

}  // namespace
}  // namespace dg4d
