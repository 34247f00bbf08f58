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

// Every image of [1, M, H, W] under the window. Images are channels: as a batch
// of one channel each they take eight times as long on a CPU.
at::Tensor Blur(const at::Tensor& images) {
  const int64_t count = images.size(1);
  const at::Tensor x = at::arange(-kRadius, kRadius + 1, images.options());
  at::Tensor weights = at::exp(x * x * (-0.5 / (kSigma * kSigma)));
  weights = (weights / weights.sum()).expand({count, 1, -1});
  constexpr int64_t kOnes[] = {1, 1};
  const auto blur = [&](const at::Tensor& of, const at::Tensor& window,
                        at::IntArrayRef padding) {
    return at::conv2d(of, window, {}, at::IntArrayRef(kOnes), padding,
                      at::IntArrayRef(kOnes), count);
  };
  return blur(blur(images, weights.unsqueeze(2), {0, kRadius}),
              weights.unsqueeze(3), {kRadius, 0});
}

}  // namespace

at::Tensor Ssim(const at::Tensor& a, const at::Tensor& b) {
  TORCH_CHECK(a.dim() == 4 && a.sizes() == b.sizes(),
              "Ssim compares two stacks of images of one size");
  const int64_t images = a.size(0) * a.size(1);
  const at::Tensor x = a.reshape({1, images, a.size(2), a.size(3)});
  const at::Tensor y = b.reshape({1, images, a.size(2), a.size(3)});
  const std::vector<at::Tensor> blurred =
      Blur(at::cat({x, y, x * x, y * y, x * y}, 1)).split(images, 1);
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
