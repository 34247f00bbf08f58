#include "dg4d/scene/scene.h"

#include <ATen/ops/zeros.h>

#include <set>

#include "gtest/gtest.h"

namespace dg4d {
namespace {

TEST(Scene, HasNothingAtFirst) {
  for (const Slot slot : kAllSlots) {
    EXPECT_FALSE(HasSlot(Scene{}, slot)) << SlotName(slot);
  }
}

TEST(Scene, HasWhatWasWritten) {
  Scene scene;
  scene.reference.pixels = at::zeros({2, 2, 4});
  EXPECT_TRUE(HasSlot(scene, Slot::kReference));
  scene.video.frames.push_back(scene.reference);
  EXPECT_TRUE(HasSlot(scene, Slot::kVideo));
  scene.proxy.emplace_back();
  EXPECT_TRUE(HasSlot(scene, Slot::kProxy));
  scene.gaussians.means = at::zeros({1, 3});
  EXPECT_TRUE(HasSlot(scene, Slot::kGaussians));
  EXPECT_FALSE(HasSlot(scene, Slot::kGaussianFrames));
  scene.gaussian_frames.times = {0};
  EXPECT_TRUE(HasSlot(scene, Slot::kGaussianFrames));
  EXPECT_FALSE(HasSlot(scene, Slot::kMeshes));
  scene.meshes.emplace_back();
  EXPECT_TRUE(HasSlot(scene, Slot::kMeshes));
}

TEST(SlotName, IsUniquePerSlot) {
  std::set<std::string> names;
  for (const Slot slot : kAllSlots) names.insert(SlotName(slot));
  EXPECT_EQ(names.size(), std::size(kAllSlots));
  EXPECT_EQ(names.count(""), 0u);
  EXPECT_EQ(SlotName(Slot::kGaussianFrames), "gaussian_frames");
}

TEST(FramesPerSecond, CountsTheSamplesOfAFrame) {
  Scene scene;
  scene.video.fps = 8;
  EXPECT_EQ(FramesPerSecond(scene), 8);
  scene.gaussian_frames.times = {0};
  EXPECT_EQ(FramesPerSecond(scene), 8);
  scene.gaussian_frames.times = {0, 1, 2};
  EXPECT_DOUBLE_EQ(FramesPerSecond(scene), 8);
  scene.gaussian_frames.times = {0, 0.25, 0.5, 0.75, 1};
  EXPECT_DOUBLE_EQ(FramesPerSecond(scene), 32);
}

}  // namespace
}  // namespace dg4d
