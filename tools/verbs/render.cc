#include <ATen/ops/ones.h>

#include <cmath>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/renderer.h"
#include "dg4d/scene/gif_io.h"
#include "dg4d/scene/image_io.h"
#include "dg4d/scene/video_io.h"
#include "gflags/gflags.h"
#include "tools/flags.h"
#include "tools/scene_input.h"
#include "tools/verb.h"

DECLARE_string(to);
DEFINE_double(azimuth, 0, "Degrees from the front towards +x.");
DEFINE_double(elevation, 0, "Degrees; negative is above.");
DEFINE_double(radius, 0, "Distance of the camera; 0: the reference camera's.");
DEFINE_int32(frame, -1,
             "Frame to show; -1 plays all in a film, or shows the "
             "first in a picture.");
DEFINE_int32(size, 512, "Height and width in pixels.");
DEFINE_double(turns, 1,
              "Turns of the camera while a film plays; 0: it "
              "stands still.");
DEFINE_int32(seconds, 0,
             "Length of a film; 0: until the motion has played "
             "and the camera has turned.");
DEFINE_string(renderer, "gaussian_splatting", "Renderer of Gaussians.");

namespace dg4d {
namespace {

constexpr double kSecondsPerTurn = 6;

// The Gaussians at frame `index` of those the scene has, wrapping round.
Gaussians GaussiansAt(const Scene& scene, int index) {
  const int frames = scene.gaussian_frames.size();
  return frames == 0
             ? scene.gaussians
             : FrameAt(scene.gaussians, scene.gaussian_frames, index % frames);
}

Image RenderView(const GaussianRenderer& renderer, const Scene& scene,
                 int frame, double azimuth_degrees) {
  Orbit orbit = OrbitOf(scene.reference_camera);
  orbit.azimuth_degrees = azimuth_degrees;
  orbit.elevation_degrees = FLAGS_elevation;
  if (FLAGS_radius > 0) orbit.radius = FLAGS_radius;
  const Camera camera = OrbitCamera(
      orbit, scene.reference_camera.WithSize(FLAGS_size, FLAGS_size));
  const GaussianRendering rendering =
      renderer.Render(BatchOf(GaussiansAt(scene, frame), 1), {camera},
                      at::ones({1, 3}), at::Tensor());
  return ImageFromChw(rendering.rgb[0]);
}

absl::Status WriteFilm(const std::vector<Image>& frames, double fps) {
  if (absl::EndsWith(FLAGS_to, ".mp4")) return WriteMp4(FLAGS_to, frames, fps);
  DG4D_ASSIGN_OR_RETURN(const std::string gif, EncodeGif(frames, fps));
  return WriteFileAtomically(FLAGS_to, gif);
}

absl::Status RenderRun(const std::vector<std::string>& arguments) {
  if (arguments.size() != 1) {
    return absl::InvalidArgumentError(
        "which run or files? Say dg4d render INPUT --to=FILE");
  }
  const bool film =
      absl::EndsWith(FLAGS_to, ".mp4") || absl::EndsWith(FLAGS_to, ".gif");
  if (!film && !absl::EndsWith(FLAGS_to, ".png")) {
    return absl::InvalidArgumentError(
        absl::StrCat("--to=", FLAGS_to, ": expected .png, .mp4 or .gif"));
  }
  if (FLAGS_size < 1 || FLAGS_size > 8192) {
    return absl::InvalidArgumentError("--size must be from 1 to 8192");
  }
  const PluginSpec<GaussianRenderer> spec = {FLAGS_renderer, {}};
  const auto renderer = spec.Create();
  if (!renderer.ok()) {
    return absl::InvalidArgumentError(renderer.status().message());
  }
  ApplyThreads();
  DG4D_ASSIGN_OR_RETURN(const Scene scene, LoadScene(arguments[0]));
  if (scene.gaussians.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        arguments[0], " has no Gaussians yet: run static_gaussians first"));
  }
  const int available = std::max(1, scene.gaussian_frames.size());
  if (FLAGS_frame >= available) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--frame=", FLAGS_frame, ": the run has frames 0 to ", available - 1));
  }
  const int first = std::max(0, FLAGS_frame);
  if (!film) {
    DG4D_RETURN_IF_ERROR(WritePng(
        FLAGS_to, RenderView(**renderer, scene, first, FLAGS_azimuth)));
  } else {
    const double fps = std::max(1.0, FramesPerSecond(scene));
    const double turning = std::abs(FLAGS_turns) * kSecondsPerTurn;
    const double seconds =
        FLAGS_seconds > 0
            ? FLAGS_seconds
            : std::max(turning, FLAGS_frame < 0 ? available / fps : 1 / fps);
    const int count = std::max(1, static_cast<int>(std::lround(seconds * fps)));
    std::vector<Image> frames;
    for (int i = 0; i < count; ++i) {
      frames.push_back(
          RenderView(**renderer, scene, FLAGS_frame < 0 ? i : first,
                     FLAGS_azimuth + 360.0 * FLAGS_turns * i / count));
    }
    DG4D_RETURN_IF_ERROR(WriteFilm(frames, fps));
  }
  std::cout << FLAGS_to << "\n";
  return absl::OkStatus();
}

}  // namespace

const Verb& RenderVerb() {
  static const auto& verb = *new Verb{
      .name = "render",
      .summary =
          "Renders the result of a run, or files, as a picture or a film.",
      .usage = "INPUT --to=FILE.{png,mp4,gif} [flags]",
      .flags = {"to", "azimuth", "elevation", "radius", "frame", "size",
                "turns", "seconds", "renderer", "input_fps", "input_up",
                "threads"},
      .notes = "INPUT is what dg4d export takes.\n",
      .run = &RenderRun,
  };
  return verb;
}

}  // namespace dg4d
