#ifndef DG4D_KERNELS_GAUSSIAN_RASTER_CUDA_TEST_WORLD_H_
#define DG4D_KERNELS_GAUSSIAN_RASTER_CUDA_TEST_WORLD_H_

#include <cuda_runtime.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "dg4d/kernels/gaussian_raster_cuda.h"
#include "dg4d/kernels/gaussian_raster_test_world.h"
#include "gtest/gtest.h"

// What the tests of the CUDA rasteriser share: worlds on the device, and how
// near its results are to the CPU's.

namespace dg4d {

// An array on the device.
template <typename T>
class OnDevice {
 public:
  explicit OnDevice(const std::vector<T>& values) : size_(values.size()) {
    EXPECT_EQ(cudaMalloc(&data_, sizeof(T) * size_ + 1), cudaSuccess);
    cudaMemcpy(data_, values.data(), sizeof(T) * size_, cudaMemcpyDefault);
  }
  explicit OnDevice(size_t size, T value = 7)
      : OnDevice(std::vector<T>(size, value)) {}
  ~OnDevice() { cudaFree(data_); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

  T* data() const { return data_; }
  std::vector<T> Values() const {
    std::vector<T> values(size_);
    EXPECT_EQ(
        cudaMemcpy(values.data(), data_, sizeof(T) * size_, cudaMemcpyDefault),
        cudaSuccess);
    return values;
  }

 private:
  T* data_ = nullptr;
  size_t size_;
};

// A world on the device, with what is drawn of it and its loss's gradients.
template <typename Real>
struct DeviceWorld {
  explicit DeviceWorld(const World<Real>& world)
      : inputs(world.Inputs()),
        weights(LossWeights<Real>(world.images, world.width * world.height)),
        pixels(world.images * world.width * world.height),
        means(world.means),
        quaternions(world.quaternions),
        log_scales(world.log_scales),
        logits(world.logits),
        sh(world.sh),
        views(world.views),
        focals(world.focals),
        background(world.background),
        offsets(world.offsets),
        times(world.time_of_image),
        rgb(3 * pixels),
        alpha(pixels),
        depth(pixels),
        radii(world.images * world.count),
        rgb_gradient(weights.rgb),
        alpha_gradient(weights.alpha),
        depth_gradient(weights.depth),
        means_gradient(world.means.size()),
        quaternions_gradient(world.quaternions.size()),
        log_scales_gradient(world.log_scales.size()),
        logits_gradient(world.logits.size()),
        sh_gradient(world.sh.size()),
        background_gradient(world.background.size()),
        offsets_gradient(world.offsets.size()) {
    inputs.means = means.data();
    inputs.quaternions = quaternions.data();
    inputs.log_scales = log_scales.data();
    inputs.opacity_logits = logits.data();
    inputs.sh = sh.data();
    inputs.view_from_world = views.data();
    inputs.focal_lengths = focals.data();
    inputs.background = background.data();
    inputs.screen_offsets = offsets.data();
    inputs.time_of_image = times.data();
  }

  absl::Status Forward(GaussianRasterCudaWorkspace<Real>& workspace,
                       cudaStream_t stream = nullptr) {
    return GaussianRasterForwardCuda<Real>(
        inputs, {rgb.data(), alpha.data(), depth.data()}, radii.data(),
        workspace, stream);
  }
  absl::Status Backward(GaussianRasterCudaWorkspace<Real>& workspace,
                        cudaStream_t stream = nullptr) {
    return GaussianRasterBackwardCuda<Real>(
        inputs,
        {rgb_gradient.data(), alpha_gradient.data(), depth_gradient.data()},
        workspace,
        {means_gradient.data(), quaternions_gradient.data(),
         log_scales_gradient.data(), logits_gradient.data(), sh_gradient.data(),
         background_gradient.data(), offsets_gradient.data()},
        stream);
  }
  Images<Real> GetImages() const {
    return {rgb.Values(), alpha.Values(), depth.Values(), radii.Values()};
  }
  Gradients<Real> GetGradients() const {
    return {means_gradient.Values(),      quaternions_gradient.Values(),
            log_scales_gradient.Values(), logits_gradient.Values(),
            sh_gradient.Values(),         background_gradient.Values(),
            offsets_gradient.Values()};
  }

