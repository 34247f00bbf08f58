#include "dg4d/diffusion/zero123.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/base/random.h"
#include "dg4d/core/config.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/run_context.h"
#include "dg4d/diffusion/seeded_weights.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kFolder[] = "dg4d/guidance/zero123/seeded";
constexpr int kSize = 64;

Image Picture(const std::string& name) {
  const at::Tensor noise =
      diffusion::SeededInput(name, {kSize, kSize, 3}) / 4 + 0.5;
  return {.pixels = noise.clamp(0, 1)};
}

Scene TwoFrames(const std::string& second = "second") {
  Scene scene;
  scene.reference = Picture("first");
  scene.video.frames = {Picture("first"), Picture(second)};
  return scene;
}

class Zero123Test : public testing::Test {
 protected:
  void SetUp() override { at::set_num_threads(1); }

  absl::StatusOr<std::unique_ptr<Guidance>> TryMake(
      const std::string& options, const Scene& scene = TwoFrames()) {
    auto guidance =
        Registry<Guidance>::Create("zero123", *ParseYaml(options, "test"));
    if (!guidance.ok()) return guidance.status();
    context_.EnterStage("test");
    const absl::Status prepared = (*guidance)->Prepare(scene, context_);
    if (!prepared.ok()) return prepared;
    return *std::move(guidance);
  }
  std::unique_ptr<Guidance> Make(const std::string& more = "",
                                 const Scene& scene = TwoFrames()) {
    auto guidance = TryMake(
        absl::StrCat("{path: ", kFolder, ", image_size: 64", more, "}"), scene);
    EXPECT_TRUE(guidance.ok()) << guidance.status();
    return *std::move(guidance);
  }

  RunContext context_;
};

// Four views of two frames.
Views MakeViews() {
  Views views;
  for (int i = 0; i < 4; ++i) {
    Orbit orbit;
    orbit.elevation_degrees = -10.0 * i;
    orbit.azimuth_degrees = 60.0 * i;
    orbit.radius = 2 + 0.1 * i;
    views.cameras.push_back(OrbitCamera(orbit));
    views.frames.push_back(i % 2);
  }
  views.reference_camera = OrbitCamera({});
  views.background = at::ones({4, 3});
  views.rgb = (diffusion::SeededInput("views", {4, 3, kSize, kSize}) / 4 + 0.5)
                  .clamp(0, 1)
                  .requires_grad_();
  return views;
}

Draws MakeDraws(const Guidance& guidance, double progress = 0.4) {
  at::Generator generator = MakeGenerator(5, "draws");
  return guidance.Draw(MakeViews(), progress, generator);
}

// Loss and gradient of one step.
std::pair<double, at::Tensor> Step(Guidance& guidance, const Draws& draws) {
  const Views views = MakeViews();
  const at::Tensor loss = guidance.Loss(views, draws);
  loss.backward();
  return {loss.item<double>(), views.rgb.grad()};
}

