#include "dg4d/kernels/benchmark_scene.h"

#include <algorithm>
#include <cmath>

#include "dg4d/kernels/knn.h"

namespace dg4d {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr double kSh0 = 0.28209479177387814;

}  // namespace

BenchmarkGaussians MakeBenchmarkGaussians(BenchmarkScene scene, int64_t count) {
  const bool shell = scene == BenchmarkScene::kShell;
  BenchmarkRandom random(shell ? 2 : 1);
  BenchmarkGaussians gaussians;
  for (int64_t i = 0; i < count; ++i) {
    float u[10];
    for (int k = 0; k < (shell ? 10 : 6); ++k) u[k] = random.Draw();
    const double azimuth = 2 * kPi * u[0];
    const double cosine = 2.0 * u[1] - 1;
    const double sine = std::sqrt(std::max(0.0, 1 - cosine * cosine));
    const double radius =
        shell ? 0.4 + 0.02 * (2.0 * u[2] - 1) : 0.5 * std::cbrt(double{u[2]});
    for (const double x :
         {sine * std::cos(azimuth), sine * std::sin(azimuth), cosine}) {
      gaussians.means.push_back(static_cast<float>(radius * x));
    }
    for (int c = 0; c < 3; ++c) {
      gaussians.sh.push_back(static_cast<float>((u[3 + c] - 0.5) / kSh0));
    }
    double q[4] = {1, 0, 0, 0};
    if (shell) {
      for (int k = 0; k < 4; ++k) q[k] = 2.0 * u[6 + k] - 1;
    }
    const double length =
        std::sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
    for (const double x : q) {
      gaussians.quaternions.push_back(static_cast<float>(x / length));
    }
  }
  std::vector<float> squared(count);
  MeanSquaredDistanceToNearest3Cpu(
      {.points = gaussians.means.data(), .count = count}, squared.data());
  const double opacity = shell ? 0.8 : 0.1;
  const double factors[3] = {shell ? 0.7 : 1, shell ? 0.7 : 1,
                             shell ? 0.21 : 1};
  for (const float d2 : squared) {
    for (const double factor : factors) {
      gaussians.log_scales.push_back(static_cast<float>(
          std::log(factor * std::sqrt(std::max(double{d2}, 1e-7)))));
    }
    gaussians.opacity_logits.push_back(
        static_cast<float>(std::log(opacity / (1 - opacity))));
  }
  return gaussians;
}

BenchmarkCameras MakeBenchmarkCameras(int64_t images, int size) {
  BenchmarkCameras cameras;
  const double focal = size / 2.0 / std::tan(49.1 / 2 * kPi / 180);
  for (int64_t k = 0; k < images; ++k) {
    const double turn = 0.6180339887498949 * k;
    const double elevation = (-30 + 60 * (turn - std::floor(turn))) * kPi / 180;
    const double azimuth =
        images == 1 ? 0 : (360.0 * k / images - 180) * kPi / 180;
    // Negative elevation is above: the camera stands at 2 x back.
    const double ce = std::cos(elevation), se = std::sin(elevation);
    const double ca = std::cos(azimuth), sa = std::sin(azimuth);
    for (const double x : {ca, 0., -sa, 0.,                // right
                           -se * sa, -ce, -se * ca, 0.,    // down
                           -ce * sa, se, -ce * ca, 2.}) {  // forward
      cameras.view_from_world.push_back(static_cast<float>(x));
    }
    for (int i = 0; i < 2; ++i) {
      cameras.focal_lengths.push_back(static_cast<float>(focal));
    }
    for (int c = 0; c < 3; ++c) cameras.background.push_back(1);
  }
  return cameras;
}

BenchmarkGradients MakeBenchmarkGradients(int64_t images, int size) {
  BenchmarkRandom random(3);
  const int64_t pixels = int64_t{size} * size;
  // Drawn pixel by pixel, as rgb, depth, alpha.
  std::vector<float> planes[5];
  for (std::vector<float>& plane : planes) plane.reserve(pixels);
  for (int64_t pixel = 0; pixel < pixels; ++pixel) {
    for (std::vector<float>& plane : planes) {
      plane.push_back(2 * random.Draw() - 1);
    }
  }
  BenchmarkGradients gradients;
  for (int64_t b = 0; b < images; ++b) {
    const auto append = [&](int plane, std::vector<float>& to) {
      to.insert(to.end(), planes[plane].begin(), planes[plane].end());
    };
    for (int c = 0; c < 3; ++c) append(c, gradients.rgb);
    append(3, gradients.depth);
    append(4, gradients.alpha);
  }
  return gradients;
}

}  // namespace dg4d