  GaussianRasterInputs<Real> inputs;
  const Images<Real> weights;
  const int64_t pixels;
  OnDevice<Real> means, quaternions, log_scales, logits, sh;
  OnDevice<Real> views, focals, background, offsets;
  OnDevice<int64_t> times;
  OnDevice<Real> rgb, alpha, depth;
  OnDevice<int32_t> radii;
  OnDevice<Real> rgb_gradient, alpha_gradient, depth_gradient;
  OnDevice<Real> means_gradient, quaternions_gradient, log_scales_gradient,
      logits_gradient, sh_gradient, background_gradient, offsets_gradient;
};

template <typename Real>
Images<Real> DrawOnDevice(const World<Real>& world) {
  DeviceWorld<Real> device(world);
  GaussianRasterCudaWorkspace<Real> workspace;
  const absl::Status status = device.Forward(workspace);
  EXPECT_TRUE(status.ok()) << status;
  return device.GetImages();
}

// Within `tolerance`, but for one value in a thousand: a pixel whose alpha is
// near 1/255, or whose light is near 1e-4, may fall on either side.
template <typename Real>
void ExpectImageNear(const Values<Real>& actual, const Values<Real>& expected,
                     double tolerance, const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  size_t apart = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], 0.03) << what << " " << i;
    apart += std::abs(actual[i] - expected[i]) > tolerance;
  }
  const size_t most = sizeof(Real) == 8 ? 0 : actual.size() / 1000;
  EXPECT_LE(apart, most) << what;
}

template <typename Real>
void ExpectImagesNear(const Images<Real>& actual,
                      const Images<Real>& expected) {
  const double tolerance = sizeof(Real) == 8 ? 1e-9 : 5e-5;
  ExpectImageNear(actual.rgb, expected.rgb, tolerance, "rgb");
  ExpectImageNear(actual.alpha, expected.alpha, tolerance, "alpha");
  ExpectImageNear(actual.depth, expected.depth, 2 * tolerance, "depth");
  ASSERT_EQ(actual.radii.size(), expected.radii.size());
  for (size_t i = 0; i < actual.radii.size(); ++i) {
    ASSERT_NEAR(actual.radii[i], expected.radii[i], 1) << i;
  }
}

// By cosines, within `tolerance`, and norms, within ten times that.
template <typename Real>
void ExpectGradientsNear(const Gradients<Real>& actual,
                         const Gradients<Real>& expected,
                         double tolerance = sizeof(Real) == 8 ? 1e-12 : 1e-4) {
  const auto compare = [&](const Values<Real>& a, const Values<Real>& b,
                           const char* what) {
    ASSERT_EQ(a.size(), b.size()) << what;
    double dot = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      dot += double(a[i]) * b[i];
      aa += double(a[i]) * a[i];
      bb += double(b[i]) * b[i];
    }
    ASSERT_GT(bb, 0) << what;
    EXPECT_GE(dot / std::sqrt(aa * bb), 1 - tolerance) << what;
    EXPECT_NEAR(std::sqrt(aa / bb), 1, 10 * tolerance) << what;
  };
  compare(actual.means, expected.means, "means");
  compare(actual.quaternions, expected.quaternions, "quaternions");
  compare(actual.log_scales, expected.log_scales, "log_scales");
  compare(actual.logits, expected.logits, "logits");
  compare(actual.sh, expected.sh, "sh");
  compare(actual.background, expected.background, "background");
  compare(actual.offsets, expected.offsets, "offsets");
}

template <typename Real>
void ExpectTwinsAgree(const World<Real>& world, bool deterministic = false) {
  DeviceWorld<Real> device(world);
  device.inputs.deterministic = deterministic;
  GaussianRasterCudaWorkspace<Real> workspace;
  const absl::Status forward = device.Forward(workspace);
  ASSERT_TRUE(forward.ok()) << forward;
  const absl::Status backward = device.Backward(workspace);
  ASSERT_TRUE(backward.ok()) << backward;
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  ExpectImagesNear(device.GetImages(), Draw(world));
  // Integers keep less than doubles do.
  ExpectGradientsNear(device.GetGradients(), LossGradients(world),
                      sizeof(Real) == 4 ? 1e-4
                      : deterministic   ? 1e-9
                                        : 1e-12);
}

// Equal, also where NaN.
template <typename Real>
void ExpectSameBytes(const Gradients<Real>& actual,
                     const Gradients<Real>& expected) {
  const auto compare = [](const Values<Real>& a, const Values<Real>& b,
                          const char* what) {
    ASSERT_EQ(a.size(), b.size()) << what;
    EXPECT_EQ(std::memcmp(a.data(), b.data(), sizeof(Real) * a.size()), 0)
        << what;
  };
  compare(actual.means, expected.means, "means");
  compare(actual.quaternions, expected.quaternions, "quaternions");
  compare(actual.log_scales, expected.log_scales, "log_scales");
  compare(actual.logits, expected.logits, "logits");
  compare(actual.sh, expected.sh, "sh");
  compare(actual.background, expected.background, "background");
  compare(actual.offsets, expected.offsets, "offsets");
}

}  // namespace dg4d

#endif  // DG4D_KERNELS_GAUSSIAN_RASTER_CUDA_TEST_WORLD_H_
