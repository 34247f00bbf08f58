#include "tools/verbs/flop_counter.h"

#include <ATen/ops/conv2d.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include <functional>

#include "gtest/gtest.h"

namespace dg4d {
namespace {

double Counted(const std::function<void()>& work) {
  const FlopCounter counter;
  work();
  return counter.Count();
}

TEST(FlopCounter, CountsProductsAndConvolutions) {
  const at::Tensor a = at::ones({2, 5, 3}), b = at::ones({3, 7});
  EXPECT_EQ(Counted([&] { at::matmul(a, b); }), 2 * 2 * 5 * 3 * 7);
  const at::Tensor weight = at::ones({7, 3}), bias = at::ones({7});
  EXPECT_EQ(Counted([&] { at::linear(a, weight, bias); }), 2 * 2 * 5 * 3 * 7);
  const at::Tensor image = at::ones({2, 3, 8, 8});
  const at::Tensor kernel = at::ones({4, 3, 3, 3});
  EXPECT_EQ(Counted([&] { at::conv2d(image, kernel, {}, 2, 1); }),
            2.0 * 2 * 4 * 4 * 4 * 27);
}

TEST(FlopCounter, CountsBackwardPassesOfWhatNeedsAGradient) {
  const at::Tensor image = at::ones({1, 3, 8, 8}).requires_grad_();
  const at::Tensor kernel = at::ones({4, 3, 3, 3});
  const double once = 2.0 * 4 * 64 * 27;
  const at::Tensor out = at::conv2d(image, kernel, {}, 1, 1);
  EXPECT_EQ(Counted([&] { out.backward(at::ones_like(out)); }), once);
}

TEST(FlopCounter, CountsAttention) {
  const at::Tensor q = at::ones({1, 2, 16, 8}), k = at::ones({1, 2, 32, 8});
  EXPECT_EQ(Counted([&] { at::scaled_dot_product_attention(q, k, k); }),
            2 * 2.0 * (2 * 16 * 8) * 32);
}

TEST(FlopCounter, BeginsAnewEachTime) {
  const at::Tensor a = at::ones({4, 4});
  EXPECT_EQ(Counted([&] { at::matmul(a, a); }), 128);
  EXPECT_EQ(Counted([] {}), 0);
}

}  // namespace
}  // namespace dg4d
