// What every MeshRenderer promises. Linked with plugins, tests each of them.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_cross.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "dg4d/base/random.h"
#include "dg4d/core/renderer.h"
#include "dg4d/testing/renderer_conformance.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

// Off the axes, on which edges of the octahedron would coincide.
std::vector<Camera> MakeCameras(int count, int width, int height) {
  return CamerasAround(count, width, height, /*first_azimuth_degrees=*/13);
}

// Poses of an octahedron with a patch of texture of its own for each face, in
// double.
MeshBatch MakeBatch(int64_t meshes, int64_t textures) {
  at::Generator generator = MakeGenerator(1, "meshes");
  const at::Tensor corners = at::tensor({1., 0., 0., -1., 0., 0., 0., 1., 0.,
                                         0., -1., 0., 0., 0., 1., 0., 0., -1.},
                                        at::kDouble)
                                 .view({1, 6, 3});
  MeshBatch batch = {
      .vertices =
          0.6 * corners +
          Uniform({meshes, 6, 3}, -0.15, 0.15, generator).to(at::kDouble),
      .triangles = at::tensor({0, 2, 4, 2, 1, 4, 1, 3, 4, 3, 0, 4,
                               2, 0, 5, 1, 2, 5, 3, 1, 5, 0, 3, 5},
                              at::kInt)
                       .view({8, 3}),
      .uvs = Uniform({24, 2}, 0.1, 0.9, generator).to(at::kDouble),
      .uv_triangles = at::arange(24, at::kInt).view({8, 3}),
      .texture =
          Uniform({textures, 8, 16, 3}, 0, 1, generator).to(at::kDouble)};
  batch.mesh_of_camera = {0};
  return batch;
}

// A loss in which every value of rgb and alpha counts differently.
at::Tensor Loss(const MeshRendering& rendering) {
  return WeighedSum(rendering.rgb, 1) + WeighedSum(rendering.alpha, 2);
}

class MeshRendererConformance : public testing::TestWithParam<std::string> {
 protected:
  MeshRendering Draw(const MeshBatch& batch,
                     const std::vector<Camera>& cameras) const {
    return renderer_->Render(batch, cameras, Backgrounds(cameras.size()));
  }

  const std::unique_ptr<MeshRenderer> renderer_ =
      MakeRenderer<MeshRenderer>(GetParam()).value();
};

TEST_P(MeshRendererConformance, ShowsTheBackgroundWhereNothingIs) {
  const std::vector<Camera> cameras = MakeCameras(2, 9, 6);
  const at::Tensor background =
      Backgrounds(2).view({2, 3, 1, 1}).expand({2, 3, 6, 9});
  MeshBatch empty = MakeBatch(1, 1);
  empty.triangles = empty.triangles.slice(0, 0, 0);
  empty.uv_triangles = empty.uv_triangles.slice(0, 0, 0);
  MeshBatch away = MakeBatch(1, 1);
  away.vertices = away.vertices + 1000;
  for (MeshBatch* batch : {&empty, &away}) {
    batch->mesh_of_camera = {0, 0};
    batch->vertices.requires_grad_();
    const MeshRendering drawn = Draw(*batch, cameras);
    EXPECT_TRUE(Same(drawn.rgb, background));
    EXPECT_TRUE(Same(drawn.alpha, at::zeros({2, 1, 6, 9}, at::kDouble)));
    EXPECT_TRUE(Same(drawn.depth, at::zeros({2, 1, 6, 9}, at::kDouble)));
    EXPECT_TRUE(drawn.triangle_ids.eq(-1).all().item<bool>());
    EXPECT_TRUE(Same(drawn.uv, at::zeros({2, 2, 6, 9}, at::kDouble)));
    EXPECT_TRUE(Same(drawn.normals, at::zeros({2, 3, 6, 9}, at::kDouble)));
    Loss(drawn).backward();
    EXPECT_FALSE(batch->vertices.grad().any().item<bool>());
  }
}

