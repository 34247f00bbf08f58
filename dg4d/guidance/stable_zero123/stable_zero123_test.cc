#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dg4d/base/random.h"
#include "dg4d/core/config.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/run_context.h"
#include "dg4d/diffusion/score_distillation.h"
#include "dg4d/diffusion/seeded_weights.h"
#include "dg4d/diffusion/zero123.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

constexpr char kFolder[] = "dg4d/guidance/zero123/seeded";
constexpr int kSize = 64;
constexpr double kRadians = 3.14159265358979 / 180;

at::Tensor Pixels(const std::string& name) {
  return (diffusion::SeededInput(name, {kSize, kSize, 3}) / 4 + 0.5)
      .clamp(0, 1);
}

// One view, 40 degrees to the right of a picture from 20 degrees above and 10
// degrees lower; the radius changes too, which this network is not told.
Views OneView() {
  Views views;
  views.reference_camera = OrbitCamera({.elevation_degrees = -20});
  views.cameras = {OrbitCamera(
      {.elevation_degrees = -10, .azimuth_degrees = 40, .radius = 2.3})};
  views.frames = {0};
  views.background = at::ones({1, 3});
  views.rgb = Pixels("view").permute({2, 0, 1}).unsqueeze(0).clone();
  views.rgb.requires_grad_();
  return views;
}

std::unique_ptr<Guidance> Make(const std::string& more) {
  at::set_num_threads(1);
  auto guidance = Registry<Guidance>::Create(
      "stable_zero123", *ParseYaml(absl::StrCat("{path: ", kFolder,
                                                ", image_size: 64", more, "}"),
                                   "test"));
  EXPECT_TRUE(guidance.ok()) << guidance.status();
  Scene scene;
  scene.reference.pixels = Pixels("picture");
  RunContext context;
  EXPECT_TRUE((*guidance)->Prepare(scene, context).ok());
  return *std::move(guidance);
}

Draws MakeDraws(const Guidance& guidance) {
  at::Generator generator = MakeGenerator(5, "draws");
  return guidance.Draw(OneView(), 0.4, generator);
}

// The loss when the network is told `camera`.
double Expected(const at::Tensor& camera, const Draws& draws) {
  const auto model = *diffusion::Zero123::Load(kFolder, {.type = at::kFloat});
  const auto seen = model->See(
      Pixels("picture").permute({2, 0, 1}).unsqueeze(0), kSize, std::nullopt);
  const at::Tensor z =
      model->Encode(OneView().rgb.detach(), draws.at("latent_noise"));
  const int t = 600;
  const at::Tensor noisy =
      diffusion::AddNoise(z, draws.at("noise"), t, model->scheduler());
  const at::Tensor predicted =
      model->Denoise(noisy, t, seen, camera.to(at::kFloat).view({1, 4}), 5);
  return 0.5 * ((1 - model->scheduler().SignalShare(t)) *
                (predicted - draws.at("noise")))
                   .square()
                   .sum()
                   .item<double>();
}

TEST(StableZero123, TellsThePolarAngleOfThePictureInsteadOfTheRadius) {
  const auto loss = [](Guidance& guidance, const Draws& draws) {
    return guidance.Loss(OneView(), draws).item<double>();
  };
  const double sine = std::sin(40 * kRadians), cosine = std::cos(40 * kRadians);
  const auto camera = Make("");
  const Draws draws = MakeDraws(*camera);
  const double told = loss(*camera, draws);
  EXPECT_NEAR(
      told,
      Expected(at::tensor({10 * kRadians, sine, cosine, 70 * kRadians}), draws),
      1e-4 * told);
  const double horizontal = loss(*Make(", told_elevation: horizontal"), draws);
  EXPECT_NEAR(
      horizontal,
      Expected(at::tensor({10 * kRadians, sine, cosine, 90 * kRadians}), draws),
      1e-4 * told);
  EXPECT_GT(std::abs(told - horizontal), 1e-3 * told);
}

TEST(StableZero123, LooksForItsOwnFolder) {
  const auto guidance =
      Registry<Guidance>::Create("stable_zero123", ConfigNode());
  ASSERT_TRUE(guidance.ok());
  EXPECT_NE((*guidance)
                ->CheckReady(RunContext())
                .message()
                .find("'stable-zero123-diffusers'"),
            absl::string_view::npos);
}

}  // namespace
}  // namespace dg4d
