#include "tools/evaluation/oracle.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "dg4d/base/status.h"
#include "dg4d/scene/camera.h"
#include "dg4d/scene/image.h"
#include "dg4d/testing/oracle_denoiser.h"

namespace dg4d {
namespace {

constexpr int kSteps = 800;

// As photometric's line (evaluation.cc), which sees true pictures; but from a
// ball of points, in the views that are usual for score distillation, with the
// noise annealed. The picture weighs as in DreamGaussian.
constexpr char kStage[] = R"(stages:
  static_gaussians:
    iterations: STEPS
    initial: {from: random_ball, points: 8000}
    reference: {size: SIZE}
    guidances:
    - plugin: oracle
      options: {object: OBJECT, image_size: SIZE, guidance_scale: 1}
    views: {count: 4, sizes: [SIZE], size_changes: []}
    densify: {until_step: SETTLED, opacity_reset_interval: 0}
    means_rate: {from: 0.01, to: 0.0002, steps: STEPS}
    sh_rate: {from: 0.02, to: 0.002, steps: STEPS}
    opacity_rate: {from: 0.05, to: 0.01, steps: STEPS}
    scale_rate: {from: 0.01, to: 0.001, steps: STEPS}
)";

Camera ReferenceCamera() { return OrbitCamera({.radius = 2}); }

}  // namespace

absl::StatusOr<std::unique_ptr<diffusion::ViewDenoiser>>
OracleGuidance::LoadDenoiser(RunContext&) const {
  DG4D_ASSIGN_OR_RETURN(SyntheticScene scene,
                        SyntheticScene::Create(oracle_.object));
  const int frames = oracle_.frames;
  return std::make_unique<OracleDenoiser>(
      OracleDenoiser::Truth{
          .look =
              [scene = std::move(scene), frames](const Camera& camera,
                                                 int frame) {
                return Composite(
                    scene.Render(camera, static_cast<double>(frame) / frames));
              },
          .frames = frames,
          .reference_camera = ReferenceCamera()},
      OracleDenoiser::Prior{.deviation = oracle_.deviation});
}

Scene OracleScene(const SyntheticScene& object, int size) {
  Scene scene;
  scene.reference_camera = ReferenceCamera().WithSize(size, size);
  scene.reference = object.Render(scene.reference_camera, 0);
  return scene;
}

std::string OracleConfig(const std::string& object, int size) {
  return absl::StrReplaceAll(kStage, {{"STEPS", absl::StrCat(kSteps)},
                                      {"SETTLED", absl::StrCat(kSteps * 4 / 5)},
                                      {"SIZE", absl::StrCat(size)},
                                      {"OBJECT", object}});
}

}  // namespace dg4d
