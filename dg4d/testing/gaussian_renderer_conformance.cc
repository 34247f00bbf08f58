// What every GaussianRenderer promises. Linked with plugins, tests each of
// them.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "dg4d/base/random.h"
#include "dg4d/core/renderer.h"
#include "dg4d/testing/renderer_conformance.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

// Gaussians of `times` times that partly hide each other, in double.
GaussianBatch MakeBatch(int64_t times, int64_t count, int64_t coefficients) {
  at::Generator generator = MakeGenerator(1, "gaussians");
  const auto uniform = [&](at::IntArrayRef sizes, double low, double high) {
    return Uniform(sizes, low, high, generator).to(at::kDouble);
  };
  return {.means = uniform({times, count, 3}, -0.6, 0.6),
          .quaternions = uniform({times, count, 4}, -1, 1),
          .log_scales = uniform({times, count, 3}, -2.6, -1.6),
          .opacity_logits = uniform({times, count, 1}, -2, 4),
          .sh = uniform({1, count, coefficients, 3}, -0.5, 1)};
}

class GaussianRendererConformance : public testing::TestWithParam<std::string> {
 protected:
  GaussianRendering Draw(const GaussianBatch& batch,
                         const std::vector<Camera>& cameras,
                         const at::Tensor& screen_offsets = {}) const {
    return renderer_->Render(batch, cameras, Backgrounds(cameras.size()),
                             screen_offsets);
  }

  const std::unique_ptr<GaussianRenderer> renderer_ =
      MakeRenderer<GaussianRenderer>(GetParam()).value();
};

// A loss in which every value of the images counts differently.
at::Tensor Loss(const GaussianRendering& rendering) {
  const at::Tensor loss = WeighedSum(rendering.rgb, 1) +
                          WeighedSum(rendering.alpha, 2) +
                          WeighedSum(rendering.depth, 3);
  return rendering.normals.defined() ? loss + WeighedSum(rendering.normals, 4)
                                     : loss;
}

TEST_P(GaussianRendererConformance, ShowsTheBackgroundWhereNothingIs) {
  const std::vector<Camera> cameras = CamerasAround(2, 9, 6);
  const at::Tensor background =
      Backgrounds(2).view({2, 3, 1, 1}).expand({2, 3, 6, 9});
  GaussianBatch empty = MakeBatch(1, 0, 1);
  GaussianBatch behind = MakeBatch(1, 5, 1);
  behind.means += 100;
  for (GaussianBatch* batch : {&empty, &behind}) {
    batch->time_of_camera = {0, 0};
    const GaussianRendering rendering = Draw(*batch, cameras);
    EXPECT_TRUE(Same(rendering.rgb, background));
    EXPECT_TRUE(Same(rendering.alpha, at::zeros({2, 1, 6, 9}, at::kDouble)));
    EXPECT_TRUE(Same(rendering.depth, at::zeros({2, 1, 6, 9}, at::kDouble)));
    EXPECT_EQ(rendering.radii.sizes(),
              at::IntArrayRef({2, batch->means.size(1)}));
    EXPECT_FALSE(rendering.radii.any().item<bool>());
  }
}

TEST_P(GaussianRendererConformance, DrawsABatchAsOneByOne) {
  const std::vector<Camera> cameras = CamerasAround(4, 20, 14);
  GaussianBatch batch = MakeBatch(3, 20, 4);
  batch.time_of_camera = {2, 0, 1, 2};
  const GaussianRendering together = Draw(batch, cameras);
  EXPECT_GT(together.alpha.max().item<double>(), 0.5);
  for (int b = 0; b < 4; ++b) {
    const int time = batch.time_of_camera[b];
    GaussianBatch one = {
        .means = batch.means.slice(0, time, time + 1),
        .quaternions = batch.quaternions.slice(0, time, time + 1),
        .log_scales = batch.log_scales.slice(0, time, time + 1),
        .opacity_logits = batch.opacity_logits.slice(0, time, time + 1),
        .sh = batch.sh,
        .time_of_camera = {0}};
    const GaussianRendering alone = renderer_->Render(
        one, {cameras[b]}, Backgrounds(4).slice(0, b, b + 1), {});
    EXPECT_TRUE(Same(alone.rgb[0], together.rgb[b]));
    EXPECT_TRUE(Same(alone.alpha[0], together.alpha[b]));
    EXPECT_TRUE(Same(alone.depth[0], together.depth[b]));
    EXPECT_TRUE(alone.radii[0].equal(together.radii[b]));
  }
}

