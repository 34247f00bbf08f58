#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <memory>
#include <string>

#include "dg4d/base/random.h"
#include "dg4d/core/config.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/run_context.h"
#include "dg4d/geometry/inflation/shapes.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

constexpr int kSize = 64;

Scene StarScene() {
  Scene scene;
  scene.reference = inflation::NamedShape("star", kSize);
  Camera intrinsics;
  intrinsics.width = intrinsics.height = kSize;
  scene.reference_camera = OrbitCamera({}, intrinsics);
  return scene;
}

std::unique_ptr<Guidance> Prepared(const Scene& scene,
                                   const std::string& options = "{}") {
  auto guidance =
      Registry<Guidance>::Create("inflation", *ParseYaml(options, "test"));
  EXPECT_TRUE(guidance.ok()) << guidance.status();
  RunContext context;
  const absl::Status status = (*guidance)->Prepare(scene, context);
  EXPECT_TRUE(status.ok()) << status;
  return *std::move(guidance);
}

Views MakeViews(const std::vector<double>& azimuths, double frame = 0) {
  const int count = static_cast<int>(azimuths.size());
  Views views;
  views.reference_camera = StarScene().reference_camera;
  for (const double azimuth : azimuths) {
    views.cameras.push_back(
        OrbitCamera({.azimuth_degrees = azimuth}, views.reference_camera));
    views.frames.push_back(frame);
  }
  views.background = at::ones({count, 3});
  views.rgb = at::zeros({count, 3, kSize, kSize});
  views.alpha = at::zeros({count, 1, kSize, kSize});
  return views;
}

Draws DrawsFor(const Guidance& guidance, const Views& views) {
  at::Generator generator = MakeGenerator(0, "test");
  return guidance.Draw(views, 1, generator);
}

at::Tensor LossOf(Guidance& guidance, const Views& views) {
  return guidance.Loss(views, DrawsFor(guidance, views));
}

at::Tensor Refined(Guidance& guidance, const Views& views) {
  absl::StatusOr<at::Tensor> refined =
      guidance.Refine(views, DrawsFor(guidance, views));
  EXPECT_TRUE(refined.ok()) << refined.status();
  return *std::move(refined);
}

TEST(Inflation, TakesTheReferencePictureItselfInFront) {
  const Scene scene = StarScene();
  const auto guidance = Prepared(scene);
  const at::Tensor front = Refined(*guidance, MakeViews({0}))[0];
  EXPECT_GT(Psnr(front, Composite(scene.reference)), 100);
}

TEST(Inflation, ShowsTheProxyFromElsewhereOverTheBackground) {
  const auto guidance = Prepared(StarScene());
  Views views = MakeViews({90, 90});
  views.background = at::tensor({1.0, 1.0, 1.0, 0.0, 0.0, 1.0}).view({2, 3});
  const at::Tensor side = Refined(*guidance, views);
  // The corners are background, the middle is not.
  EXPECT_TRUE(at::equal(side[0].select(1, 0).select(1, 0), at::ones({3})));
  EXPECT_TRUE(at::equal(side[1].select(1, 0).select(1, 0),
                        at::tensor({0.0f, 0.0f, 1.0f})));
  EXPECT_TRUE(at::equal(side[0].select(1, 36).select(1, 32),
                        side[1].select(1, 36).select(1, 32)));
}

TEST(Inflation, LossIsZeroForItsOwnPicturesAndPullsTowardsThem) {
  const auto guidance = Prepared(StarScene(), "{alpha_weight: 0}");
  Views views = MakeViews({0, 40, 180});
  const at::Tensor target = Refined(*guidance, views);
  views.rgb = target.clone();
  EXPECT_EQ(LossOf(*guidance, views).item<float>(), 0);
  views.rgb = (target * 0.5).requires_grad_();
  LossOf(*guidance, views).backward();
  // The gradient points away from the target, pixel by pixel.
  const at::Tensor away = views.rgb.detach() - target;
  EXPECT_TRUE((away * views.rgb.grad() >= 0).all().item<bool>());
  EXPECT_GT(views.rgb.grad().abs().sum().item<float>(), 0);
}

