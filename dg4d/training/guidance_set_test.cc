#include "dg4d/training/guidance_set.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>

#include <map>
#include <string>
#include <vector>

#include "dg4d/base/random.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/run_context.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

// Its loss is the mean of the images plus the number it drew.
template <ViewPattern kPattern>
class FakeGuidance : public Guidance {
 public:
  using Options = NoOptions;
  explicit FakeGuidance(Options) {}

  absl::Status Prepare(const Scene& scene, RunContext&) override {
    if (HasSlot(scene, Slot::kVideo)) {
      return absl::InvalidArgumentError("wants no video");
    }
    return absl::OkStatus();
  }
  ViewPattern Pattern() const override { return kPattern; }
  OwnViews ChooseViews(int count, double last_frame,
                       at::Generator&) const override {
    return {.cameras = std::vector<Camera>(count),
            .frames = std::vector<double>(count, std::min(0.5, last_frame))};
  }
  Draws Draw(const Views& views, double,
             at::Generator& generator) const override {
    const int64_t clips = views.size() / views.frames_per_clip;
    return {{"time", Uniform({}, 0, 1, generator)},
            {"clip_noise", Uniform({clips, 2}, 0, 1, generator)},
            {"noise", Uniform({views.size()}, 0, 1, generator)}};
  }
  at::Tensor Loss(const Views& views, const Draws& draws) override {
    return views.rgb.mean() + draws.at("noise").mean();
  }
  std::vector<std::string> TakeWarnings() override {
    if (kPattern != ViewPattern::kClips) return {};
    return {"clips are long"};
  }
};

class GuidanceSetTest : public testing::Test {
 protected:
  static GuidanceSet Make(const std::vector<std::string>& names) {
    std::vector<WeightedPlugin<Guidance>> specs;
    for (const std::string& name : names) {
      WeightedPlugin<Guidance>& spec = specs.emplace_back();
      spec.plugin = name;
      spec.weight = 2;
    }
    return *GuidanceSet::Create(specs);
  }

  ScopedRegistration<Guidance, FakeGuidance<ViewPattern::kIndependent>> any_{
      "any"};
  ScopedRegistration<Guidance, FakeGuidance<ViewPattern::kClips>> clips_{
      "clips"};
  ScopedRegistration<Guidance, FakeGuidance<ViewPattern::kFourAround>> four_{
      "four"};
  ScopedRegistration<Guidance, FakeGuidance<ViewPattern::kOwn>> own_{"own"};
  at::Generator generator_ = MakeGenerator(0, "test");
  ViewSampler sampler_{{.count = 3}, OrbitCamera({.radius = 2})};
};

TEST_F(GuidanceSetTest, GuidancesOfOnePatternShareTheirViews) {
  const GuidanceSet set = Make({"any", "any"});
  const auto batches = set.Plan(sampler_, {0, 1}, 0, generator_);
  ASSERT_EQ(batches.size(), 1);
  EXPECT_EQ(batches[0].views.size(), 6);
  EXPECT_EQ(batches[0].judges.size(), 2);
}

TEST_F(GuidanceSetTest, OneContentWithAnyViewJoinsTheClips) {
  const GuidanceSet set = Make({"any", "four", "clips", "own"});
  const auto batches = set.Plan(sampler_, {0, 1}, 0, generator_);
  ASSERT_EQ(batches.size(), 3);
  ASSERT_EQ(batches[0].judges.size(), 2);
  EXPECT_EQ(batches[0].judges[0].guidance, 0);
  EXPECT_EQ(batches[0].judges[1].guidance, 2);
  EXPECT_EQ(batches[1].views.size(), 24);
  ASSERT_EQ(batches[2].judges.size(), 1);
  EXPECT_EQ(batches[2].judges[0].guidance, 3);
  EXPECT_EQ(batches[2].views.frames[0], 0.5);
}

TEST_F(GuidanceSetTest, LossOfTheBatchesIsTheMeanOverAllViews) {
  sampler_ = ViewSampler({.count = 5, .max_views_per_batch = 2},
                         OrbitCamera({.radius = 2}));
  const GuidanceSet set = Make({"any"});
  auto batches = set.Plan(sampler_, {0}, 0, generator_);
  ASSERT_EQ(batches.size(), 3);
  double sum = 0, expected = 0;
  for (GuidedBatch& batch : batches) {
    batch.views.rgb = at::full({batch.views.size(), 3, 2, 2}, 0.25);
    sum += set.Loss(batch).item<double>();
    expected += 2 * batch.judges[0].draws.at("noise").sum().item<double>() / 5;
  }
  EXPECT_NEAR(sum, expected + 2 * 0.25, 1e-6);
}

TEST_F(GuidanceSetTest, ViewsHaveTheSameNumbersHoweverManyAreRenderedAtOnce) {
  for (const char* name : {"any", "clips", "four", "own"}) {
    const GuidanceSet set = Make({name});
    const auto plan = [&](int most) {
      at::Generator generator = MakeGenerator(3, "plan");
      return set.Plan(ViewSampler({.count = 3, .max_views_per_batch = most},
                                  OrbitCamera({.radius = 2})),
                      {0, 1}, 0.5, generator);
    };
    const auto whole = plan(0), parts = plan(2);
    ASSERT_EQ(whole.size(), 1) << name;
    ASSERT_GE(parts.size(), 3) << name;
    const Draws& expected = whole[0].judges[0].draws;
    std::map<std::string, std::vector<at::Tensor>> rows;
    for (const GuidedBatch& batch : parts) {
      const Draws& draws = batch.judges[0].draws;
      EXPECT_TRUE(draws.at("time").equal(expected.at("time"))) << name;
      EXPECT_EQ(draws.at("noise").size(0), batch.views.size()) << name;
      for (const char* tensor : {"clip_noise", "noise"}) {
        rows[tensor].push_back(draws.at(tensor));
      }
    }
    for (const auto& [tensor, all] : rows) {
      EXPECT_TRUE(at::cat(all).equal(expected.at(tensor)))
          << name << " " << tensor;
    }
  }
}

TEST_F(GuidanceSetTest, AnErrorNamesTheGuidance) {
  GuidanceSet set = Make({"clips"});
  Scene scene;
  scene.video.frames.push_back({.pixels = at::ones({1, 1, 3})});
  RunContext context;
  const absl::Status status = set.Prepare(scene, context);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("'clips'"), std::string::npos);
}

TEST_F(GuidanceSetTest, WarningsNameTheGuidance) {
  EXPECT_EQ(Make({"any", "clips"}).TakeWarnings(),
            (std::vector<std::string>{"guidance 'clips': clips are long"}));
}

TEST_F(GuidanceSetTest, UnknownNameIsAnError) {
  WeightedPlugin<Guidance> spec;
  spec.plugin = "clipz";
  const auto set = GuidanceSet::Create({spec});
  EXPECT_EQ(set.status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace dg4d
