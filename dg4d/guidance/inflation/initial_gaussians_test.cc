// The Gaussians that a static stage starts from already look like the object.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <cstdio>
#include <memory>
#include <string>

#include "dg4d/core/config.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/renderer.h"
#include "dg4d/core/run_context.h"
#include "dg4d/formats/image_io.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

constexpr int kSize = 256;

class Start : public testing::TestWithParam<std::string> {};

TEST_P(Start, ResemblesTheProxyFromAllAround) {
  const absl::StatusOr<Image> picture =
      ReadImage("testdata/" + GetParam() + ".png");
  ASSERT_TRUE(picture.ok()) << picture.status();
  Scene scene;
  scene.reference = *picture;
  Camera intrinsics;
  intrinsics.width = intrinsics.height = kSize;
  scene.reference_camera = OrbitCamera({}, intrinsics);
  // The low-pass for which the recipe's numbers were measured.
  const auto guidance = Registry<Guidance>::Create(
      "inflation", *ParseYaml("{gaussians: {low_pass: 0.1}}", "test"));
  ASSERT_TRUE(guidance.ok()) << guidance.status();
  RunContext context;
  ASSERT_TRUE((*guidance)->Prepare(scene, context).ok());
  const std::optional<Gaussians> gaussians = (*guidance)->InitialGaussians();
  ASSERT_TRUE(gaussians.has_value());

  Views views;
  views.reference_camera = scene.reference_camera;
  for (const double azimuth : {0, 45, 90, 180, -90, -45}) {
    views.cameras.push_back(
        OrbitCamera({.azimuth_degrees = azimuth}, intrinsics));
    views.frames.push_back(0);
  }
  views.background = at::ones({views.size(), 3});
  views.rgb = at::zeros({views.size(), 3, kSize, kSize});
  views.alpha = at::zeros({views.size(), 1, kSize, kSize});
  const absl::StatusOr<at::Tensor> target = (*guidance)->Refine(
      views, (*guidance)->Draw(views, 1, context.generator()));
  ASSERT_TRUE(target.ok()) << target.status();

  const at::NoGradGuard no_grad;
  const auto plugin = Registry<Renderer>::Create(
      "gaussian_splatting", *ParseYaml("{low_pass: 0.1}", "test"));
  ASSERT_TRUE(plugin.ok()) << plugin.status();
  const auto* renderer = dynamic_cast<GaussianRenderer*>(plugin->get());
  ASSERT_NE(renderer, nullptr);
  const GaussianRendering rendering = renderer->Render(
      BatchOf(*gaussians, views.size()), views.cameras, views.background, {});
  for (int i = 0; i < views.size(); ++i) {
    const double psnr = Psnr(rendering.rgb[i].clamp(0, 1), (*target)[i]);
    std::printf("%s view %d: %.2f dB\n", GetParam().c_str(), i, psnr);
    EXPECT_GT(psnr, i == 0 ? 26 : 25) << "view " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Testdata, Start,
                         testing::Values("character", "fox", "vase"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace dg4d
