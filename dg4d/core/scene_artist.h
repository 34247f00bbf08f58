#ifndef DG4D_CORE_SCENE_ARTIST_H_
#define DG4D_CORE_SCENE_ARTIST_H_

#include <c10/core/Device.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "dg4d/core/renderer.h"
#include "dg4d/scene/camera.h"
#include "dg4d/scene/image.h"
#include "dg4d/scene/scene.h"

namespace dg4d {

// Draws moments of a scene on white, by a renderer of Gaussians the Gaussians,
// by one of meshes the meshes.
class SceneArtist {
 public:
  // Of `renderer` and `scene`, which must outlive the artist; tensors are moved
  // to `device` for drawing. FailedPrecondition if the scene lacks what the
  // renderer draws: Gaussians, or meshes, which must be textured.
  static absl::StatusOr<std::unique_ptr<SceneArtist>> Create(
      const Renderer& renderer, const Scene& scene, c10::Device device);
  virtual ~SceneArtist() = default;

  // How many frames the scene's motion has; 1 if it stands still.
  virtual int frames() const = 0;

  // The picture at `frame`, which wraps round the motion. Between two frames,
  // and between the last and the first, Gaussians are InterpolatedFrame and
  // vertices linear; where topology or texture changes, the frame before is
  // shown.
  Image Draw(double frame, const Camera& camera) const;

 protected:
  // As Draw, of a frame that is whole where rounding alone keeps it from that.
  virtual Image DoDraw(double frame, const Camera& camera) const = 0;
};

// What a `renderer` draws: Slot::kMeshes or Slot::kGaussians.
Slot SlotDrawnBy(const Renderer& renderer);

// "; what it has is drawn by the renderer mesh_raster": for the end of a
// message that a renderer cannot draw `scene`, the linked ones that can; empty
// if there are none.
std::string OtherRenderers(const Scene& scene);

}  // namespace dg4d

#endif  // DG4D_CORE_SCENE_ARTIST_H_
