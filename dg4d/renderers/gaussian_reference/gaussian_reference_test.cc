// The oracle against formulas worked out by hand, where there are some: what
// stands alone before the camera, on its axis.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <memory>
#include <vector>

#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/renderer.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

constexpr int kSize = 33;  // the axis meets the centre of a pixel
constexpr int kMiddle = kSize / 2;
constexpr double kRadius = 2;
constexpr double kLowPass = 0.3;

Camera Front() {
  Camera intrinsics;
  intrinsics.width = intrinsics.height = kSize;
  return OrbitCamera({.radius = kRadius}, intrinsics);
}

struct Ball {
  double z;
  double sigma;
  double opacity;
  double level;  // of grey
};

GaussianRendering Draw(const std::vector<Ball>& balls) {
  Gaussians gaussians;
  std::vector<at::Tensor> means, quaternions, scales, logits, colours;
  for (const Ball& ball : balls) {
    const double logit = std::log(ball.opacity / (1 - ball.opacity));
    const double s = std::log(ball.sigma);
    means.push_back(at::tensor({0.0, 0.0, ball.z}));
    quaternions.push_back(at::tensor({1.0, 0.0, 0.0, 0.0}));
    scales.push_back(at::tensor({s, s, s}));
    logits.push_back(at::tensor({logit}));
    colours.push_back(at::tensor({ball.level, ball.level, ball.level}));
  }
  const auto rows = [](const std::vector<at::Tensor>& list) {
    return at::stack(list).to(at::kDouble);
  };
  gaussians.means = rows(means);
  gaussians.quaternions = rows(quaternions);
  gaussians.log_scales = rows(scales);
  gaussians.opacity_logits = rows(logits);
  gaussians.sh = ShFromRgb(rows(colours));
  const auto renderer =
      PluginSpec<GaussianRenderer>{"gaussian_reference"}.Create();
  return (*renderer)->Render(BatchOf(gaussians, 1), {Front()},
                             at::zeros({1, 3}, at::kDouble), at::Tensor());
}

double At(const at::Tensor& image, int y, int x) {
  return image[0][0][y][x].item<double>();
}

TEST(GaussianReference, ABallOnTheAxisIsAGaussianOfTheFormula) {
  const Ball ball = {.z = 0.3, .sigma = 0.12, .opacity = 0.8, .level = 0.6};
  const GaussianRendering rendering = Draw({ball});
  const double distance = kRadius - ball.z;
  const double pixels = Front().focal() * ball.sigma / distance;
  const double variance = pixels * pixels + kLowPass;
  for (const int offset : {0, 1, 3, 5}) {
    const double alpha =
        ball.opacity * std::exp(-0.5 * offset * offset / variance);
    EXPECT_NEAR(At(rendering.alpha, kMiddle, kMiddle + offset), alpha, 1e-6);
    EXPECT_NEAR(At(rendering.alpha, kMiddle - offset, kMiddle), alpha, 1e-6);
    EXPECT_NEAR(At(rendering.rgb, kMiddle, kMiddle + offset),
                alpha * ball.level, 1e-6);
  }
}

TEST(GaussianReference, TheNearerCoversTheFurtherWhateverTheirOrder) {
  const Ball near = {.z = 0.5, .sigma = 0.2, .opacity = 0.7, .level = 0.9};
  const Ball far = {.z = -0.5, .sigma = 0.3, .opacity = 0.6, .level = 0.2};
  for (const auto& balls :
       {std::vector<Ball>{near, far}, std::vector<Ball>{far, near}}) {
    const GaussianRendering rendering = Draw(balls);
    EXPECT_NEAR(At(rendering.rgb, kMiddle, kMiddle),
                0.7 * 0.9 + 0.3 * 0.6 * 0.2, 1e-6);
    EXPECT_NEAR(At(rendering.alpha, kMiddle, kMiddle), 1 - 0.3 * 0.4, 1e-6);
  }
}

TEST(GaussianReference, NothingIsMoreOpaqueThanTheCap) {
  const GaussianRendering rendering =
      Draw({{.z = 0, .sigma = 0.3, .opacity = 0.9999, .level = 1}});
  EXPECT_NEAR(At(rendering.alpha, kMiddle, kMiddle), 0.99, 1e-9);
}

TEST(GaussianReference, WhatIsBehindTheCameraIsNotDrawn) {
  const GaussianRendering rendering =
      Draw({{.z = 2.5, .sigma = 0.3, .opacity = 0.9, .level = 1}});
  EXPECT_EQ(rendering.alpha.abs().max().item<double>(), 0);
}

}  // namespace
}  // namespace dg4d