TEST_P(GaussianRendererConformance, DoesNotDependOnTheOrderOfGaussians) {
  const std::vector<Camera> cameras = CamerasAround(2, 16, 16);
  GaussianBatch batch = MakeBatch(1, 30, 1);
  batch.time_of_camera = {0, 0};
  const GaussianBatch reversed = {
      .means = batch.means.flip(1),
      .quaternions = batch.quaternions.flip(1),
      .log_scales = batch.log_scales.flip(1),
      .opacity_logits = batch.opacity_logits.flip(1),
      .sh = batch.sh.flip(1),
      .time_of_camera = batch.time_of_camera};
  const GaussianRendering expected = Draw(batch, cameras);
  const GaussianRendering actual = Draw(reversed, cameras);
  EXPECT_TRUE(Same(actual.rgb, expected.rgb));
  EXPECT_TRUE(Same(actual.depth, expected.depth));
  EXPECT_TRUE(actual.radii.flip(1).equal(expected.radii));
}

TEST_P(GaussianRendererConformance, IgnoresGaussiansThatAreNoNumbers) {
  const std::vector<Camera> cameras = CamerasAround(1, 16, 16);
  GaussianBatch batch = MakeBatch(1, 10, 1);
  batch.time_of_camera = {0};
  const GaussianRendering expected = Draw(batch, cameras);
  const auto append = [](at::Tensor& tensor, double value) {
    tensor = at::cat({tensor, at::full_like(tensor.slice(1, 0, 1), value)}, 1);
  };
  append(batch.means, std::numeric_limits<double>::quiet_NaN());
  append(batch.quaternions, 1);
  append(batch.log_scales, -2);
  append(batch.opacity_logits, 1);
  append(batch.sh, 1);
  batch.means.requires_grad_();
  batch.log_scales.requires_grad_();
  const GaussianRendering actual = Draw(batch, cameras);
  EXPECT_TRUE(Same(actual.rgb, expected.rgb));
  Loss(actual).backward();
  for (const at::Tensor& leaf : {batch.means, batch.log_scales}) {
    EXPECT_TRUE(leaf.grad().isfinite().all().item<bool>());
    EXPECT_FALSE(leaf.grad().select(1, 10).any().item<bool>());
    EXPECT_TRUE(leaf.grad().any().item<bool>());
  }
}

// Moving each input alone changes the loss as its gradient says.
TEST_P(GaussianRendererConformance, HasTheGradientsOfItsImages) {
  const std::vector<Camera> cameras = CamerasAround(3, 16, 12);
  GaussianBatch batch = MakeBatch(2, 6, 16);
  batch.time_of_camera = {1, 0, 1};
  batch.normals = true;
  at::Tensor background = Backgrounds(3);
  at::Generator generator = MakeGenerator(2, "offsets");
  at::Tensor offsets = Uniform({3, 6, 2}, -0.1, 0.1, generator).to(at::kDouble);
  const std::vector<at::Tensor*> inputs = {
      &batch.means,      &batch.quaternions,
      &batch.log_scales, &batch.opacity_logits,
      &batch.sh,         &background,
      &offsets};
  for (at::Tensor* input : inputs) input->requires_grad_();
  const auto loss = [&] {
    return Loss(renderer_->Render(batch, cameras, background, offsets));
  };
  loss().backward();
  for (size_t k = 0; k < inputs.size(); ++k) {
    SCOPED_TRACE(testing::Message() << "input " << k);
    const at::Tensor gradient = inputs[k]->grad();
    ASSERT_TRUE(gradient.defined());
    const at::Tensor direction =
        Normal(inputs[k]->sizes(), generator).to(at::kDouble);
    ExpectGradientAlong(direction, 1e-6, gradient, *inputs[k], loss);
  }
}

