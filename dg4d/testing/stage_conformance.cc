// What every Stage promises. Linked with plugins, tests each of them.

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dg4d/base/parallel.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/run_context.h"
#include "dg4d/core/stage.h"
#include "dg4d/formats/image_io.h"
#include "dg4d/formats/scene_io.h"
#include "dg4d/testing/conformance_options.h"
#include "dg4d/testing/options_conformance.h"
#include "dg4d/testing/sample_scenes.h"
#include "dg4d/testing/stop_after.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

constexpr int kFrames = 3;

// Every slot filled: what any stage may find.
Scene FullScene() {
  Scene scene = MovingScene(kFrames);
  for (int i = 0; i < kFrames; ++i) {
    scene.proxy.push_back(
        SampleMesh({.phase = static_cast<double>(i) / kFrames}));
  }
  return scene;
}

bool Contains(const std::vector<Slot>& slots, Slot slot) {
  return std::find(slots.begin(), slots.end(), slot) != slots.end();
}

class StageConformance : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    directory_ = testing::TempDir() + "/stage_" + GetParam();
    std::filesystem::remove_all(directory_);
    settings_.output_directory = directory_ + "/out";
    settings_.input_image = directory_ + "/picture.png";
    const absl::Status written =
        WritePng(settings_.input_image, FullScene().reference);
    ASSERT_TRUE(written.ok()) << written;
    auto stage =
        Registry<Stage>::Create(GetParam(), ConformanceOptions(GetParam()));
    ASSERT_TRUE(stage.ok()) << stage.status();
    stage_ = *std::move(stage);
  }
  void TearDown() override { SetThreads(1); }

  // What the stage may read, and nothing else.
  Scene InputScene() const {
    Scene scene = FullScene();
    const StageContract contract = stage_->Contract();
    for (const Slot slot : kAllSlots) {
      if (!Contains(contract.reads, slot) &&
          !Contains(contract.reads_if_present, slot)) {
        ClearSlot(slot, scene);
      }
    }
    return scene;
  }

  absl::Status Run(Scene& scene) const {
    RunContext context(settings_);
    context.EnterStage(GetParam());
    return stage_->Run(context, scene);
  }

  std::string directory_;
  RunContext::Settings settings_;
  std::unique_ptr<Stage> stage_;
};

TEST_P(StageConformance, ReadsItsOptionsStrictly) {
  ExpectOptionsConform<Stage>(GetParam(), ConformanceOptions(GetParam()));
}

TEST_P(StageConformance, WritesTheSlotsItDeclaresAndNoOther) {
  const Scene before = InputScene();
  Scene scene = before;
  const absl::Status status = Run(scene);
  ASSERT_TRUE(status.ok()) << status;
  const StageContract contract = stage_->Contract();
  ASSERT_FALSE(contract.writes.empty());
  for (const Slot slot : kAllSlots) {
    if (Contains(contract.writes, slot)) {
      EXPECT_TRUE(HasSlot(scene, slot)) << SlotName(slot);
      continue;
    }
    ASSERT_EQ(HasSlot(scene, slot), HasSlot(before, slot)) << SlotName(slot);
    if (!HasSlot(before, slot)) continue;
    const auto expected = SlotToTensors(before, slot);
    const auto actual = SlotToTensors(scene, slot);
    for (const auto& [name, tensor] : expected) {
      EXPECT_TRUE(at::equal(tensor, actual.at(name))) << name;
    }
  }
}

TEST_P(StageConformance, RefusesASceneWithoutWhatItReads) {
  for (const Slot slot : stage_->Contract().reads) {
    Scene scene = InputScene();
    ClearSlot(slot, scene);
    const absl::Status status = Run(scene);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_NE(status.message().find(SlotName(slot)), std::string::npos);
  }
}

TEST_P(StageConformance, GivesTheSameBytesWithOneAndTwoThreads) {
  std::map<std::string, at::Tensor> results[2];
  for (const int threads : {1, 2}) {
    SetThreads(threads);
    Scene scene = InputScene();
    const absl::Status status = Run(scene);
    ASSERT_TRUE(status.ok()) << status;
    for (const Slot slot : stage_->Contract().writes) {
      results[threads - 1].merge(SlotToTensors(scene, slot));
    }
  }
  ASSERT_EQ(results[0].size(), results[1].size());
  for (const auto& [name, tensor] : results[0]) {
    EXPECT_TRUE(at::equal(tensor, results[1].at(name))) << name;
  }
}

TEST_P(StageConformance, LeavesTheGlobalGeneratorAlone) {
  const at::Generator& global = at::detail::getDefaultCPUGenerator();
  const at::Tensor before = global.get_state();
  Scene scene = InputScene();
  ASSERT_TRUE(Run(scene).ok());
  EXPECT_TRUE(at::equal(before, global.get_state()));
}

TEST_P(StageConformance, StopsAfterAStepAndGoesOnToTheSameResult) {
  Scene whole = InputScene();
  ASSERT_TRUE(Run(whole).ok());

  RunControl control;
  StopAfter stopper(1, control);
  settings_.control = &control;
  settings_.observers = {&stopper};
  Scene scene = InputScene();
  const absl::Status status = Run(scene);
  if (stopper.last_step() == 0) {
    EXPECT_TRUE(status.ok()) << status;  // it has no steps to stop after
    return;
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled) << status;
  EXPECT_EQ(stopper.last_step(), 1);

  control.state = RunControl::kRun;
  settings_.observers.clear();
  settings_.resume = true;
  scene = InputScene();
  const absl::Status resumed = Run(scene);
  ASSERT_TRUE(resumed.ok()) << resumed;
  for (const Slot slot : stage_->Contract().writes) {
    const auto expected = SlotToTensors(whole, slot);
    const auto actual = SlotToTensors(scene, slot);
    ASSERT_EQ(expected.size(), actual.size());
    for (const auto& [name, tensor] : expected) {
      EXPECT_TRUE(at::equal(tensor, actual.at(name))) << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Linked, StageConformance,
                         testing::ValuesIn(Registry<Stage>::Names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace dg4d
