#include <string>
#include <utility>
#include <vector>

#include "dg4d/base/files.h"
#include "dg4d/base/status.h"
#include "dg4d/core/exporter.h"
#include "dg4d/formats/gltf_splats_io.h"

// Writes the Gaussians of a scene as one .glb file (glTF 2.0) by
// KHR_gaussian_splatting, +y up as ours; Gaussians that move as one node a
// frame, shown in turn. Programs that do not know the extension show points.
namespace dg4d::gltf_splats {

class GltfSplatsExporter final : public Exporter {
 public:
  struct Options {
    std::string name = "gaussians";
    bool frames = true;

    template <typename V>
    void Visit(V& v) {
      v("name", name, "Name of the object in the file.");
      v("frames", frames,
        "Whether Gaussians that move are written frame by frame; else the "
        "still ones.");
    }
  };

  explicit GltfSplatsExporter(Options options) : options_(std::move(options)) {}

  std::vector<Slot> Reads() const override { return {Slot::kGaussians}; }
  std::string DefaultPath() const override { return "splats.glb"; }

 protected:
  absl::Status DoExport(const Scene& scene, const std::string& path,
                        RunContext& context) override {
    const GaussianFrames& moving = scene.gaussian_frames;
    DG4D_RETURN_IF_ERROR(CheckGaussianFrames(scene.gaussians, moving));
    GltfSplats splats = {.fps = FramesPerSecond(scene)};
    if (moving.empty() || !options_.frames) {
      splats.frames = {scene.gaussians};
    } else {
      for (int i = 0; i < moving.size(); ++i) {
        splats.frames.push_back(FrameAt(scene.gaussians, moving, i));
      }
    }
    DG4D_RETURN_IF_ERROR(context.CheckCancelled());
    DG4D_ASSIGN_OR_RETURN(
        const std::string bytes,
        EncodeGltfSplats(splats, options_.name, scene.provenance));
    return WriteFileAtomically(path, bytes);
  }

 private:
  const Options options_;
};

DG4D_REGISTER(Exporter, GltfSplatsExporter, "gltf_splats",
              "One .glb file of Gaussians (KHR_gaussian_splatting), still or "
              "shown frame by frame.");

}  // namespace dg4d::gltf_splats
