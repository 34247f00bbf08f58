#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>
#include <memory>
#include <vector>

#include "dg4d/base/random.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/renderer.h"
#include "dg4d/testing/sample_scenes.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

std::unique_ptr<MeshRenderer> Make(
    std::vector<std::pair<std::string, std::string>> options = {}) {
  ConfigNode node;
  for (const auto& [key, value] : options) {
    node[key] = ConfigNode::Scalar(value);
  }
  return PluginSpec<MeshRenderer>{"mesh_raster", node}.Create().value();
}

// The square [-1, 1]^2 at z = 0 with a texture of noise, in double.
MeshBatch Square(int64_t size) {
  at::Generator generator = MakeGenerator(1, "texture");
  return {
      .vertices =
          at::tensor({-1., 1., 0., -1., -1., 0., 1., -1., 0., 1., 1., 0.},
                     at::kDouble)
              .view({1, 4, 3}),
      .triangles = at::tensor({0, 1, 2, 0, 2, 3}, at::kInt).view({2, 3}),
      .uvs = at::tensor({0., 0., 0., 1., 1., 1., 1., 0.}, at::kDouble)
                 .view({4, 2}),
      .uv_triangles = at::tensor({0, 1, 2, 0, 2, 3}, at::kInt).view({2, 3}),
      .texture = Uniform({1, size, size, 3}, 0, 1, generator).to(at::kDouble),
      .mesh_of_camera = {0}};
}

// A camera in front in whose image [-1, 1] at z = 0 is all of the height.
Camera Front(int size) {
  return OrbitCamera(
      {.radius = 2},
      {.fov_y = 2 * std::atan(0.5), .width = size, .height = size});
}

at::Tensor White(int64_t images) {
  return at::full({images, 3}, 1.0, at::kDouble);
}

TEST(MeshRaster, ShowsASquareSeenFrontOnAsItsTexture) {
  const MeshBatch square = Square(16);
  const MeshRendering drawn = Make()->Render(square, {Front(16)}, White(1));
  EXPECT_TRUE(
      drawn.rgb[0].allclose(square.texture[0].permute({2, 0, 1}), 0, 1e-9));
  EXPECT_TRUE(drawn.alpha.eq(1).all().item<bool>());
  EXPECT_TRUE(drawn.depth.allclose(at::full_like(drawn.depth, 2.0)));
  EXPECT_NEAR(drawn.uv[0][0][3][5].item<double>(), 5.5 / 16, 1e-12);
  EXPECT_NEAR(drawn.uv[0][1][3][5].item<double>(), 3.5 / 16, 1e-12);
  EXPECT_NEAR(drawn.normals[0][2][7][7].item<double>(), 1, 1e-12);
}

TEST(MeshRaster, MipMapsAveragesWhatAPixelCovers) {
  const MeshBatch square = Square(32);
  const at::Tensor expected =
      square.texture[0].view({8, 4, 8, 4, 3}).mean({1, 3}).permute({2, 0, 1});
  EXPECT_TRUE(Make()
                  ->Render(square, {Front(8)}, White(1))
                  .rgb[0]
                  .allclose(expected, 0, 1e-9));
  EXPECT_FALSE(Make({{"mip_map", "false"}})
                   ->Render(square, {Front(8)}, White(1))
                   .rgb[0]
                   .allclose(expected, 0, 0.05));
}

TEST(MeshRaster, SamplesSmoothSilhouettesAlike) {
  // Coverage from 8 x 8 hard samples agrees with one antialiased sample.
  const Mesh mesh = SampleMesh({.rings = 24, .segments = 32});
  const Camera camera =
      OrbitCamera({.azimuth_degrees = 40}, {.width = 48, .height = 48});
  const at::Tensor white = White(1).to(at::kFloat);
  const at::Tensor smooth =
      Make()->Render(BatchOf(mesh, 1), {camera}, white).alpha;
  const MeshRendering sampled = Make({{"samples", "8"}, {"antialias", "false"}})
                                    ->Render(BatchOf(mesh, 1), {camera}, white);
  EXPECT_EQ(sampled.rgb.sizes(), at::IntArrayRef({1, 3, 48, 48}));
  EXPECT_EQ(sampled.triangle_ids.sizes(), at::IntArrayRef({1, 48, 48}));
  EXPECT_LT((smooth - sampled.alpha).abs().max().item<double>(), 0.2);
  EXPECT_NEAR(smooth.sum().item<double>(), sampled.alpha.sum().item<double>(),
              2);
}

TEST(MeshRaster, SeamsOfTheTextureAreNoSilhouettes) {
  // A sphere of one colour over another background: inside it is of that
  // colour alone, though a seam of UVs runs across.
  Mesh mesh = SampleMesh({.rings = 12, .segments = 16});
  mesh.albedo.pixels = at::zeros_like(mesh.albedo.pixels) + 0.25;
  std::vector<Camera> cameras;
  for (int k = 0; k < 4; ++k) {
    cameras.push_back(OrbitCamera({.azimuth_degrees = 90.0 * k},
                                  {.width = 40, .height = 40}));
  }
  const MeshRendering drawn =
      Make()->Render(BatchOf(mesh, 4), cameras, at::zeros({4, 3}, at::kFloat));
  const at::Tensor inside =
      -at::max_pool2d(-(drawn.triangle_ids >= 0).to(at::kFloat).unsqueeze(1),
                      {3, 3}, {1, 1}, {1, 1}) > 0;
  EXPECT_GT(inside.sum().item<int>(), 400);
  EXPECT_TRUE(drawn.rgb.masked_select(inside)
                  .sub(0.25)
                  .abs()
                  .lt(1e-6)
                  .all()
                  .item<bool>());
}

