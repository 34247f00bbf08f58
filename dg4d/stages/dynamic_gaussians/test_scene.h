#ifndef DG4D_STAGES_DYNAMIC_GAUSSIANS_TEST_SCENE_H_
#define DG4D_STAGES_DYNAMIC_GAUSSIANS_TEST_SCENE_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <memory>

#include "dg4d/base/random.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/renderer.h"
#include "dg4d/scene/scene.h"

// A cloud of Gaussians that sways, for tests of the stage.

namespace dg4d {

inline constexpr int kFrames = 6;
inline constexpr int kSize = 40;

inline Gaussians Cloud() {
  at::Generator generator = MakeGenerator(1, "cloud");
  return {.means = Uniform({60, 3}, -0.35, 0.35, generator),
          .quaternions = Normal({60, 4}, generator),
          .log_scales = Uniform({60, 3}, -2.8, -2.3, generator),
          .opacity_logits = Uniform({60, 1}, 1, 3, generator),
          .sh = ShFromRgb(Uniform({60, 3}, 0, 1, generator))};
}

inline Camera FrontCamera() {
  Camera intrinsics;
  intrinsics.width = intrinsics.height = kSize;
  return OrbitCamera({}, intrinsics);
}

// The upper half of the cloud sways, the lower stands.
inline Gaussians Swayed(double frame) {
  Gaussians cloud = Cloud();
  const double sway = 0.12 * std::sin(2 * M_PI * frame / kFrames);
  const at::Tensor share = (cloud.means.select(1, 1) + 0.35) / 0.7;
  cloud.means = cloud.means.clone();
  cloud.means.select(1, 0).add_(share * sway);
  return cloud;
}

inline std::unique_ptr<Renderer> MakeRenderer() {
  return Registry<Renderer>::Create("gaussian_splatting").value();
}

inline at::Tensor Rgba(const Gaussians& gaussians, const Camera& camera) {
  const auto renderer = MakeRenderer();
  const GaussianRendering rendering =
      dynamic_cast<const GaussianRenderer&>(*renderer).Render(
          BatchOf(gaussians, 1), {camera}, at::zeros({1, 3}), {});
  const at::Tensor alpha = rendering.alpha[0];
  return at::cat({rendering.rgb[0] / alpha.clamp_min(1e-6), alpha}).clamp(0, 1);
}

// The cloud at rest and a film of how it sways.
inline Scene MakeScene() {
  Scene scene;
  scene.gaussians = Cloud();
  scene.reference_camera = FrontCamera();
  for (int i = 0; i < kFrames; ++i) {
    scene.video.frames.push_back(
        ImageFromChw(Rgba(Swayed(i), scene.reference_camera)));
  }
  scene.reference = scene.video.frames.front();
  return scene;
}

}  // namespace dg4d

#endif  // DG4D_STAGES_DYNAMIC_GAUSSIANS_TEST_SCENE_H_
