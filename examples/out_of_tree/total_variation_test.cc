#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>

#include "dg4d/core/guidance.h"
#include "dg4d/core/registry.h"
#include "gtest/gtest.h"

namespace {

double LossOf(const at::Tensor& rgb) {
  const auto guidance =
      dg4d::Registry<dg4d::Guidance>::Create("total_variation");
  return (*guidance)->Loss({.rgb = rgb}, {}).item<double>();
}

TEST(TotalVariation, IsZeroForAFlatImage) {
  EXPECT_EQ(LossOf(at::full({1, 3, 4, 4}, 0.5)), 0);
}

TEST(TotalVariation, IsTheSlopeOfARamp) {
  const at::Tensor ramp = at::arange(4, at::kDouble).expand({1, 3, 5, 4}) * 0.1;
  EXPECT_NEAR(LossOf(ramp), 0.1, 1e-12);
}

}  // namespace
