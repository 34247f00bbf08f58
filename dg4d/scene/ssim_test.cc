#include "dg4d/scene/ssim.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linspace.h>

#include "gtest/gtest.h"

namespace dg4d {
namespace {

at::Tensor Picture() {
  return (at::linspace(0, 40, 2 * 3 * 24 * 20, at::kDouble).sin() * 0.4 + 0.5)
      .view({2, 3, 24, 20});
}

TEST(Ssim, IsOneForEqualImagesAndLessForOthers) {
  const at::Tensor a = Picture();
  EXPECT_NEAR(Ssim(a, a).item<double>(), 1, 1e-9);
  EXPECT_LT(Ssim(a, a * 0.7 + 0.1).item<double>(), 0.99);
  EXPECT_LT(Ssim(a, 1 - a).item<double>(), 0);
}

TEST(Ssim, OfFlatImagesIsTheComparisonOfTheirBrightness) {
  // Away from the border the variances vanish:
  // (2 a b + C1) / (a^2 + b^2 + C1).
  const at::Tensor a = at::full({1, 1, 64, 64}, 0.2, at::kDouble);
  const at::Tensor b = at::full({1, 1, 64, 64}, 0.6, at::kDouble);
  const double expected = (2 * 0.2 * 0.6 + 1e-4) / (0.04 + 0.36 + 1e-4);
  // The rows near the border differ.
  EXPECT_NEAR(Ssim(a, b).item<double>(), expected, 0.1);
}

TEST(Ssim, IsSymmetricAndDifferentiable) {
  const at::Tensor a = Picture().requires_grad_();
  const at::Tensor b = Picture().roll(3, 3);
  EXPECT_NEAR(Ssim(a, b).item<double>(), Ssim(b, a).item<double>(), 1e-12);
  Ssim(a, b).backward();
  EXPECT_GT(a.grad().abs().sum().item<double>(), 0);
}

}  // namespace
}  // namespace dg4d
