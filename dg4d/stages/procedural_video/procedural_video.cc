#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "dg4d/base/status.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/stage.h"
#include "dg4d/geometry/inflation/inflate.h"
#include "dg4d/geometry/inflation/motion.h"
#include "dg4d/geometry/inflation/proxy_renderer.h"

namespace dg4d::procedural_video {

// Makes the driving video without any weights: inflates the reference picture
// to a proxy surface, moves it, and draws it from the reference camera.
class ProceduralVideo final : public Stage {
 public:
  struct Options {
    std::string motion = "idle";
    double amplitude = 1;
    int cycles = 1;
    int frames = 14;
    double fps = 7;
    inflation::InflationOptions surface;

    template <typename V>
    void Visit(V& v) {
      v("motion", motion,
        {"idle", "dance", "twist", "wave", "sway", "hop", "nod", "squash",
         "turn", "breathe", "wobble"},
        "How the object moves; each motion returns to where it began.");
      v("amplitude", amplitude,
        "1: as meant; lowered where the object would leave the picture.");
      v("cycles", cycles, "How often the motion repeats within the video.");
      v("frames", frames, "Frames of the video.");
      v("fps", fps, "Frames a second.");
      v("surface", surface, "How the picture is inflated.");
    }

    absl::Status Validate() const {
      if (frames < 1 || frames > 1000) {
        return absl::InvalidArgumentError(
            absl::StrCat("frames is ", frames, "; it must be 1 to 1000"));
      }
      if (cycles < 1 || !(fps > 0) || !(amplitude >= 0)) {
        return absl::InvalidArgumentError(
            "cycles must be at least 1, fps positive, amplitude not negative");
      }
      return absl::OkStatus();
    }
  };

  explicit ProceduralVideo(Options options) : options_(std::move(options)) {}

  StageContract Contract() const override {
    return {.reads = {Slot::kReference},
            .reads_if_present = {},
            .writes = {Slot::kVideo, Slot::kProxy}};
  }

 protected:
  absl::Status DoRun(RunContext& context, Scene& scene) override {
    DG4D_ASSIGN_OR_RETURN(
        const inflation::Inflation surface,
        Inflate(scene.reference, scene.reference_camera, options_.surface));
    DG4D_RETURN_IF_ERROR(context.CheckCancelled());
    DG4D_ASSIGN_OR_RETURN(inflation::Motion motion,
                          inflation::Motion::Create(surface, options_.motion,
                                                    options_.amplitude));
    motion.FitToPicture(options_.frames);
    if (motion.amplitude() < options_.amplitude) {
      context.Warn(absl::StrFormat(
          "motion '%s' was reduced to amplitude %.2f so that the object stays "
          "in the picture; a smaller object (stage preprocess, border_ratio) "
          "leaves it more room",
          options_.motion, motion.amplitude()));
    }

    std::vector<Mesh> proxy;
    for (int i = 0; i < options_.frames; ++i) {
      const double phase = double(i) * options_.cycles / options_.frames;
      proxy.push_back(MeshOf(surface, motion.At(phase)));
      // Only positions differ from frame to frame.
      proxy.back().triangles = proxy.front().triangles;
      proxy.back().uvs = proxy.front().uvs;
      proxy.back().uv_triangles = proxy.front().uv_triangles;
    }
    DG4D_ASSIGN_OR_RETURN(scene.video, Draw(proxy, scene, context));
    scene.proxy = std::move(proxy);
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<Video> Draw(const std::vector<Mesh>& proxy, const Scene& scene,
                             RunContext& context) const {
    const inflation::ProxyRenderer renderer(proxy);
    const Camera camera = scene.reference_camera.WithSize(
        scene.reference.height(), scene.reference.width());
    Video video = {{}, options_.fps};
    for (int i = 0; i < options_.frames; ++i) {
      video.frames.push_back(
          i == 0 ? scene.reference
                 : inflation::StraightImage(renderer.Render(i, camera)));
      DG4D_RETURN_IF_ERROR(context.EndStep(i + 1, options_.frames));
    }
    return video;
  }

  const Options options_;
};

DG4D_REGISTER(Stage, ProceduralVideo, "procedural_video",
              "Makes the driving video by moving the inflated picture.");

}  // namespace dg4d::procedural_video
