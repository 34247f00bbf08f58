#include "dg4d/core/scene_artist.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/ones.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dg4d/base/status.h"
#include "dg4d/core/registry.h"

namespace dg4d {
namespace {

class GaussianArtist final : public SceneArtist {
 public:
  GaussianArtist(const GaussianRenderer& renderer, const Scene& scene,
                 c10::Device device)
      : renderer_(renderer), scene_(scene), device_(device) {}

  int frames() const override {
    return std::max(1, scene_.gaussian_frames.size());
  }
  Image DoDraw(double frame, const Camera& camera) const override {
    Gaussians gaussians =
        scene_.gaussian_frames.empty()
            ? scene_.gaussians
            : InterpolatedFrame(scene_.gaussians, scene_.gaussian_frames,
                                frame);
    for (at::Tensor* tensor :
         {&gaussians.means, &gaussians.quaternions, &gaussians.log_scales,
          &gaussians.opacity_logits, &gaussians.sh}) {
      *tensor = tensor->to(device_);
    }
    const at::Tensor white = at::ones({1, 3}, gaussians.means.options());
    return ImageFromChw(
        renderer_.Render(BatchOf(gaussians, 1), {camera}, white, {}).rgb[0]);
  }

 private:
  const GaussianRenderer& renderer_;
  const Scene& scene_;
  const c10::Device device_;
};

class MeshArtist final : public SceneArtist {
 public:
  MeshArtist(const MeshRenderer& renderer, const Scene& scene,
             c10::Device device)
      : renderer_(renderer),
        scene_(scene),
        device_(device),
        interpolates_(HaveOneTopology(scene.meshes) &&
                      HaveOneTexture(scene.meshes)) {}

  int frames() const override { return static_cast<int>(scene_.meshes.size()); }
  Image DoDraw(double frame, const Camera& camera) const override {
    const double floor = std::floor(frame);
    const int count = frames();
    const int index =
        static_cast<int>(floor - count * std::floor(floor / count));
    MeshBatch batch = BatchOf(scene_.meshes[index], 1);
    if (interpolates_ && frame > floor) {
      const Mesh& next = scene_.meshes[(index + 1) % count];
      batch.vertices =
          batch.vertices.lerp(next.vertices.unsqueeze(0), frame - floor);
    }
    for (at::Tensor* tensor : {&batch.vertices, &batch.triangles, &batch.uvs,
                               &batch.uv_triangles, &batch.texture}) {
      *tensor = tensor->to(device_);
    }
    const at::Tensor white =
        at::ones({1, batch.texture.size(3)}, batch.vertices.options());
    return ImageFromChw(renderer_.Render(batch, {camera}, white).rgb[0]);
  }

 private:
  const MeshRenderer& renderer_;
  const Scene& scene_;
  const c10::Device device_;
  const bool interpolates_;
};

absl::Status CheckDrawable(const std::vector<Mesh>& meshes) {
  for (size_t frame = 0; frame < meshes.size(); ++frame) {
    DG4D_RETURN_IF_ERROR(Annotate(CheckMesh(meshes[frame]),
                                  absl::StrCat("mesh of frame ", frame)));
    if (!meshes[frame].textured()) {
      return absl::FailedPreconditionError(
          "the scene's meshes have no texture to draw; do this after a stage "
          "that bakes one, or name a renderer of Gaussians");
    }
  }
  return absl::OkStatus();
}

}  // namespace

Slot SlotDrawnBy(const Renderer& renderer) {
  return dynamic_cast<const MeshRenderer*>(&renderer) != nullptr
             ? Slot::kMeshes
             : Slot::kGaussians;
}

std::string OtherRenderers(const Scene& scene) {
  std::vector<std::string> names;
  for (const std::string& name : Registry<Renderer>::Names()) {
    const auto renderer = Registry<Renderer>::Create(name, {});
    if (renderer.ok() && HasSlot(scene, SlotDrawnBy(**renderer))) {
      names.push_back(name);
    }
  }
  return names.empty() ? ""
                       : absl::StrCat("; what it has is drawn by the renderer ",
                                      absl::StrJoin(names, " or "));
}

Image SceneArtist::Draw(double frame, const Camera& camera) const {
  const c10::AutoGradMode no_gradients(false);
  const double nearest = std::round(frame);
  const bool is_whole = std::abs(frame - nearest) < 1e-6;
  return DoDraw(is_whole ? nearest : frame, camera);
}

absl::StatusOr<std::unique_ptr<SceneArtist>> SceneArtist::Create(
    const Renderer& renderer, const Scene& scene, c10::Device device) {
  const Slot slot = SlotDrawnBy(renderer);
  if (!HasSlot(scene, slot)) {
    return absl::FailedPreconditionError(
        absl::StrCat("there is nothing to draw: the scene has no ",
                     SlotName(slot), OtherRenderers(scene)));
  }
  if (const auto* of_meshes = dynamic_cast<const MeshRenderer*>(&renderer)) {
    DG4D_RETURN_IF_ERROR(CheckDrawable(scene.meshes));
    return std::make_unique<MeshArtist>(*of_meshes, scene, device);
  }
  const auto* of_gaussians = dynamic_cast<const GaussianRenderer*>(&renderer);
  if (of_gaussians == nullptr) {
    return absl::InvalidArgumentError(
        "the renderer draws neither Gaussians nor meshes");
  }
  return std::make_unique<GaussianArtist>(*of_gaussians, scene, device);
}

}  // namespace dg4d
