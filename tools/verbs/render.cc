#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dg4d/base/status.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/renderer.h"
#include "dg4d/core/scene_artist.h"
#include "dg4d/formats/film.h"
#include "dg4d/formats/image_io.h"
#include "dg4d/scene/camera_path.h"
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
DEFINE_int32(size, 512, "Height in pixels.");
DEFINE_int32(width, 0, "Width in pixels; 0: as the height.");
DEFINE_double(turns, 1,
              "Turns of the camera while a film plays; 0: it "
              "stands still.");
DEFINE_int32(seconds, 0,
             "Length of a film; 0: until the motion has played "
             "and the camera has turned.");
DEFINE_double(fps, 0,
              "Pictures a second of a film; 0: those of the motion, or 30 "
              "along a path.");
DEFINE_string(camera_path, "",
              "File of a camera's path, as the live viewer writes it, for the "
              "camera of a film to follow.");
DEFINE_string(renderer, "gaussian_splatting",
              "What draws: a renderer of Gaussians or, as mesh_raster, of "
              "meshes.");

namespace dg4d {
namespace {

constexpr double kSecondsPerTurn = 6;
constexpr double kPathFps = 30;

// One picture, a film in one file, or a folder of numbered pictures.
enum class Kind { kPicture, kFilm };

absl::StatusOr<Kind> KindOf(const std::string& path) {
  if (absl::EndsWithIgnoreCase(path, ".png")) return Kind::kPicture;
  const size_t slash = path.find_last_of('/');
  const std::string name =
      slash == std::string::npos ? path : path.substr(slash + 1);
  const bool is_folder = !path.empty() && name.find('.') == std::string::npos;
  if (is_folder || !FilmFormatOf(path).empty()) return Kind::kFilm;
  return absl::InvalidArgumentError(absl::StrCat(
      "--to=", path,
      ": expected .png, .mp4 or .gif, or a folder for a film's pictures"));
}

// What contradicts --camera_path.
absl::Status CheckPathFlags(Kind kind) {
  if (FLAGS_camera_path.empty()) return absl::OkStatus();
  if (kind == Kind::kPicture) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--camera_path makes a film: say --to=FILE.mp4 or .gif, or --to=FOLDER "
        "for its pictures, instead of ",
        FLAGS_to));
  }
  for (const char* flag :
       {"azimuth", "elevation", "radius", "turns", "seconds", "frame"}) {
    if (!gflags::GetCommandLineFlagInfoOrDie(flag).is_default) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--camera_path says all that --", flag, " does; leave one out"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckFlags() {
  DG4D_ASSIGN_OR_RETURN(const Kind kind, KindOf(FLAGS_to));
  DG4D_RETURN_IF_ERROR(CheckPathFlags(kind));
  if (FLAGS_size < 1 || FLAGS_size > 8192) {
    return absl::InvalidArgumentError("--size must be from 1 to 8192");
  }
  if (FLAGS_width < 0 || FLAGS_width > 8192) {
    return absl::InvalidArgumentError("--width must be from 0 to 8192");
  }
  if (!(FLAGS_fps == 0 || (FLAGS_fps >= 1 && FLAGS_fps <= 120))) {
    return absl::InvalidArgumentError("--fps must be 0 or from 1 to 120");
  }
  return absl::OkStatus();
}

Camera Intrinsics(const Scene& scene) {
  return scene.reference_camera.WithSize(
      FLAGS_size, FLAGS_width > 0 ? FLAGS_width : FLAGS_size);
}

Camera ViewFrom(const Scene& scene, double azimuth_degrees) {
  Orbit orbit = OrbitOf(scene.reference_camera);
  orbit.azimuth_degrees = azimuth_degrees;
  orbit.elevation_degrees = FLAGS_elevation;
  if (FLAGS_radius > 0) orbit.radius = FLAGS_radius;
  return OrbitCamera(orbit, Intrinsics(scene));
}

