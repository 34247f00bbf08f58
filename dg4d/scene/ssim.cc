#include "dg4d/scene/ssim.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/exp.h>
#include <c10/util/Exception.h>

namespace dg4d {
namespace {

constexpr int kRadius = 5;
constexpr double kSigma = 1.5;
constexpr double kC1 = 0.01 * 0.01;
constexpr double kC2 = 0.03 * 0.03;

// Every image of [M, 1, H, W] under the window.
at::Tensor Blur(const at::Tensor& images) {
  const at::Tensor x = at::arange(-kRadius, kRadius + 1, images.options());
  at::Tensor weights = at::exp(x * x * (-0.5 / (kSigma * kSigma)));
  weights = weights / weights.sum();
  constexpr int64_t kStride[] = {1, 1};
  const at::Tensor across =
      at::conv2d(images, weights.view({1, 1, 1, -1}), {},
                 at::IntArrayRef(kStride), at::IntArrayRef({0, kRadius}));
  return at::conv2d(across, weights.view({1, 1, -1, 1}), {},
                    at::IntArrayRef(kStride), at::IntArrayRef({kRadius, 0}));
}

}  // namespace

at::Tensor Ssim(const at::Tensor& a, const at::Tensor& b) {
  TORCH_CHECK(a.dim() == 4 && a.sizes() == b.sizes(),
              "Ssim compares two stacks of images of one size");
  const int64_t images = a.size(0) * a.size(1);
  const at::Tensor x = a.reshape({images, 1, a.size(2), a.size(3)});
  const at::Tensor y = b.reshape({images, 1, a.size(2), a.size(3)});
  const std::vector<at::Tensor> blurred =
      Blur(at::cat({x, y, x * x, y * y, x * y})).split(images);
  const at::Tensor& mean_x = blurred[0];
  const at::Tensor& mean_y = blurred[1];
  const at::Tensor variance_x = blurred[2] - mean_x * mean_x;
  const at::Tensor variance_y = blurred[3] - mean_y * mean_y;
  const at::Tensor covariance = blurred[4] - mean_x * mean_y;
  return (((2 * mean_x * mean_y + kC1) * (2 * covariance + kC2)) /
          ((mean_x * mean_x + mean_y * mean_y + kC1) *
           (variance_x + variance_y + kC2)))
      .mean();
}

}  // namespace dg4d
