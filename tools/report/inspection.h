#ifndef TOOLS_REPORT_INSPECTION_H_
#define TOOLS_REPORT_INSPECTION_H_

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "dg4d/core/renderer.h"
#include "dg4d/scene/scene.h"

namespace dg4d {

// `image`, shrunk if a side is longer than `side` so that none is.
Image ShrinkToSide(const Image& image, int side);

// Renders what stages made of a run's input as the reference camera sees it,
// measures how like it is, and keeps small pictures of both. Frames that drive
// the motion are compared with; where there is no video, the reference picture
// is. Draws with `gaussian_splatting` and `mesh_raster`; what has no renderer
// in this program is counted but not compared.
class SceneInspector {
 public:
  explicit SceneInspector(c10::Device device);

  // Looks at the Gaussians and the meshes of `scene` that it has not seen yet:
  //
  //   {"gaussians": {"count", "frames", and if compared "compared_frames",
  //                  "psnr_db", "worst_psnr_db", "ssim", "outline_iou"},
  //    "mesh": {"frames", "vertices", "triangles", "components",
  //             "closed_frames", "one_topology", "texture": [width, height],
  //             and the same if compared}}
  //
  // Means over frames, of which at most kMostFrames are compared, spread over
  // all; PSNR and SSIM over white; outline_iou where the frames have alpha.
  // vertices, triangles and components are the first frame's. Throws what
  // torch throws.
  nlohmann::ordered_json Inspect(const Scene& scene);
  static constexpr int kMostFrames = 16;

  // A frame that was compared. Pictures are small, over white, and empty where
  // there is nothing to show.
  struct Frame {
    int number = 0;  // of the video
    Image driving, gaussians, mesh;
    double gaussians_psnr = 0, mesh_psnr = 0;  // dB, where there is a picture
  };
  const std::vector<Frame>& frames() const { return frames_; }

  // Pictures of one size, by rows, in one large picture.
  struct Sheet {
    Image picture;
    int columns = 0, rows = 0, side = 0;
    double fps = 0;
  };
  // Once around the moving Gaussians or meshes of `scene`, in whole periods of
  // their motion and about four seconds. Empty if there is nothing to draw.
  Sheet GaussianTurntable(const Scene& scene) const;
  Sheet MeshTurntable(const Scene& scene) const;

 private:
  struct View {
    at::Tensor rgb;    // [3, H, W], in [0, 1], over white, on the CPU
    at::Tensor alpha;  // [1, H, W]
  };
  // Time `index` of the Gaussians (the meshes) of `scene`.
  View DrawGaussians(const Scene& scene, int index, const Camera& camera) const;
  View DrawMesh(const Scene& scene, int index, const Camera& camera) const;
  void ChooseFrames(const Scene& scene);
  nlohmann::ordered_json InspectGaussians(const Scene& scene);
  nlohmann::ordered_json InspectMeshes(const Scene& scene);

  const c10::Device device_;
  std::unique_ptr<GaussianRenderer> gaussian_renderer_;  // null: not linked
  std::unique_ptr<MeshRenderer> mesh_renderer_;
  // What was seen last.
  int driving_frames_ = 0;
  at::Tensor driving_, gaussians_, gaussian_frames_, mesh_, mesh_texture_;
  std::vector<Frame> frames_;
};

}  // namespace dg4d

#endif  // TOOLS_REPORT_INSPECTION_H_
