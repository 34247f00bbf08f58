#include "dg4d/testing/sample_scenes.h"

#include <ATen/ops/equal.h>

#include "gtest/gtest.h"

namespace dg4d {
namespace {

TEST(SampleScenes, HaveClosedMeshesThatFaceOutwards) {
  for (const Scene& scene : {StaticScene(), MovingScene(), ChangingScene()}) {
    for (const Mesh& mesh : scene.meshes) {
      ASSERT_TRUE(CheckMesh(mesh).ok()) << CheckMesh(mesh);
      const MeshTopology topology = AnalyzeTopology(mesh);
      EXPECT_TRUE(topology.closed_manifold());
      EXPECT_EQ(topology.components, 1);
      EXPECT_GT(topology.signed_volume, 0.3);
    }
  }
}

TEST(SampleScenes, MoveAndChangeAsTheirNamesSay) {
  const Scene moving = MovingScene();
  EXPECT_TRUE(HaveOneTopology(moving.meshes));
  EXPECT_TRUE(HaveOneTexture(moving.meshes));
  EXPECT_FALSE(at::equal(moving.meshes[0].vertices, moving.meshes[1].vertices));
  EXPECT_FALSE(at::equal(moving.gaussian_frames.means[0],
                         moving.gaussian_frames.means[1]));
  const Scene changing = ChangingScene();
  EXPECT_FALSE(HaveOneTopology(changing.meshes));
  EXPECT_FALSE(HaveOneTexture(changing.meshes));
}

TEST(SampleScenes, HaveSomethingInEverySlotButTheProxy) {
  const Scene scene = MovingScene();
  for (const Slot slot : kAllSlots) {
    EXPECT_EQ(HasSlot(scene, slot), slot != Slot::kProxy) << SlotName(slot);
  }
  EXPECT_EQ(scene.meshes.size(), scene.gaussian_frames.times.size());
}

}  // namespace
}  // namespace dg4d
