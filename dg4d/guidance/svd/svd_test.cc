#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dg4d/base/random.h"
#include "dg4d/core/config.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/run_context.h"
#include "dg4d/diffusion/seeded_weights.h"
#include "dg4d/diffusion/video_diffusion.h"
#include "dg4d/testing/little_memory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kFolder[] = "dg4d/guidance/svd/seeded";
constexpr int kSize = 64;
constexpr int kFrames = 3;

at::Tensor Picture() {
  return (diffusion::SeededInput("picture", {kSize, kSize, 3}) / 4 + 0.5)
      .clamp(0, 1);
}

// Two clips.
Views MakeViews() {
  Views views;
  for (int i = 0; i < 2 * kFrames; ++i) {
    views.cameras.push_back(OrbitCamera({.azimuth_degrees = 10.0 * i}));
    views.frames.push_back(i % kFrames);
  }
  views.frames_per_clip = kFrames;
  views.reference_camera = OrbitCamera({});
  views.background = at::ones({2 * kFrames, 3});
  views.rgb =
      (diffusion::SeededInput("views", {2 * kFrames, 3, kSize, kSize}) / 4 +
       0.5)
          .clamp(0, 1)
          .requires_grad_();
  return views;
}

absl::StatusOr<std::unique_ptr<Guidance>> TryMake(const std::string& options) {
  at::set_num_threads(1);
  auto guidance =
      Registry<Guidance>::Create("svd", *ParseYaml(options, "test"));
  if (!guidance.ok()) return guidance.status();
  Scene scene;
  scene.reference.pixels = Picture();
  RunContext context;
  const absl::Status prepared = (*guidance)->Prepare(scene, context);
  if (!prepared.ok()) return prepared;
  return *std::move(guidance);
}

std::unique_ptr<Guidance> Make(const std::string& more = "") {
  auto guidance = TryMake(absl::StrCat(
      "{path: ", kFolder, ", image_size: 64, steps: 5, start_fraction: 0.6",
      more, "}"));
  EXPECT_TRUE(guidance.ok()) << guidance.status();
  return *std::move(guidance);
}

Draws MakeDraws(const Guidance& guidance) {
  at::Generator generator = MakeGenerator(5, "draws");
  return guidance.Draw(MakeViews(), 0.4, generator);
}

at::Tensor Refined(Guidance& guidance) {
  return *guidance.Refine(MakeViews(), MakeDraws(guidance));
}

double Difference(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

// Steps 3 and 4 of 5, by hand.
TEST(Svd, RepaintsEachClip) {
  const auto guidance = Make(", clamp: false");
  const Draws draws = MakeDraws(*guidance);
  const at::Tensor refined = Refined(*guidance);

  const auto model =
      *diffusion::VideoDiffusion::Load(kFolder, {.type = at::kFloat});
  const diffusion::VideoSampling sampling = {.steps = 5};
  const double sigma = model->Schedule(sampling).Sigma(3);
  const at::Tensor picture = Picture().permute({2, 0, 1}).unsqueeze(0);
  const at::Tensor views = MakeViews().rgb.detach();
  for (int clip = 0; clip < 2; ++clip) {
    const diffusion::VideoDiffusion::Seen seen = {
        .embedding = model->Embed(picture),
        .latents = model->Latents(
            picture, draws.at("picture_noise").slice(0, clip, clip + 1),
            sampling)};
    at::Tensor x =
        model->Encode(views.slice(0, clip * kFrames, (clip + 1) * kFrames), 1) +
        sigma * draws.at("noise")[clip];
    x = x.unsqueeze(0);
    for (const int i : {3, 4}) x = model->Step(x, i, seen, sampling);
    for (int f = 0; f < kFrames; ++f) {
      const at::Tensor frame = model->Decode(x[0].slice(0, f, f + 1), 1)[0];
      EXPECT_LT(Difference(refined[clip * kFrames + f], frame), 1e-5);
    }
  }
  EXPECT_TRUE(Refined(*Make()).equal(refined.clamp(0, 1)));
}

TEST(Svd, TheLossIsTheMeanSquaredDifferenceFromTheRepaintedClip) {
  const auto guidance = Make();
  const Views views = MakeViews();
  const at::Tensor loss = guidance->Loss(views, MakeDraws(*guidance));
  loss.backward();
  const at::Tensor off = views.rgb.detach() - Refined(*guidance);
  EXPECT_NEAR(loss.item<double>(), off.square().mean().item<double>(), 1e-7);
  EXPECT_LT(Difference(views.rgb.grad(), 2 * off / off.numel()), 1e-6);
}

TEST(Svd, ViewsOfAnotherSizeAreResizedThereAndBack) {
  const auto guidance = Make();
  Views views = MakeViews();
  views.rgb = views.rgb.detach().slice(2, 0, 32).slice(3, 0, 48);
  const at::Tensor refined = *guidance->Refine(views, MakeDraws(*guidance));
  EXPECT_EQ(refined.sizes(), views.rgb.sizes());
}

TEST(Svd, ChunksOfEncodingChangeNothingAndThoseOfDecodingDo) {
  const at::Tensor refined = Refined(*Make());
  EXPECT_LT(Difference(Refined(*Make(", encode_chunk: 1")), refined), 1e-5);
  EXPECT_LT(Difference(Refined(*Make(", batched_guidance: false")), refined),
            1e-5);
  EXPECT_GT(Difference(Refined(*Make(", decode_chunk: 0")), refined), 1e-4);
  EXPECT_GT(Difference(Refined(*Make(", time_context: mixed")), refined), 1e-6);
}

TEST(Svd, EncodesFewerFramesAtOnceWhereMemoryIsShort) {
  const auto whole = Make(), single = Make(", encode_chunk: 1");
  const size_t together = MostMemory([&] { Refined(*whole); });
  const size_t apart = MostMemory([&] { Refined(*single); });
  ASSERT_LT(apart, together);
  const at::Tensor expected = Refined(*whole);
  EXPECT_THAT(whole->TakeWarnings(), IsEmpty());

  const auto refined = [&] {
    const LittleMemory memory((together + apart) / 2);
    return Refined(*whole).clone();
  };
  EXPECT_LT(Difference(refined(), expected), 1e-5);
  EXPECT_THAT(whole->TakeWarnings(),
              ElementsAre(AllOf(HasSubstr("encode_chunk: 4"),
                                HasSubstr("goes on, with 1"))));
  EXPECT_LT(Difference(refined(), expected), 1e-5);
  EXPECT_THAT(whole->TakeWarnings(), IsEmpty());
}

TEST(Svd, ClipsMayBeConditionedOnTheirOwnFirstFrame) {
  const auto guidance = Make(", condition: first_frame");
  const at::Tensor refined = Refined(*guidance);
  EXPECT_GT(Difference(refined, Refined(*Make())), 1e-4);
  EXPECT_TRUE(Refined(*guidance).equal(refined));
}

TEST(Svd, SaysWhatItNeeds) {
  const auto error = [](const std::string& options) {
    return std::string(TryMake(options).status().message());
  };
  EXPECT_THAT(error("{}"), HasSubstr("'stable-video-diffusion-img2vid'"));
  EXPECT_THAT(error("{start_fraction: 1}"), HasSubstr("below 1"));
  EXPECT_THAT(error("{time_context: mixed, batched_guidance: false}"),
              HasSubstr("batched_guidance: true"));
  EXPECT_THAT(error("{path: dg4d/guidance/svd}"), HasSubstr("config.json"));
}

}  // namespace
}  // namespace dg4d