// A film from cameras that go round the scene.
Film RoundTheScene(const SceneArtist& artist, const Scene& scene) {
  const double motion_fps = std::max(1.0, FramesPerSecond(scene));
  const double fps = FLAGS_fps > 0 ? FLAGS_fps : motion_fps;
  const double turning = std::abs(FLAGS_turns) * kSecondsPerTurn;
  const double motion = FLAGS_frame < 0 ? artist.frames() : 1;
  const double seconds = FLAGS_seconds > 0
                             ? FLAGS_seconds
                             : std::max(turning, motion / motion_fps);
  const int count = std::max(1, static_cast<int>(std::lround(seconds * fps)));
  return {.count = count, .fps = fps, .frame = [=, &artist, &scene](int i) {
            const double frame =
                FLAGS_frame < 0 ? i * motion_fps / fps : FLAGS_frame;
            return artist.Draw(
                frame, ViewFrom(scene, FLAGS_azimuth +
                                           360.0 * FLAGS_turns * i / count));
          }};
}

absl::StatusOr<Film> AlongPath(const SceneArtist& artist, const Scene& scene) {
  DG4D_ASSIGN_OR_RETURN(const CameraPath path,
                        ReadCameraPath(FLAGS_camera_path));
  const double fps = FLAGS_fps > 0 ? FLAGS_fps : kPathFps;
  return Film{.count = CountPictures(path, fps),
              .fps = fps,
              .frame = [=, &artist, &scene](int i) {
                const CameraPathView view = ViewAt(
                    path, i / fps, FramesPerSecond(scene), Intrinsics(scene));
                return artist.Draw(view.frame, view.camera);
              }};
}

absl::Status RenderRun(const std::vector<std::string>& arguments) {
  if (arguments.size() != 1) {
    return absl::InvalidArgumentError(
        "which run or files? Say dg4d render INPUT --to=FILE");
  }
  DG4D_RETURN_IF_ERROR(CheckFlags());
  const PluginSpec<Renderer> spec = {FLAGS_renderer, {}};
  const auto renderer = spec.Create();
  if (!renderer.ok()) {
    return absl::InvalidArgumentError(renderer.status().message());
  }
  ApplyThreads();
  DG4D_ASSIGN_OR_RETURN(const Scene scene, LoadScene(arguments[0]));
  absl::StatusOr<std::unique_ptr<SceneArtist>> made =
      SceneArtist::Create(**renderer, scene, c10::Device(c10::kCPU));
  if (!made.ok()) return Annotate(made.status(), arguments[0]);
  const SceneArtist& artist = **made;
  if (FLAGS_frame >= artist.frames()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--frame=", FLAGS_frame, ": the scene has frames 0 to ",
                     artist.frames() - 1));
  }
  if (*KindOf(FLAGS_to) == Kind::kPicture) {
    DG4D_RETURN_IF_ERROR(WritePng(
        FLAGS_to,
        artist.Draw(std::max(0, FLAGS_frame), ViewFrom(scene, FLAGS_azimuth))));
  } else {
    Film film = RoundTheScene(artist, scene);
    if (!FLAGS_camera_path.empty()) {
      DG4D_ASSIGN_OR_RETURN(film, AlongPath(artist, scene));
    }
    DG4D_RETURN_IF_ERROR(WriteFilm(FLAGS_to, film));
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
      .usage = "INPUT --to=FILE.{png,mp4,gif} | --to=FOLDER [flags]",
      .flags = {"to", "camera_path", "azimuth", "elevation", "radius", "frame",
                "size", "width", "turns", "seconds", "fps", "renderer",
                "input_fps", "input_up", "threads"},
      .notes =
          "INPUT is what dg4d export takes. A folder gets the pictures of "
          "a film, frame_0001.png and on.\n",
      .run = &RenderRun,
  };
  return verb;
}

}  // namespace dg4d
