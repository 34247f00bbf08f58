#include "dg4d/training/gaussian_parameters.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/tensor.h>

#include "dg4d/base/random.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

constexpr GaussianRates kRates = {.means = {0.1, 0.1, 1},
                                  .sh = {0.2, 0.2, 1},
                                  .opacity = {0.3, 0.3, 1},
                                  .scales = {0.4, 0.4, 1},
                                  .rotation = {0.5, 0.5, 1}};

Gaussians MakeGaussians(int64_t count, int64_t coefficients) {
  at::Generator generator = MakeGenerator(count, "gaussians");
  return {.means = Normal({count, 3}, generator),
          .quaternions = Normal({count, 4}, generator),
          .log_scales = Normal({count, 3}, generator),
          .opacity_logits = Normal({count, 1}, generator),
          .sh = Normal({count, coefficients, 3}, generator)};
}

at::Tensor Sum(const Gaussians& gaussians) {
  return gaussians.means.sum() + gaussians.quaternions.sum() +
         gaussians.log_scales.sum() + gaussians.opacity_logits.sum() +
         gaussians.sh.sum();
}

void ExpectEqual(const Gaussians& actual, const Gaussians& expected) {
  EXPECT_TRUE(at::equal(actual.means, expected.means));
  EXPECT_TRUE(at::equal(actual.quaternions, expected.quaternions));
  EXPECT_TRUE(at::equal(actual.log_scales, expected.log_scales));
  EXPECT_TRUE(at::equal(actual.opacity_logits, expected.opacity_logits));
  EXPECT_TRUE(at::equal(actual.sh, expected.sh));
}

TEST(GaussianParameters, GiveBackWhatWasAdded) {
  for (const int64_t coefficients : {1, 4, 16}) {
    const Gaussians gaussians = MakeGaussians(5, coefficients);
    Adam adam;
    AddGaussians(gaussians, kRates, adam);
    ExpectEqual(GaussiansIn(adam), gaussians);
  }
}

// The first step of Adam is as long as the rate.
TEST(GaussianParameters, LearnEachAtItsRate) {
  const Gaussians before = MakeGaussians(5, 4);
  Adam adam;
  AddGaussians(before, kRates, adam);
  Sum(GaussiansIn(adam)).backward();
  adam.Step(0);
  const Gaussians after = GaussiansIn(adam);
  const auto expect_step = [](const at::Tensor& a, const at::Tensor& b,
                              double rate) {
    EXPECT_TRUE(at::allclose(a - b, at::full_like(a, rate), 1e-4)) << rate;
  };
  expect_step(before.means, after.means, 0.1);
  expect_step(before.sh.narrow(1, 0, 1), after.sh.narrow(1, 0, 1), 0.2);
  expect_step(before.sh.narrow(1, 1, 3), after.sh.narrow(1, 1, 3), 0.2 / 20);
  expect_step(before.opacity_logits, after.opacity_logits, 0.3);
  expect_step(before.log_scales, after.log_scales, 0.4);
  expect_step(before.quaternions, after.quaternions, 0.5);
}

TEST(GaussianParameters, KeepRowsAndPutNewOnesBehind) {
  for (const int64_t coefficients : {1, 4}) {
    const Gaussians gaussians = MakeGaussians(5, coefficients);
    const Gaussians added = MakeGaussians(2, coefficients);
    Adam adam;
    AddGaussians(gaussians, kRates, adam);
    const at::Tensor kept = at::tensor({3, 1}, at::kLong);
    ChangeGaussians(kept, added, adam);
    const auto joined = [&](at::Tensor Gaussians::*part) {
      return at::cat({(gaussians.*part).index_select(0, kept), added.*part});
    };
    ExpectEqual(GaussiansIn(adam),
                {.means = joined(&Gaussians::means),
                 .quaternions = joined(&Gaussians::quaternions),
                 .log_scales = joined(&Gaussians::log_scales),
                 .opacity_logits = joined(&Gaussians::opacity_logits),
                 .sh = joined(&Gaussians::sh)});
  }
}

TEST(GaussianParameters, AreCopiedWithoutTheirGradients) {
  Adam adam;
  AddGaussians(MakeGaussians(3, 4), kRates, adam);
  const Gaussians current = GaussiansIn(adam);
  const Gaussians copy = DetachedCopy(current);
  ExpectEqual(copy, current);
  EXPECT_FALSE(Sum(copy).requires_grad());
  copy.means.zero_();
  EXPECT_FALSE(at::equal(copy.means, current.means));
}

}  // namespace
}  // namespace dg4d
