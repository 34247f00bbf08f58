#include "dg4d/stages/dynamic_gaussians/hexplane.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/grid_sampler_2d.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/stack.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <vector>

#include "dg4d/base/parallel.h"
#include "dg4d/base/random.h"
#include "gtest/gtest.h"

namespace dg4d::dynamic_gaussians {
namespace {

// Small, with unlike sizes, so that exchanged axes do not go unnoticed.
HexPlaneShape SmallShape() {
  return {.space_resolution = 5,
          .time_resolution = 4,
          .level_factors = {1, 2},
          .features = 3};
}

// A field whose planes all hold random values.
HexPlane RandomField(HexPlaneShape shape, at::ScalarType type = at::kFloat) {
  at::Generator generator = MakeGenerator(1, "hexplane");
  HexPlane field(shape, generator);
  for (at::Tensor& plane : field.planes()) {
    plane = Uniform(plane.sizes(), 0.2, 1.2, generator).to(type);
  }
  return field;
}

at::Tensor RandomPoints(int64_t count, double bound = 1) {
  at::Generator generator = MakeGenerator(2, "points");
  return Uniform({count, 3}, -bound, bound, generator);
}

// The same by torch's own bilinear lookup.
at::Tensor ByGridSampler(const HexPlane& field, const at::Tensor& points,
                         double time) {
  constexpr int kPairs[6][2] = {{0, 1}, {0, 2}, {1, 2}, {0, 3}, {1, 3}, {2, 3}};
  std::vector<at::Tensor> coordinates = points.unbind(1);
  coordinates.push_back(at::ones_like(coordinates[0]) * (2 * time - 1));
  std::vector<at::Tensor> levels;
  for (size_t level = 0; level < field.planes().size() / 6; ++level) {
    at::Tensor product;
    for (int p = 0; p < 6; ++p) {
      const at::Tensor grid =
          at::stack({coordinates[kPairs[p][0]], coordinates[kPairs[p][1]]}, 1)
              .view({1, 1, -1, 2});
      const at::Tensor plane =
          field.planes()[level * 6 + p].permute({2, 0, 1}).unsqueeze(0);
      // Bilinear, border, ends included.
      const at::Tensor value =
          at::grid_sampler_2d(plane, grid, 0, 1, true).squeeze(2)[0].t();
      product = product.defined() ? product * value : value;
    }
    levels.push_back(product);
  }
  return at::cat(levels, 1);
}

TEST(HexPlane, IsTheProductOfBilinearLookupsOfEachLevel) {
  const HexPlane field = RandomField(SmallShape());
  // Some points lie outside, where the border continues.
  const at::Tensor points = RandomPoints(700, 1.3);
  const std::vector<double> times = {0.0, 0.31, 1.0, 1.2};
  const at::Tensor features = field.Sample(points, times);
  ASSERT_EQ(features.sizes(), (std::vector<int64_t>{4, 700, 6}));
  for (size_t t = 0; t < times.size(); ++t) {
    EXPECT_TRUE(at::allclose(
        features[t], ByGridSampler(field, points, times[t]), 1e-5, 1e-6))
        << times[t];
  }
}

TEST(HexPlane, IsConstantInTimeWhenTimePlanesAreOne) {
  at::Generator generator = MakeGenerator(1, "hexplane");
  const HexPlane field(SmallShape(), generator);
  const at::Tensor features = field.Sample(RandomPoints(50), {0.0, 0.4, 0.77});
  EXPECT_TRUE(at::equal(features[0], features[1]));
  EXPECT_TRUE(at::equal(features[0], features[2]));
  EXPECT_GT(features.std().item<float>(), 0.001f);
}

TEST(HexPlane, FeaturesStartBetweenTheProductsOfTheSmallestAndLargestValues) {
  at::Generator generator = MakeGenerator(1, "hexplane");
  const HexPlane field({}, generator);
  const at::Tensor features = field.Sample(RandomPoints(500), {0.5});
  EXPECT_GE(features.min().item<float>(), 0.1f * 0.1f * 0.1f - 1e-6f);
  EXPECT_LE(features.max().item<float>(), 0.5f * 0.5f * 0.5f + 1e-6f);
}

TEST(HexPlane, CyclicTimeMeetsItselfWithoutAJump) {
  HexPlaneShape shape = SmallShape();
  shape.cyclic_time = true;
  const HexPlane field = RandomField(shape);
  const at::Tensor features = field.Sample(
      RandomPoints(40), {0.0, 1.0, 1e-4, 1 - 1e-4, 0.25, 1.25, -0.75});
  EXPECT_TRUE(at::allclose(features[0], features[1], 1e-5, 1e-6));
  EXPECT_TRUE(at::allclose(features[2], features[3], 1e-2, 1e-2));
  EXPECT_TRUE(at::allclose(features[4], features[5], 1e-5, 1e-6));
  EXPECT_TRUE(at::allclose(features[4], features[6], 1e-5, 1e-6));
  EXPECT_FALSE(at::allclose(features[0], features[4], 1e-2, 1e-2));
}

// A scalar that weighs every feature of every time differently.
at::Tensor Weighted(const at::Tensor& features) {
  const at::Tensor weights =
      at::arange(features.numel(), features.options()).sin().view_as(features);
  return (features * features * weights).sum();
}

void ExpectGradientsMatchCentralDifferences(bool cyclic) {
  HexPlaneShape shape = SmallShape();
  shape.cyclic_time = cyclic;
  HexPlane field = RandomField(shape, at::kDouble);
  at::Tensor points = RandomPoints(9).to(at::kDouble).requires_grad_();
  for (at::Tensor& plane : field.planes()) plane.requires_grad_();
  const std::vector<double> times = {0.13, 0.5, 0.93};
  Weighted(field.Sample(points, times)).backward();

  const double step = 1e-6;
  const auto check = [&](const at::Tensor& variable, int64_t stride) {
    ASSERT_TRUE(variable.grad().defined());
    double* values = variable.mutable_data_ptr<double>();
    const double* gradient = variable.grad().const_data_ptr<double>();
    for (int64_t i = 0; i < variable.numel(); i += stride) {
      at::NoGradGuard no_grad;
      const double value = values[i];
      values[i] = value + step;
      const double high = Weighted(field.Sample(points, times)).item<double>();
      values[i] = value - step;
      const double low = Weighted(field.Sample(points, times)).item<double>();
      values[i] = value;
      ASSERT_NEAR(gradient[i], (high - low) / (2 * step), 1e-6) << i;
    }
  };
  check(points, 1);
  for (const at::Tensor& plane : field.planes()) check(plane, 7);
}

TEST(HexPlane, GradientsMatchCentralDifferences) {
  ExpectGradientsMatchCentralDifferences(false);
}

TEST(HexPlane, GradientsMatchCentralDifferencesInCyclicTime) {
  ExpectGradientsMatchCentralDifferences(true);
}

TEST(HexPlane, ThreadsDoNotReachTheBytes) {
  const at::Tensor points = RandomPoints(3000);
  const auto run = [&](int threads) {
    SetThreads(threads);
    HexPlane field = RandomField({.space_resolution = 8, .features = 24});
    for (at::Tensor& plane : field.planes()) plane.requires_grad_();
    const at::Tensor variable = points.clone().requires_grad_();
    const at::Tensor features = field.Sample(variable, {0.1, 0.2, 0.9});
    Weighted(features).backward();
    std::vector<at::Tensor> result = {features.detach(), variable.grad()};
    for (const at::Tensor& plane : field.planes()) {
      result.push_back(plane.grad());
    }
    SetThreads(1);
    return result;
  };
  const std::vector<at::Tensor> one = run(1), two = run(2);
  for (size_t i = 0; i < one.size(); ++i) {
    EXPECT_TRUE(at::equal(one[i], two[i])) << i;
  }
}

TEST(HexPlane, RegularisersVanishWhereTheyShould) {
  HexPlaneShape shape = SmallShape();
  shape.cyclic_time = false;
  HexPlane field = RandomField(shape);
  EXPECT_GT(field.SpaceVariation().item<float>(), 0);
  EXPECT_GT(field.TimeRoughness().item<float>(), 0);
  EXPECT_GT(field.TimeDeviation().item<float>(), 0);
  for (size_t i = 0; i < field.planes().size(); ++i) {
    at::Tensor& plane = field.planes()[i];
    plane = at::ones_like(plane);
    // Linear in time is smooth, though not static.
    if (i % 6 >= 3) plane += at::arange(plane.size(0)).view({-1, 1, 1}) * 0.1;
  }
  EXPECT_FLOAT_EQ(field.SpaceVariation().item<float>(), 0);
  EXPECT_NEAR(field.TimeRoughness().item<float>(), 0, 1e-10);
  // Mean of 0, .1, .2, .3 for each of three planes and two levels.
  EXPECT_NEAR(field.TimeDeviation().item<float>(), 6 * 0.15, 1e-5);
}

TEST(HexPlane, TimeRoughnessSeesTheSeamOfCyclicTime) {
  HexPlaneShape shape = SmallShape();
  shape.cyclic_time = true;
  HexPlane field = RandomField(shape);
  for (at::Tensor& plane : field.planes()) {
    plane =
        at::ones_like(plane) + at::arange(plane.size(0)).view({-1, 1, 1}) * 0.1;
  }
  EXPECT_GT(field.TimeRoughness().item<float>(), 0.01);
}

}  // namespace
}  // namespace dg4d::dynamic_gaussians