double Difference(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

// The loss as DreamGaussian writes it, differentiated by autograd.
TEST_F(Zero123Test, HasTheGradientOfDreamGaussiansLoss) {
  const auto guidance = Make();
  const Draws draws = MakeDraws(*guidance);
  const auto [value, gradient] = Step(*guidance, draws);

  auto model = *diffusion::Zero123::Load(kFolder, {.type = at::kFloat});
  const Scene scene = TwoFrames();
  const at::Tensor pictures =
      at::cat({Composite(scene.video.frames[0]).unsqueeze(0),
               Composite(scene.video.frames[1]).unsqueeze(0)});
  auto seen = model->See(pictures, kSize, std::nullopt);
  const at::Tensor rows = at::tensor({0, 1, 0, 1}, at::kLong);
  seen = {.embeddings = seen.embeddings.index_select(0, rows),
          .latents = seen.latents.index_select(0, rows)};
  std::vector<float> cameras;
  for (int i = 0; i < 4; ++i) {
    constexpr double kRadians = 3.14159265358979 / 180;
    for (const double x : {-10.0 * i * kRadians, std::sin(60 * i * kRadians),
                           std::cos(60 * i * kRadians), 0.1 * i}) {
      cameras.push_back(static_cast<float>(x));
    }
  }
  const at::Tensor camera_rows = at::tensor(cameras).view({4, 4});

  const int t = 600;  // annealed, at 0.4
  EXPECT_EQ(draws.at("timestep").item<int64_t>(), t);
  const double share = model->scheduler().SignalShare(t);
  const Views views = MakeViews();
  const at::Tensor z = model->Encode(views.rgb, draws.at("latent_noise"));
  const at::Tensor noise = draws.at("noise");
  const at::Tensor noisy =
      std::sqrt(share) * z.detach() + std::sqrt(1 - share) * noise;
  const at::Tensor with = model->Denoise(noisy, t, seen, camera_rows, 1);
  const at::Tensor without = model->Denoise(noisy, t, seen, camera_rows, 0);
  const at::Tensor predicted = without + 5 * (with - without);
  const at::Tensor target = (z - (1 - share) * (predicted - noise)).detach();
  const at::Tensor loss = 0.5 * (z - target).square().sum() / 4;
  loss.backward();
  EXPECT_NEAR(value, loss.item<double>(), 1e-3 * std::abs(value));
  EXPECT_LT(Difference(gradient, views.rgb.grad()), 1e-4);
  EXPECT_GT(gradient.abs().max().item<double>(), 0);
}

TEST_F(Zero123Test, MicroBatchesChangeNothingButRounding) {
  const auto whole = Make(", micro_batch: 4");
  const Draws draws = MakeDraws(*whole);
  const auto [value, gradient] = Step(*whole, draws);
  for (const int size : {1, 3}) {
    const auto parts = Make(absl::StrCat(", micro_batch: ", size));
    const auto [other_value, other_gradient] = Step(*parts, draws);
    EXPECT_NEAR(other_value, value, 1e-4 * value) << size;
    EXPECT_LT(Difference(other_gradient, gradient), 1e-4) << size;
  }
}

TEST_F(Zero123Test, ViewsAreConditionedOnTheirOwnFrame) {
  const auto one = Make();
  const auto other = Make("", TwoFrames("another"));
  const Draws draws = MakeDraws(*one);
  const at::Tensor a = Step(*one, draws).second;
  const at::Tensor b = Step(*other, draws).second;
  for (int i = 0; i < 4; ++i) {
    if (i % 2 == 0) {
      EXPECT_LT(Difference(a[i], b[i]), 1e-5) << i;
    } else {
      EXPECT_GT(Difference(a[i], b[i]), 1e-3) << i;
    }
  }
  const auto still = Make(", condition: reference");
  const auto other_still = Make(", condition: reference", TwoFrames("another"));
  EXPECT_TRUE(
      Step(*still, draws).second.equal(Step(*other_still, draws).second));
}

TEST_F(Zero123Test, AnnealsOrDrawsItsTimeSteps) {
  const auto annealed = Make();
  const auto t = [](const Draws& draws) {
    return draws.at("timestep").item<int64_t>();
  };
  EXPECT_EQ(t(MakeDraws(*annealed, 0)), 980);
  EXPECT_EQ(t(MakeDraws(*annealed, 0.5)), 500);
  EXPECT_EQ(t(MakeDraws(*annealed, 1)), 20);
  EXPECT_EQ(t(MakeDraws(*Make(", last_time: 0.5"), 0)), 500);

  const auto random = Make(", times: random, first_time: 0.1, last_time: 0.12");
  at::Generator generator = MakeGenerator(1, "draws");
  std::set<int64_t> seen;
  for (int i = 0; i < 200; ++i) {
    seen.insert(t(random->Draw(MakeViews(), 0.9, generator)));
  }
  EXPECT_EQ(*seen.begin(), 100);
  EXPECT_EQ(*seen.rbegin(), 120);
  EXPECT_EQ(seen.size(), 21u);
}

// Halfway between them there is nothing to add: the gradient is affine.
TEST_F(Zero123Test, GuidanceScalesFromUnconditionalToConditional) {
  const auto at_scale = [&](double scale) {
    const auto guidance = Make(absl::StrCat(", guidance_scale: ", scale));
    return Step(*guidance, MakeDraws(*guidance)).second;
  };
  const at::Tensor unconditional = at_scale(0), conditional = at_scale(1);
  EXPECT_GT(Difference(unconditional, conditional), 1e-3);
  EXPECT_LT(Difference(at_scale(5),
                       unconditional + 5 * (conditional - unconditional)),
            1e-3);
}

TEST_F(Zero123Test, SamplesConditionsOnRequest) {
  const auto mean = Make();
  const Draws draws = MakeDraws(*mean);
  const auto sample = Make(", condition_latents: sample");
  const auto again = Make(", condition_latents: sample");
  const at::Tensor sampled = Step(*sample, draws).second;
  EXPECT_TRUE(sampled.equal(Step(*again, draws).second));
  EXPECT_GT(Difference(sampled, Step(*mean, draws).second), 1e-4);
}

TEST_F(Zero123Test, FindsItsFolderBelowThatOfAllWeights) {
  context_ = RunContext({.weights = "dg4d/guidance/zero123"});
  const auto guidance =
      Registry<Guidance>::Create("zero123", *ParseYaml("{path: seeded}", ""));
  ASSERT_TRUE(guidance.ok());
  EXPECT_TRUE((*guidance)->CheckReady(context_).ok());
  EXPECT_TRUE((*guidance)->Prepare(TwoFrames(), context_).ok());
  EXPECT_FALSE((*guidance)->CheckReady(RunContext()).ok());
}

// SDEdit by hand: the sampler's steps one by one, for each view by itself.
TEST_F(Zero123Test, RepaintsViews) {
  const auto guidance = Make(
      ", objective: refinement, refine_steps: 5, first_start_fraction: 0.4, "
      "last_start_fraction: 0.8");
  const Draws draws = MakeDraws(*guidance, 0.5);
  EXPECT_EQ(draws.at("first_step").item<int64_t>(), 3);
  EXPECT_EQ(MakeDraws(*guidance, 1).at("first_step").item<int64_t>(), 4);
  const Views views = MakeViews();
  const at::Tensor refined = *guidance->Refine(views, draws);

  auto model =
      *diffusion::Zero123::Load(kFolder, {.type = at::kFloat, .decodes = true});
  const diffusion::DdimScheduler& scheduler = model->scheduler();
  const std::vector<int> times = {801, 601, 401, 201, 1};
  ASSERT_EQ(scheduler.Timesteps(5), times);
  for (int i = 0; i < 4; ++i) {
    const at::Tensor picture =
        Composite(TwoFrames().video.frames[i % 2]).unsqueeze(0);
    const auto seen = model->See(picture, kSize, std::nullopt);
    const double azimuth = 60 * i * 3.14159265358979 / 180;
    const at::Tensor camera =
        at::tensor({-10.0 * i * 3.14159265358979 / 180, std::sin(azimuth),
                    std::cos(azimuth), 0.1 * i})
            .to(at::kFloat)
            .view({1, 4});
    const double share = scheduler.SignalShare(201);
    at::Tensor z =
        std::sqrt(share) *
            model->Encode(views.rgb.detach().slice(0, i, i + 1),
                          draws.at("latent_noise").slice(0, i, i + 1)) +
        std::sqrt(1 - share) * draws.at("noise").slice(0, i, i + 1);
    for (const int t : {201, 1}) {
      const at::Tensor noise = model->Denoise(z, t, seen, camera, 5);
      const double now = scheduler.SignalShare(t);
      const double next =
          t == 201 ? scheduler.SignalShare(1) : scheduler.SignalShare(0);
      const at::Tensor clean =
          (z - std::sqrt(1 - now) * noise) / std::sqrt(now);
      z = std::sqrt(next) * clean + std::sqrt(1 - next) * noise;
    }
    EXPECT_LT(Difference(refined[i], model->Decode(z).clamp(0, 1)[0]), 1e-4)
        << i;
  }
  // The loss pulls there.
  const auto [value, gradient] = Step(*guidance, draws);
  const at::Tensor off = MakeViews().rgb.detach() - refined;
  EXPECT_NEAR(value, off.square().mean().item<double>(), 1e-6);
  EXPECT_LT(Difference(gradient, off * 2 / off.numel()), 1e-5);
  // Micro-batches do not matter, nor, much, a network in other numbers.
  const auto parts = Make(
      ", objective: refinement, refine_steps: 5, first_start_fraction: 0.4, "
      "last_start_fraction: 0.8, micro_batch: 3");
  EXPECT_LT(Difference(*parts->Refine(views, draws), refined), 1e-4);
}

TEST_F(Zero123Test, TheAutoencoderMayHaveAPrecisionOfItsOwn) {
  const auto half = Make(", precision: bfloat16");
  const Draws draws = MakeDraws(*half);
  const auto mixed = Make(", precision: bfloat16, vae_precision: float32");
  const at::Tensor exact = Step(*Make(), draws).second;
  const at::Tensor gradient = Step(*mixed, draws).second;
  EXPECT_GT(Difference(gradient, exact), 1e-5);
  EXPECT_LT(Difference(gradient, exact),
            Difference(Step(*half, draws).second, exact));
}

TEST_F(Zero123Test, RunsInHalfPrecision) {
  const auto exact = Make();
  const Draws draws = MakeDraws(*exact);
  const at::Tensor gradient = Step(*exact, draws).second;
  EXPECT_LT(
      Difference(Step(*Make(", precision: float16"), draws).second, gradient),
      3e-2);
  EXPECT_LT(
      Difference(Step(*Make(", precision: bfloat16"), draws).second, gradient),
      0.15);
}

TEST_F(Zero123Test, SaysWhatItNeeds) {
  const auto error = [&](const std::string& options, const Scene& scene) {
    return std::string(TryMake(options, scene).status().message());
  };
  EXPECT_THAT(error("{}", TwoFrames()),
              AllOf(HasSubstr("zero123-xl-diffusers"),
                    HasSubstr("--weights=FOLDER"), HasSubstr("dg4d doctor")));
  EXPECT_THAT(error("{path: nowhere}", TwoFrames()), HasSubstr("nowhere"));
  EXPECT_THAT(error("{first_time: 0.5, last_time: 0.2}", TwoFrames()),
              HasSubstr("first_time <= last_time"));
  EXPECT_THAT(error("{image_size: 100}", TwoFrames()),
              HasSubstr("multiple of 64"));
  const std::string seeded = absl::StrCat("{path: ", kFolder, "}");
  EXPECT_THAT(error(seeded, Scene()), HasSubstr("neither a video nor"));
  Scene wide;
  wide.reference = {.pixels = at::ones({4, 6, 3})};
  EXPECT_THAT(error(seeded, wide), HasSubstr("square, not 6x4"));
}

}  // namespace
}  // namespace dg4d
