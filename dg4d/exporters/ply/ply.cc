#include <algorithm>
#include <cctype>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "dg4d/base/staged_folder.h"
#include "dg4d/base/status.h"
#include "dg4d/core/exporter.h"
#include "dg4d/scene/gaussians.h"
#include "dg4d/scene/ply_io.h"

// Writes Gaussians as PLY files in the layout of 3D Gaussian Splatting: a
// folder with static.ply and, for Gaussians that move, frame_0001.ply and on,
// which SuperSplat and others open as a sequence. A path that ends in .ply gets
// the static Gaussians alone.
namespace dg4d::ply {
namespace {

constexpr absl::string_view kFramePrefix = "frame_";

std::string FrameName(int frame) {
  return absl::StrFormat("%s%04d.ply", kFramePrefix, frame + 1);
}

bool IsFrameName(absl::string_view name) {
  if (!absl::ConsumePrefix(&name, kFramePrefix) ||
      !absl::ConsumeSuffix(&name, ".ply") || name.size() < 4) {
    return false;
  }
  return std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isdigit(c) != 0; });
}

absl::Status CheckFrames(const Scene& scene) {
  const GaussianFrames& frames = scene.gaussian_frames;
  if (frames.empty()) return absl::OkStatus();
  if (!frames.means.defined() || frames.means.size(0) != frames.size() ||
      frames.means.size(1) != scene.gaussians.size()) {
    return absl::InvalidArgumentError(
        "the scene's gaussian_frames do not move its gaussians: their numbers "
        "differ");
  }
  return absl::OkStatus();
}

}  // namespace

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
    if (absl::EndsWithIgnoreCase(path, ".ply")) {
      return WriteGaussiansPly(path, scene.gaussians, up);
    }
    DG4D_RETURN_IF_ERROR(CheckFrames(scene));
    StagedFolder folder(path);
    DG4D_RETURN_IF_ERROR(
        folder.Write("static.ply", EncodeGaussiansPly(scene.gaussians, up)));
    const int frames = options_.frames ? scene.gaussian_frames.size() : 0;
    for (int frame = 0; frame < frames; ++frame) {
      DG4D_RETURN_IF_ERROR(context.CheckCancelled());
      DG4D_RETURN_IF_ERROR(folder.Write(
          FrameName(frame),
          EncodeGaussiansPly(
              FrameAt(scene.gaussians, scene.gaussian_frames, frame), up)));
    }
    return folder.Commit(IsFrameName);
  }

 private:
  const Options options_;
};

DG4D_REGISTER(Exporter, Ply, "ply",
              "Gaussians as PLY files in the 3D Gaussian Splatting layout, "
              "still and one a frame.");

}  // namespace dg4d::ply