TEST(MeshRaster, RefusesOptionsWithoutMeaning) {
  ConfigNode options;
  options["samples"] = ConfigNode::Scalar("0");
  EXPECT_FALSE(Registry<Renderer>::Create("mesh_raster", options).ok());
  options["samples"] = ConfigNode::Scalar("1");
  options["border"] = ConfigNode::Scalar("mirror");
  EXPECT_FALSE(Registry<Renderer>::Create("mesh_raster", options).ok());
}

TEST(MeshRaster, HasTheDepthsGradient) {
  MeshBatch square = Square(4);
  square.vertices.requires_grad_();
  Make()->Render(square, {Front(8)}, White(1)).depth.sum().backward();
  // Moving the square by one towards the camera takes one off each depth.
  EXPECT_NEAR(square.vertices.grad()[0].select(1, 2).sum().item<double>(), -64,
              1e-9);
}

TEST(MeshRaster, FitsAShapeToItsSilhouette) {
  // Gradients at silhouettes are enough to move and scale a square into place.
  const std::unique_ptr<MeshRenderer> renderer = Make();
  MeshBatch square = Square(4);
  const at::Tensor rest = square.vertices.clone() * 0.6;
  const auto alpha = [&](const at::Tensor& pose) {  // x, y, scale
    square.vertices = rest * pose[2];
    square.vertices = square.vertices + at::cat({pose.slice(0, 0, 2),
                                                 at::zeros({1}, at::kDouble)});
    return renderer->Render(square, {Front(32)}, White(1)).alpha;
  };
  const at::Tensor target =
      alpha(at::tensor({0.2, -0.1, 1.2}, at::kDouble)).detach();
  at::Tensor pose = at::tensor({0., 0., 1.}, at::kDouble);
  for (int step = 0; step < 60; ++step) {
    pose = pose.detach().requires_grad_();
    (alpha(pose) - target).square().sum().backward();
    pose = pose - 3e-5 * pose.grad();
  }
  EXPECT_LT((alpha(pose.detach()) - target).abs().max().item<double>(), 0.02);
}

using OptionList = std::vector<std::pair<std::string, std::string>>;

class MeshRasterOptions : public testing::TestWithParam<OptionList> {};

// Central differences in double, along random directions, of a closed mesh
// from the side.
TEST_P(MeshRasterOptions, HaveTheGradientsOfTheirImages) {
  const std::unique_ptr<MeshRenderer> renderer = Make(GetParam());
  MeshBatch batch = BatchOf(SampleMesh({.rings = 5, .segments = 7}), 2);
  at::Generator generator = MakeGenerator(3, "directions");
  batch.vertices = batch.vertices.to(at::kDouble);
  batch.uvs = 1.3 * batch.uvs.to(at::kDouble) - 0.15;  // beyond the border too
  batch.texture = Uniform({1, 16, 16, 3}, 0, 1, generator).to(at::kDouble);
  const std::vector<Camera> cameras = {
      OrbitCamera({.azimuth_degrees = 35}, {.width = 20, .height = 16}),
      OrbitCamera({.elevation_degrees = -50}, {.width = 20, .height = 16})};
  const at::Tensor weights = Normal({2, 4, 16, 20}, generator).to(at::kDouble);
  const auto loss = [&] {
    const MeshRendering drawn = renderer->Render(batch, cameras, White(2));
    return (at::cat({drawn.rgb, drawn.alpha}, 1) * weights).sum();
  };
  const std::vector<at::Tensor*> inputs = {&batch.vertices, &batch.uvs,
                                           &batch.texture};
  for (at::Tensor* input : inputs) input->requires_grad_();
  loss().backward();
  for (at::Tensor* input : inputs) {
    const at::Tensor value = *input;
    const at::Tensor direction =
        Normal(value.sizes(), generator).to(at::kDouble);
    *input = value.detach() + 1e-7 * direction;
    const double above = loss().item<double>();
    *input = value.detach() - 1e-7 * direction;
    const double below = loss().item<double>();
    *input = value;
    const double expected = (above - below) / 2e-7;
    EXPECT_GT(std::abs(expected), 1e-3);
    EXPECT_NEAR((value.grad() * direction).sum().item<double>(), expected,
                1e-5 * (1 + std::abs(expected)));
  }
}

INSTANTIATE_TEST_SUITE_P(All, MeshRasterOptions,
                         testing::Values(OptionList{},
                                         OptionList{{"border", "wrap"}},
                                         OptionList{{"mip_map", "false"}},
                                         OptionList{{"antialias", "false"}},
                                         OptionList{{"samples", "3"}}));

TEST(MeshRaster, DifferentiatesWhatIsAskedFor) {
  const std::unique_ptr<MeshRenderer> renderer = Make();
  MeshBatch square = Square(8);
  square.texture.requires_grad_();
  const MeshRendering drawn = renderer->Render(square, {Front(16)}, White(1));
  EXPECT_FALSE(drawn.uv.requires_grad());
  EXPECT_FALSE(drawn.normals.requires_grad());
  drawn.rgb.sum().backward();
  EXPECT_NEAR(square.texture.grad().sum().item<double>(), 3 * 256, 1e-9);
  const at::NoGradGuard no_gradients;
  EXPECT_FALSE(
      renderer->Render(square, {Front(16)}, White(1)).rgb.requires_grad());
}

}  // namespace
}  // namespace dg4d
