#include "dg4d/stages/texture_refinement/trainable_meshes.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>

#include <map>
#include <string>
#include <vector>

#include "dg4d/testing/sample_scenes.h"
#include "gtest/gtest.h"

namespace dg4d::texture_refinement {
namespace {

const c10::Device kCpu(c10::kCPU);

// Sets one trained tensor, through a state.
void Set(TrainableMeshes& meshes, const std::string& name,
         const at::Tensor& value) {
  StateArchive saved;
  meshes.VisitState(saved);
  std::map<std::string, at::Tensor> tensors = saved.tensors();
  ASSERT_TRUE(tensors.count(name)) << name;
  tensors[name] = value;
  StateArchive archive(tensors);
  meshes.VisitState(archive);
}

Mesh MeshWithAlbedo(const at::Tensor& pixels) {
  Mesh mesh = SampleMesh();
  mesh.albedo = {.pixels = pixels};
  return mesh;
}

TEST(TrainableMeshes, ComeBackAsTheyWent) {
  const Scene scene = ChangingScene(3);
  const TrainableMeshes meshes(scene.meshes, {0, 1, 2},
                               {.share_texture = false}, kCpu);
  const std::vector<Mesh> result = meshes.Result();
  ASSERT_EQ(result.size(), 3);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(at::equal(result[i].vertices, scene.meshes[i].vertices));
    // Colours at 0 and 1 move by less than an 8-bit step.
    EXPECT_TRUE(at::allclose(result[i].albedo.pixels,
                             scene.meshes[i].albedo.pixels.narrow(2, 0, 3), 0,
                             1.0 / 500));
  }
  EXPECT_EQ(meshes.ColourChange().item<float>(), 0);
}

TEST(TrainableMeshes, TotalVariationIsZeroForOneColourOnly) {
  const TrainableMeshes flat({MeshWithAlbedo(at::full({4, 6, 3}, 0.3))}, {0},
                             {}, kCpu);
  EXPECT_NEAR(flat.TotalVariation().item<double>(), 0, 1e-12);
  // Rows of 0.25 and 0.75 in turn: each vertical step is 0.5.
  at::Tensor stripes = at::full({4, 6, 3}, 0.25);
  stripes[1].fill_(0.75);
  stripes[3].fill_(0.75);
  const TrainableMeshes striped({MeshWithAlbedo(stripes)}, {0}, {}, kCpu);
  EXPECT_NEAR(striped.TotalVariation().item<double>(), 0.25, 1e-6);
}

TEST(TrainableMeshes, RoughnessIsZeroWhereAllVerticesMoveAlike) {
  const Mesh mesh = SampleMesh();
  TrainableMeshes meshes({mesh}, {0}, {.geometry_rate = {1e-3, 1e-3, 1}}, kCpu);
  EXPECT_EQ(meshes.Roughness().item<float>(), 0);
  Set(meshes, "offsets0", at::full({mesh.vertex_count(), 3}, 0.5));
  EXPECT_NEAR(meshes.Roughness().item<double>(), 0, 1e-12);
  at::Tensor spike = at::zeros_like(mesh.vertices);
  spike[3][1] = 1;
  Set(meshes, "offsets0", spike);
  EXPECT_GT(meshes.Roughness().item<double>(), 1.0 / spike.numel());
  EXPECT_TRUE(at::allclose(meshes.Result()[0].vertices, mesh.vertices + spike));
}

TEST(TrainableMeshes, OneTopologySharesTextureAndOffsets) {
  const Scene scene = MovingScene(3);
  TrainableMeshes meshes(
      scene.meshes, {0, 1, 2},
      {.share_texture = true, .geometry_rate = {1e-3, 1e-3, 1}}, kCpu);
  const at::Tensor offsets = at::full({scene.meshes[0].vertex_count(), 3}, 0.1);
  Set(meshes, "offsets0", offsets);
  Set(meshes, "texture0",
      at::full(scene.meshes[0].albedo.pixels.narrow(2, 0, 3).sizes(), 1.0));
  const std::vector<Mesh> result = meshes.Result();
  EXPECT_TRUE(HaveOneTopology(result));
  EXPECT_TRUE(HaveOneTexture(result));
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(
        at::allclose(result[i].vertices, scene.meshes[i].vertices + offsets));
  }
  EXPECT_GT(meshes.ColourChange().item<double>(), 0);
}

TEST(TrainableMeshes, SeveralTopologiesCannotShareATexture) {
  const Scene scene = ChangingScene(2);
  EXPECT_ANY_THROW(
      TrainableMeshes(scene.meshes, {0, 1}, {.share_texture = true}, kCpu));
}

}  // namespace
}  // namespace dg4d::texture_refinement
