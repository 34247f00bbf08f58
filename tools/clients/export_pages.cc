// Exports the sample scenes as pages for the browser that judges them:
//
//   export_pages FOLDER
//
// FOLDER then has static.html, moving.html, changing.html, large.html, and
// views.json: pictures NAME.png by our own renderers of what `page` shows at
// `address`, and how far from them the page may be, on the mean, of 255.

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"
#include "dg4d/core/exporter.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/renderer.h"
#include "dg4d/formats/image_io.h"
#include "dg4d/kernels/benchmark_scene.h"
#include "dg4d/scene/camera.h"
#include "dg4d/testing/sample_scenes.h"

namespace dg4d {
namespace {

using Json = nlohmann::json;

constexpr int kWidth = 320, kHeight = 256;

absl::Status ExportPage(const Scene& scene, const std::string& path) {
  DG4D_ASSIGN_OR_RETURN(const auto exporter,
                        Registry<Exporter>::Create("html", {}));
  RunContext context;
  return exporter->Export(scene, path, context);
}

at::Tensor White() { return at::ones({1, 3}); }

// One frame of `scene` at `azimuth` degrees, as our renderers draw it.
absl::StatusOr<Image> Drawn(const Scene& scene, bool meshes, int frame,
                            double azimuth) {
  Orbit orbit = OrbitOf(scene.reference_camera);
  orbit.azimuth_degrees = azimuth;
  const Camera camera =
      OrbitCamera(orbit, scene.reference_camera.WithSize(kHeight, kWidth));
  if (meshes) {
    DG4D_ASSIGN_OR_RETURN(const auto renderer,
                          PluginSpec<MeshRenderer>{"mesh_raster"}.Create());
    const MeshBatch batch = BatchOf(scene.meshes[frame], 1);
    return ImageFromChw(renderer->Render(batch, {camera}, White()).rgb[0]);
  }
  DG4D_ASSIGN_OR_RETURN(
      const auto renderer,
      PluginSpec<GaussianRenderer>{"gaussian_splatting"}.Create());
  const Gaussians gaussians =
      FrameAt(scene.gaussians, scene.gaussian_frames, frame);
  return ImageFromChw(
      renderer->Render(BatchOf(gaussians, 1), {camera}, White(), {}).rgb[0]);
}

at::Tensor Rows(const std::vector<float>& values, int columns) {
  return at::tensor(values).view({-1, columns});
}

// 20000 Gaussians of a converged object that breathes for 14 frames.
Scene LargeScene() {
  constexpr int kCount = 20000, kFrames = 14;
  const BenchmarkGaussians shell =
      MakeBenchmarkGaussians(BenchmarkScene::kShell, kCount);
  Scene scene = StaticScene();
  scene.meshes.clear();
  scene.gaussians = {.means = Rows(shell.means, 3),
                     .quaternions = Rows(shell.quaternions, 4),
                     .log_scales = Rows(shell.log_scales, 3),
                     .opacity_logits = Rows(shell.opacity_logits, 1),
                     .sh = Rows(shell.sh, 3).view({-1, 1, 3})};
  const Gaussians& still = scene.gaussians;
  std::vector<at::Tensor> means, quaternions, log_scales, opacity_logits;
  for (int t = 0; t < kFrames; ++t) {
    const double sway = 0.1 * std::sin(6.283185307179586 * t / kFrames);
    means.push_back(still.means * (1 + sway));
    quaternions.push_back(still.quaternions + sway);
    log_scales.push_back(still.log_scales + sway);
    opacity_logits.push_back(still.opacity_logits);
    scene.gaussian_frames.times.push_back(t);
  }
  scene.gaussian_frames.means = at::stack(means);
  scene.gaussian_frames.quaternions = at::stack(quaternions);
  scene.gaussian_frames.log_scales = at::stack(log_scales);
  scene.gaussian_frames.opacity_logits = at::stack(opacity_logits);
  return scene;
}

absl::Status ExportAll(const std::string& folder) {
  const Scene moving = MovingScene(), large = LargeScene();
  for (const auto& [name, scene] :
       {std::pair("static", StaticScene()), std::pair("moving", moving),
        std::pair("changing", ChangingScene()), std::pair("large", large)}) {
    DG4D_RETURN_IF_ERROR(
        ExportPage(scene, absl::StrCat(folder, "/", name, ".html")));
  }
  struct View {
    std::string name, page;
    const Scene& scene;
    bool meshes;
    int frame;
    double azimuth, mean;
  };
  Json views = Json::array();
  for (const View& view : {
           View{"gaussians_0", "moving", moving, false, 0, 0, 0.3},
           View{"gaussians_3", "moving", moving, false, 3, 40, 0.3},
           View{"gaussians_large", "large", large, false, 5, -100, 0.5},
           View{"mesh_0", "moving", moving, true, 0, 0, 1},
           View{"mesh_3", "moving", moving, true, 3, 40, 1},
       }) {
    DG4D_ASSIGN_OR_RETURN(const Image image, Drawn(view.scene, view.meshes,
                                                   view.frame, view.azimuth));
    DG4D_RETURN_IF_ERROR(
        WritePng(absl::StrCat(folder, "/", view.name, ".png"), image));
    views.push_back(
        {{"name", view.name},
         {"page", view.page + ".html"},
         {"address",
          absl::StrCat("view=", view.meshes ? "mesh" : "gaussians",
                       "&time=", view.frame, "&azimuth=", view.azimuth)},
         {"mean", view.mean}});
  }
  return WriteFileAtomically(folder + "/views.json", views.dump());
}

}  // namespace
}  // namespace dg4d

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  const absl::Status status = dg4d::ExportAll(argv[1]);
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return 1;
}
