#include "dg4d/formats/scene_io.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

at::Tensor Ramp(at::IntArrayRef sizes) {
  int64_t count = 1;
  for (const int64_t size : sizes) count *= size;
  return at::arange(count, at::kFloat).view(sizes) / count;
}

Mesh SampleMesh(float shift, float shade) {
  Mesh mesh;
  mesh.vertices = Ramp({4, 3}) + shift;
  mesh.triangles = at::arange(6, at::kInt).remainder(4).view({2, 3});
  mesh.normals = Ramp({4, 3});
  mesh.uvs = Ramp({5, 2});
  mesh.uv_triangles = at::arange(6, at::kInt).remainder(5).view({2, 3});
  mesh.albedo.pixels = at::full({2, 2, 3}, shade);
  return mesh;
}

Scene SampleScene() {
  Scene scene;
  scene.reference.pixels = Ramp({4, 4, 4});
  scene.reference_camera = OrbitCamera({-20, 30, 2.5}, {.width = 4});
  scene.video = {.frames = {{Ramp({4, 4, 4})}, {Ramp({4, 4, 4}) * 0.5}},
                 .fps = 8};
  scene.proxy = {SampleMesh(0, 0.5), SampleMesh(1, 0.5)};
  scene.gaussians = {Ramp({3, 3}), Ramp({3, 4}), Ramp({3, 3}), Ramp({3, 1}),
                     Ramp({3, 4, 3})};
  scene.gaussian_frames = {Ramp({2, 3, 3}),
                           Ramp({2, 3, 4}),
                           Ramp({2, 3, 3}),
                           Ramp({2, 3, 1}),
                           {0, 0.5}};
  scene.meshes = {SampleMesh(0, 0.5), SampleMesh(1, 0.25)};
  return scene;
}

// Each slot of `scene`, written and read again.
Scene Again(const Scene& scene) {
  Scene again;
  for (const Slot slot : kAllSlots) {
    const absl::Status status =
        SlotFromTensors(SlotToTensors(scene, slot), slot, again);
    EXPECT_TRUE(status.ok()) << SlotName(slot) << ": " << status;
  }
  return again;
}

TEST(SceneIo, ReadsBackEverySlot) {
  const Scene scene = SampleScene();
  const Scene again = Again(scene);
  for (const Slot slot : kAllSlots) {
    const auto expected = SlotToTensors(scene, slot);
    const auto actual = SlotToTensors(again, slot);
    ASSERT_EQ(expected.size(), actual.size()) << SlotName(slot);
    for (const auto& [name, tensor] : expected) {
      EXPECT_TRUE(tensor.equal(actual.at(name))) << name;
    }
  }
  EXPECT_EQ(again.reference_camera.position(),
            scene.reference_camera.position());
  EXPECT_EQ(again.video.fps, 8);
  EXPECT_TRUE(again.video.frames[1].pixels.equal(scene.video.frames[1].pixels));
  EXPECT_THAT(again.gaussian_frames.times, testing::ElementsAre(0, 0.5));
  EXPECT_TRUE(
      again.meshes[1].albedo.pixels.equal(scene.meshes[1].albedo.pixels));
  EXPECT_TRUE(again.meshes[1].vertices.equal(scene.meshes[1].vertices));
}

TEST(SceneIo, SharesWhatMeshesOfOneTopologyHaveInCommon) {
  const Scene scene = SampleScene();
  const auto proxy = SlotToTensors(scene, Slot::kProxy);
  EXPECT_EQ(proxy.at("proxy/vertices").size(0), 2);
  EXPECT_EQ(proxy.count("proxy/albedo"), 1u);
  EXPECT_EQ(proxy.count("proxy/0001/albedo"), 0u);
}

TEST(SceneIo, KeepsMeshesOfSeveralTopologies) {
  Scene scene;
  scene.meshes = {SampleMesh(0, 0.5), SampleMesh(1, 0.25)};
  scene.meshes[1].triangles = at::arange(3, at::kInt).view({1, 3});
  scene.meshes[1].uv_triangles = scene.meshes[1].triangles;
  scene.meshes[1].normals = at::Tensor();
  const Scene again = [&] {
    Scene read;
    EXPECT_TRUE(SlotFromTensors(SlotToTensors(scene, Slot::kMeshes),
                                Slot::kMeshes, read)
                    .ok());
    return read;
  }();
  EXPECT_EQ(again.meshes[0].triangle_count(), 2);
  EXPECT_EQ(again.meshes[1].triangle_count(), 1);
  EXPECT_FALSE(again.meshes[1].normals.defined());
}

TEST(SceneIo, NamesWhatIsMissingOrMisshapen) {
  auto tensors = SlotToTensors(SampleScene(), Slot::kGaussians);
  Scene scene;
  tensors["gaussians/log_scales"] = at::zeros({2, 3});
  absl::Status status = SlotFromTensors(tensors, Slot::kGaussians, scene);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(status.message(), "'gaussians/log_scales' has the wrong shape");
  tensors.erase("gaussians/means");
  status = SlotFromTensors(tensors, Slot::kGaussians, scene);
  EXPECT_EQ(status.message(), "'gaussians/means' is missing");
  EXPECT_TRUE(scene.gaussians.empty());
}

}  // namespace
}  // namespace dg4d