// A flat Gaussian at the origin, whose shortest axis is x and leans towards z.
TEST_P(GaussianRendererConformance, DrawsNormalsThatFaceTheCamera) {
  const double lean = 0.3;  // radians
  GaussianBatch batch = {
      .means = at::zeros({1, 1, 3}, at::kDouble),
      .quaternions =
          at::tensor({std::cos(lean / 2), 0.0, -std::sin(lean / 2), 0.0})
              .to(at::kDouble)
              .view({1, 1, 4}),
      .log_scales =
          at::tensor({-4.0, -1.0, -1.0}).to(at::kDouble).view({1, 1, 3}),
      .opacity_logits = at::full({1, 1, 1}, 1.0, at::kDouble),
      .sh = at::zeros({1, 1, 1, 3}, at::kDouble),
      .time_of_camera = {0, 0},
      .normals = true};
  Camera intrinsics;
  intrinsics.width = intrinsics.height = 9;
  const GaussianRendering rendering =
      Draw(batch, {OrbitCamera({.azimuth_degrees = 60}, intrinsics),
                   OrbitCamera({.azimuth_degrees = -120}, intrinsics)});
  const double sides[] = {1, -1};
  for (int b = 0; b < 2; ++b) {
    const at::Tensor normal =
        (rendering.normals[b] / rendering.alpha[b]).select(1, 4).select(1, 4);
    EXPECT_NEAR(normal[0].item<double>(), sides[b] * std::cos(lean), 1e-9);
    EXPECT_NEAR(normal[1].item<double>(), 0, 1e-9);
    EXPECT_NEAR(normal[2].item<double>(), sides[b] * std::sin(lean), 1e-9);
  }
}

TEST_P(GaussianRendererConformance,
       DrawsTheDepthBehindWhichHalfTheLightIsLeft) {
  // Along the axis: a tenth, a third of what is left, then enough.
  const std::vector<double> opacities = {0.1, 0.3, 0.4, 0.9};
  const std::vector<double> heights = {0.6, 0.3, 0, -0.5};
  std::vector<at::Tensor> logits, means;
  for (int i = 0; i < 4; ++i) {
    logits.push_back(at::tensor({std::log(opacities[i] / (1 - opacities[i]))}));
    means.push_back(at::tensor({0.0, 0.0, heights[i]}));
  }
  GaussianBatch batch = {
      .means = at::stack(means).to(at::kDouble).unsqueeze(0),
      .quaternions = at::ones({1, 4, 4}, at::kDouble),
      .log_scales = at::full({1, 4, 3}, -1.5, at::kDouble),
      .opacity_logits = at::stack(logits).to(at::kDouble).unsqueeze(0),
      .sh = at::zeros({1, 1, 1, 3}, at::kDouble).expand({1, 4, 1, 3}),
      .time_of_camera = {0},
      .median_depth = true};
  Camera camera;
  camera.width = camera.height = 33;
  camera = OrbitCamera({.radius = 2}, camera);
  const GaussianRendering rendering = Draw(batch, {camera});
  // 1 - 0.9 x 0.7 x 0.6 = 0.62; before the third, 0.63 is left.
  EXPECT_NEAR(rendering.median_depth[0][0][16][16].item<double>(), 2, 1e-9);
  EXPECT_EQ(rendering.median_depth[0][0][0][0].item<double>(), 0);
}

TEST_P(GaussianRendererConformance, RefusesBatchesThatDoNotFit) {
  const std::vector<Camera> cameras = CamerasAround(2, 8, 8);
  GaussianBatch batch = MakeBatch(2, 4, 1);
  batch.time_of_camera = {0, 2};
  EXPECT_THAT([&] { Draw(batch, cameras); },
              testing::ThrowsMessage<std::exception>(
                  testing::HasSubstr("time_of_camera")));
  batch.time_of_camera = {0, 1};
  batch.quaternions = batch.quaternions.slice(1, 0, 3);
  EXPECT_THAT([&] { Draw(batch, cameras); },
              testing::ThrowsMessage<std::exception>(
                  testing::HasSubstr("quaternions")));
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(GaussianRendererConformance);
INSTANTIATE_TEST_SUITE_P(Linked, GaussianRendererConformance,
                         testing::ValuesIn(LinkedRenderers<GaussianRenderer>()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace dg4d