TEST_P(MeshRendererConformance, TellsWhatIsSeenWhere) {
  const std::vector<Camera> cameras = MakeCameras(2, 20, 16);
  MeshBatch batch = MakeBatch(1, 1);
  batch.mesh_of_camera = {0, 0};
  const MeshRendering drawn = Draw(batch, cameras);
  EXPECT_EQ(drawn.triangle_ids.sizes(), at::IntArrayRef({2, 16, 20}));
  EXPECT_EQ(drawn.triangle_ids.scalar_type(), at::kInt);
  const at::Tensor hit = drawn.triangle_ids >= 0;
  EXPECT_GT(hit.sum().item<int>(), 60);
  EXPECT_TRUE(drawn.alpha.ge(0).all().item<bool>());
  EXPECT_TRUE(drawn.alpha.le(1).all().item<bool>());
  EXPECT_TRUE(drawn.depth.squeeze(1).gt(1).eq(hit).all().item<bool>());
  const at::Tensor length = drawn.normals.norm(2, 1);
  EXPECT_TRUE(Same(length, hit.to(at::kDouble)));
  for (int b = 0; b < 2; ++b) {
    for (int y = 0; y < 16; ++y) {
      for (int x = 0; x < 20; ++x) {
        if (!hit[b][y][x].item<bool>()) continue;
        // The seen point, from depth, is in its triangle's plane.
        const Camera& camera = cameras[b];
        const double z = drawn.depth[b][0][y][x].item<double>();
        const double eye[3] = {(x + 0.5 - 10) / camera.focal() * z,
                               -(y + 0.5 - 8) / camera.focal() * z, -z};
        const at::Tensor m =
            at::tensor(at::ArrayRef<double>(camera.world_from_camera),
                       at::kDouble)
                .view({4, 4});
        const at::Tensor point =
            m.slice(0, 0, 3).slice(1, 0, 3).matmul(
                at::tensor(at::ArrayRef<double>(eye, 3), at::kDouble)) +
            m.slice(0, 0, 3).select(1, 3);
        const at::Tensor corners = batch.vertices[0].index_select(
            0, batch.triangles[drawn.triangle_ids[b][y][x].item<int>()].to(
                   at::kLong));
        const at::Tensor normal =
            at::linalg_cross(corners[1] - corners[0], corners[2] - corners[0]);
        EXPECT_NEAR((point - corners[0]).dot(normal).item<double>(), 0, 1e-9);
      }
    }
  }
}

TEST_P(MeshRendererConformance, DrawsABatchAsOneByOne) {
  const std::vector<Camera> cameras = MakeCameras(4, 20, 14);
  MeshBatch batch = MakeBatch(3, 3);
  batch.mesh_of_camera = {2, 0, 1, 2};
  const MeshRendering together = Draw(batch, cameras);
  for (int b = 0; b < 4; ++b) {
    const int mesh = batch.mesh_of_camera[b];
    MeshBatch one = batch;
    one.vertices = batch.vertices.slice(0, mesh, mesh + 1);
    one.texture = batch.texture.slice(0, mesh, mesh + 1);
    one.mesh_of_camera = {0};
    const MeshRendering alone =
        renderer_->Render(one, {cameras[b]}, Backgrounds(4).slice(0, b, b + 1));
    EXPECT_TRUE(Same(alone.rgb[0], together.rgb[b]));
    EXPECT_TRUE(Same(alone.alpha[0], together.alpha[b]));
    EXPECT_TRUE(Same(alone.depth[0], together.depth[b]));
    EXPECT_TRUE(Same(alone.uv[0], together.uv[b]));
    EXPECT_TRUE(Same(alone.normals[0], together.normals[b]));
    EXPECT_TRUE(alone.triangle_ids[0].equal(together.triangle_ids[b]));
  }
}

TEST_P(MeshRendererConformance, DoesNotDependOnTheOrderOfTriangles) {
  const std::vector<Camera> cameras = MakeCameras(2, 16, 16);
  MeshBatch batch = MakeBatch(1, 1);
  batch.mesh_of_camera = {0, 0};
  MeshBatch reversed = batch;
  reversed.triangles = batch.triangles.flip(0);
  reversed.uv_triangles = batch.uv_triangles.flip(0);
  const MeshRendering expected = Draw(batch, cameras);
  const MeshRendering actual = Draw(reversed, cameras);
  EXPECT_TRUE(Same(actual.rgb, expected.rgb));
  EXPECT_TRUE(Same(actual.alpha, expected.alpha));
  EXPECT_TRUE(Same(actual.depth, expected.depth));
}

