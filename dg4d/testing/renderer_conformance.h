#ifndef DG4D_TESTING_RENDERER_CONFORMANCE_H_
#define DG4D_TESTING_RENDERER_CONFORMANCE_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/renderer.h"
#include "dg4d/testing/conformance_options.h"
#include "gtest/gtest.h"

namespace dg4d {

// What the suites for renderers of Gaussians and of meshes have in common.
// `Kind` is GaussianRenderer or MeshRenderer.

template <typename Kind>
absl::StatusOr<std::unique_ptr<Kind>> MakeRenderer(const std::string& name) {
  return PluginSpec<Kind>{name, ConformanceOptions(name)}.Create();
}

template <typename Kind>
std::vector<std::string> LinkedRenderers() {
  std::vector<std::string> names;
  for (const std::string& name : Registry<Renderer>::Names()) {
    if (MakeRenderer<Kind>(name).ok()) names.push_back(name);
  }
  return names;
}

// Cameras evenly around the origin, about level with it.
inline std::vector<Camera> CamerasAround(int count, int width, int height,
                                         double first_azimuth_degrees = 0) {
  std::vector<Camera> cameras;
  for (int b = 0; b < count; ++b) {
    cameras.push_back(OrbitCamera(
        {.elevation_degrees = 10.0 * b - 5,
         .azimuth_degrees = 360.0 * b / count + first_azimuth_degrees},
        {.width = width, .height = height}));
  }
  return cameras;
}

// [images, 3], each value another.
inline at::Tensor Backgrounds(int64_t images) {
  return at::arange(3 * images, at::kDouble).view({images, 3}) / 10;
}

// Equal up to the order of sums in double.
inline bool Same(const at::Tensor& a, const at::Tensor& b) {
  return a.sizes() == b.sizes() && a.allclose(b, 1e-9, 1e-12);
}

// A sum in which every value of `image` counts differently, in another way for
// each `shift`.
inline at::Tensor WeighedSum(const at::Tensor& image, double shift) {
  const at::Tensor weights =
      (at::arange(image.numel(), at::kDouble) + shift).sin();
  return (image * weights.view(image.sizes())).sum();
}

// Expects that `loss` changes by central differences of `step` along
// `direction` as `gradient` says, when the value that it reads changes.
inline void ExpectGradientAlong(const at::Tensor& direction, double step,
                                const at::Tensor& gradient, at::Tensor& value,
                                const std::function<at::Tensor()>& loss) {
  const at::Tensor before = value;
  value = before.detach() + step * direction;
  const double above = loss().item<double>();
  value = before.detach() - step * direction;
  const double below = loss().item<double>();
  value = before;
  const double expected = (above - below) / (2 * step);
  EXPECT_GT(std::abs(expected), 1e-6);  // or the test could not fail
  EXPECT_NEAR((gradient * direction).sum().item<double>(), expected,
              1e-5 * (1 + std::abs(expected)));
}

}  // namespace dg4d

#endif  // DG4D_TESTING_RENDERER_CONFORMANCE_H_
