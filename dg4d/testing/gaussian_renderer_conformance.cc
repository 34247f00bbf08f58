// What every GaussianRenderer promises. Linked with plugins, tests each of
// them.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dg4d/base/random.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/renderer.h"
#include "dg4d/testing/conformance_options.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

absl::StatusOr<std::unique_ptr<GaussianRenderer>> Make(
    const std::string& name) {
  return PluginSpec<GaussianRenderer>{name, ConformanceOptions(name)}.Create();
}

std::vector<std::string> LinkedGaussianRenderers() {
  std::vector<std::string> names;
  for (const std::string& name : Registry<Renderer>::Names()) {
    if (Make(name).ok()) names.push_back(name);
  }
  return names;
}

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

// Around the origin, level with it.
std::vector<Camera> MakeCameras(int count, int width, int height) {
  std::vector<Camera> cameras;
  for (int b = 0; b < count; ++b) {
    cameras.push_back(OrbitCamera({.elevation_degrees = 10.0 * b - 5,
                                   .azimuth_degrees = 360.0 * b / count},
                                  {.width = width, .height = height}));
  }
  return cameras;
}

at::Tensor MakeBackground(int64_t images) {
  return at::arange(3 * images, at::kDouble).view({images, 3}) / 10;
}

bool Same(const at::Tensor& a, const at::Tensor& b) {
  return a.sizes() == b.sizes() && a.allclose(b, 1e-9, 1e-12);
}

class GaussianRendererConformance : public testing::TestWithParam<std::string> {
 protected:
  GaussianRendering Draw(const GaussianBatch& batch,
                         const std::vector<Camera>& cameras,
                         const at::Tensor& screen_offsets = {}) const {
    return renderer_->Render(batch, cameras, MakeBackground(cameras.size()),
                             screen_offsets);
  }

  const std::unique_ptr<GaussianRenderer> renderer_ = Make(GetParam()).value();
};

// A loss in which every value of the images counts differently.
at::Tensor Loss(const GaussianRendering& rendering) {
  const auto weigh = [](const at::Tensor& image, double shift) {
    return (image * (at::arange(image.numel(), at::kDouble) + shift)
                        .sin()
                        .view(image.sizes()))
        .sum();
  };
  return weigh(rendering.rgb, 1) + weigh(rendering.alpha, 2) +
         weigh(rendering.depth, 3);
}

TEST_P(GaussianRendererConformance, ShowsTheBackgroundWhereNothingIs) {
  const std::vector<Camera> cameras = MakeCameras(2, 9, 6);
  const at::Tensor background =
      MakeBackground(2).view({2, 3, 1, 1}).expand({2, 3, 6, 9});
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
  const std::vector<Camera> cameras = MakeCameras(4, 20, 14);
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
        one, {cameras[b]}, MakeBackground(4).slice(0, b, b + 1), {});
    EXPECT_TRUE(Same(alone.rgb[0], together.rgb[b]));
    EXPECT_TRUE(Same(alone.alpha[0], together.alpha[b]));
    EXPECT_TRUE(Same(alone.depth[0], together.depth[b]));
    EXPECT_TRUE(alone.radii[0].equal(together.radii[b]));
  }
}

TEST_P(GaussianRendererConformance, DoesNotDependOnTheOrderOfGaussians) {
  const std::vector<Camera> cameras = MakeCameras(2, 16, 16);
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
  const std::vector<Camera> cameras = MakeCameras(1, 16, 16);
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

// Moving all inputs along their gradients changes the loss as they say, by
// central differences; each input alone, too.
TEST_P(GaussianRendererConformance, HasTheGradientsOfItsImages) {
  const std::vector<Camera> cameras = MakeCameras(3, 16, 12);
  GaussianBatch batch = MakeBatch(2, 6, 16);
  batch.time_of_camera = {1, 0, 1};
  at::Tensor background = MakeBackground(3);
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
    const at::Tensor value = *inputs[k];
    const at::Tensor gradient = value.grad();
    ASSERT_TRUE(gradient.defined()) << "input " << k;
    const at::Tensor direction =
        Normal(value.sizes(), generator).to(at::kDouble);
    constexpr double kStep = 1e-6;
    *inputs[k] = value.detach() + kStep * direction;
    const double above = loss().item<double>();
    *inputs[k] = value.detach() - kStep * direction;
    const double below = loss().item<double>();
    *inputs[k] = value;
    const double expected = (above - below) / (2 * kStep);
    EXPECT_GT(std::abs(expected), 1e-6) << "input " << k;
    EXPECT_NEAR((gradient * direction).sum().item<double>(), expected,
                1e-5 * (1 + std::abs(expected)))
        << "input " << k;
  }
}

TEST_P(GaussianRendererConformance, RefusesBatchesThatDoNotFit) {
  const std::vector<Camera> cameras = MakeCameras(2, 8, 8);
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
                         testing::ValuesIn(LinkedGaussianRenderers()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace dg4d