TEST(Inflation, LossIsAMeanOverViews) {
  const auto guidance = Prepared(StarScene());
  const float one = LossOf(*guidance, MakeViews({50})).item<float>();
  const float two = LossOf(*guidance, MakeViews({50, 50})).item<float>();
  EXPECT_NEAR(one, two, 1e-4 * one);
}

TEST(Inflation, RemembersPicturesWithoutChangingThem) {
  const auto guidance = Prepared(StarScene());
  const Views views = MakeViews({10, 70});
  const at::Tensor first = Refined(*guidance, views);
  EXPECT_TRUE(at::equal(first, Refined(*guidance, views)));
  EXPECT_TRUE(at::equal(first, Refined(*Prepared(StarScene()), views)));
}

// Two frames: as it is, and moved to the right.
Scene MovingScene() {
  Scene scene = StarScene();
  const auto still = Prepared(scene);
  scene.video.frames = {scene.reference,
                        {scene.reference.pixels.roll({6}, {1}).contiguous()}};
  return scene;
}

TEST(Inflation, FollowsAProxyThatMovesAndInterpolatesBetweenFrames) {
  Scene scene = StarScene();
  Mesh mesh;
  mesh.vertices = at::tensor({-0.5, -0.5, 0.0, 0.5, -0.5, 0.0, 0.0, 0.5, 0.0,
                              0.0, 0.0, -0.5})
                      .to(at::kFloat)
                      .view({4, 3});
  mesh.triangles = at::tensor({0, 1, 2, 0, 3, 1, 1, 3, 2, 2, 3, 0})
                       .to(at::kInt)
                       .view({4, 3});
  mesh.uvs = at::zeros({1, 2});
  mesh.uv_triangles = at::zeros({4, 3}, at::kInt);
  mesh.albedo = {at::zeros({4, 8, 3})};
  Mesh moved = mesh;
  moved.vertices = mesh.vertices + at::tensor({0.4, 0.0, 0.0}).to(at::kFloat);
  scene.proxy = {mesh, moved};
  const auto guidance = Prepared(scene);
  const auto centre = [&](double frame) {
    const at::Tensor dark =
        1 - Refined(*guidance, MakeViews({0.001}, frame))[0][0];
    const at::Tensor columns = dark.sum(0);
    double sum = 0, weight = 0;
    for (int x = 0; x < kSize; ++x) {
      const double w = columns[x].item<double>();
      sum += w * x;
      weight += w;
    }
    return sum / weight;
  };
  const double start = centre(0), end = centre(1);
  EXPECT_GT(end, start + 10);
  EXPECT_NEAR(centre(0.5), (start + end) / 2, 0.2);
  EXPECT_NEAR(centre(1.5), (start + end) / 2, 0.2);  // on its way back
  EXPECT_NEAR(centre(2), start, 1e-6);
}

TEST(Inflation, TakesTheFramesOfTheVideoInFront) {
  const Scene scene = MovingScene();
  const auto guidance = Prepared(scene);
  EXPECT_GT(Psnr(Refined(*guidance, MakeViews({0}, 1))[0],
                 Composite(scene.video.frames[1])),
            100);
}

TEST(Inflation, StartsFromGaussiansOnTheSurface) {
  const auto guidance = Prepared(StarScene());
  const std::optional<Gaussians> gaussians = guidance->InitialGaussians();
  ASSERT_TRUE(gaussians.has_value());
  EXPECT_GT(gaussians->size(), 100);
  EXPECT_TRUE(gaussians->means.isfinite().all().item<bool>());
  EXPECT_TRUE(gaussians->quaternions.isfinite().all().item<bool>());
  EXPECT_TRUE(gaussians->log_scales.isfinite().all().item<bool>());
}

TEST(Inflation, SaysWhatIsWrongWithAPictureItCannotInflate) {
  Scene scene = StarScene();
  scene.reference.pixels.select(2, 3).zero_();
  const auto guidance = Registry<Guidance>::Create("inflation");
  RunContext context;
  const absl::Status status = (*guidance)->Prepare(scene, context);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("empty"), std::string::npos);
}

}  // namespace
}  // namespace dg4d
