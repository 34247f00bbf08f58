#include <string>
#include <utility>
#include <vector>

#include "dg4d/core/exporter.h"
#include "dg4d/formats/ply_io.h"
#include "dg4d/scene/gaussian_sequence.h"

// Writes Gaussians as PLY files in the layout of 3D Gaussian Splatting: a
// folder with static.ply and, for Gaussians that move, frame_0001.ply and on,
// which SuperSplat and others open as a sequence. A path that ends in .ply gets
// the static Gaussians alone.
namespace dg4d::ply {

class Ply final : public Exporter {
 public:
  struct Options {
    std::string up = "-y";
    bool frames = true;

    template <typename V>
    void Visit(V& v) {
      v("up", up, {"-y", "+y"},
        "The file's upward axis: viewers of Gaussians take -y.");
      v("frames", frames,
        "Whether each frame of moving Gaussians is written, beside the still "
        "ones.");
    }
  };

  explicit Ply(Options options) : options_(std::move(options)) {}

  std::vector<Slot> Reads() const override { return {Slot::kGaussians}; }
  std::string DefaultPath() const override { return "gaussians"; }

 protected:
  absl::Status DoExport(const Scene& scene, const std::string& path,
                        RunContext& context) override {
    const PlyUp up = options_.up == "-y" ? PlyUp::kMinusY : PlyUp::kPlusY;
    return WriteGaussianSequence(
        path, scene.gaussians, scene.gaussian_frames,
        {.extension = "ply", .frames = options_.frames},
        [up](const Gaussians& gaussians) {
          return EncodeGaussiansPly(gaussians, up);
        },
        [&context] { return context.CheckCancelled(); });
  }

 private:
  const Options options_;
};

DG4D_REGISTER(Exporter, Ply, "ply",
              "Gaussians as PLY files in the 3D Gaussian Splatting layout, "
              "still and one a frame.");

}  // namespace dg4d::ply