TEST_P(MeshRendererConformance, IgnoresVerticesThatAreNoNumbers) {
  const std::vector<Camera> cameras = MakeCameras(1, 16, 16);
  MeshBatch batch = MakeBatch(1, 1);
  const MeshRendering expected = Draw(batch, cameras);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  batch.vertices =
      at::cat({batch.vertices, at::full({1, 1, 3}, nan, at::kDouble)}, 1)
          .requires_grad_();
  batch.triangles = at::cat(
      {batch.triangles, at::tensor({0, 2, 6}, at::kInt).view({1, 3})}, 0);
  batch.uv_triangles = at::cat(
      {batch.uv_triangles, at::tensor({0, 1, 2}, at::kInt).view({1, 3})}, 0);
  const MeshRendering actual = Draw(batch, cameras);
  EXPECT_TRUE(actual.triangle_ids.equal(expected.triangle_ids));
  EXPECT_TRUE(Same(actual.depth, expected.depth));
  Loss(actual).backward();
  EXPECT_TRUE(batch.vertices.grad().isfinite().all().item<bool>());
  EXPECT_TRUE(batch.vertices.grad().any().item<bool>());
}

// Moving each input alone changes the loss as its gradient says.
TEST_P(MeshRendererConformance, HasTheGradientsOfItsImages) {
  const std::vector<Camera> cameras = MakeCameras(3, 24, 18);
  MeshBatch batch = MakeBatch(2, 2);
  batch.mesh_of_camera = {1, 0, 1};
  at::Tensor background = Backgrounds(3);
  const std::vector<at::Tensor*> inputs = {&batch.vertices, &batch.uvs,
                                           &batch.texture, &background};
  for (at::Tensor* input : inputs) input->requires_grad_();
  const auto loss = [&] {
    return Loss(renderer_->Render(batch, cameras, background));
  };
  loss().backward();
  at::Generator generator = MakeGenerator(2, "directions");
  for (size_t k = 0; k < inputs.size(); ++k) {
    SCOPED_TRACE(testing::Message() << "input " << k);
    const at::Tensor gradient = inputs[k]->grad();
    ASSERT_TRUE(gradient.defined());
    for (int repeat = 0; repeat < 3; ++repeat) {
      const at::Tensor direction =
          Normal(inputs[k]->sizes(), generator).to(at::kDouble);
      ExpectGradientAlong(direction, 1e-7, gradient, *inputs[k], loss);
    }
  }
}

TEST_P(MeshRendererConformance, DrawsFloatsAsDoubles) {
  const std::vector<Camera> cameras = MakeCameras(2, 16, 12);
  MeshBatch batch = MakeBatch(1, 1);
  batch.mesh_of_camera = {0, 0};
  const MeshRendering expected = Draw(batch, cameras);
  batch.vertices = batch.vertices.to(at::kFloat);
  batch.uvs = batch.uvs.to(at::kFloat);
  batch.texture = batch.texture.to(at::kFloat);
  const MeshRendering actual =
      renderer_->Render(batch, cameras, Backgrounds(2).to(at::kFloat));
  EXPECT_EQ(actual.rgb.scalar_type(), at::kFloat);
  EXPECT_TRUE(actual.rgb.to(at::kDouble).allclose(expected.rgb, 1e-3, 1e-3));
  EXPECT_TRUE(
      actual.alpha.to(at::kDouble).allclose(expected.alpha, 1e-3, 1e-3));
}

TEST_P(MeshRendererConformance, RefusesBatchesThatDoNotFit) {
  const std::vector<Camera> cameras = MakeCameras(2, 8, 8);
  const MeshBatch good = MakeBatch(2, 1);
  const auto expect_refused = [&](const MeshBatch& batch, const char* name) {
    EXPECT_THAT(
        [&] { Draw(batch, cameras); },
        testing::ThrowsMessage<std::exception>(testing::HasSubstr(name)));
  };
  MeshBatch batch = good;
  batch.mesh_of_camera = {0, 2};
  expect_refused(batch, "mesh_of_camera");
  batch = good;
  batch.mesh_of_camera = {0, 1};
  batch.triangles = batch.triangles + 1;
  expect_refused(batch, "triangles");
  batch.triangles = good.triangles;
  batch.uv_triangles = good.uv_triangles.slice(0, 1);
  expect_refused(batch, "uv_triangles");
  batch.uv_triangles = good.uv_triangles;
  batch.texture = at::zeros({3, 4, 4, 3}, at::kDouble);
  expect_refused(batch, "texture");
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(MeshRendererConformance);
INSTANTIATE_TEST_SUITE_P(Linked, MeshRendererConformance,
                         testing::ValuesIn(LinkedRenderers<MeshRenderer>()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace dg4d
