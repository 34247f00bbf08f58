#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/base/files.h"
#include "dg4d/base/staged_folder.h"
#include "dg4d/base/status.h"
#include "dg4d/core/exporter.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/renderer.h"
#include "dg4d/core/scene_artist.h"
#include "dg4d/formats/film.h"
#include "dg4d/formats/image_io.h"
#include "dg4d/scene/camera.h"
#include "dg4d/scene/camera_path.h"

// Films of a scene, as a folder: turntable.mp4 goes once around it while it
// moves, frames.mp4 shows one period of its motion from one place, path.mp4
// follows a camera's path; input.png is the picture it was made from, if any. A
// path
// that ends in .mp4 or .gif gets one film alone.
namespace dg4d::video {
namespace {

// A scene of fewer frames a second is shown with each frame held, so that the
// camera goes round smoothly; one that stands still is filmed at the latter.
constexpr double kLeastTurntableFps = 12;
constexpr double kStillFps = 24;

constexpr char kInputName[] = "input.png";

}  // namespace

class FilmExporter final : public Exporter {
 public:
  struct Options {
    PluginSpec<Renderer> renderer = {"gaussian_splatting"};
    std::string shot = "all";
    std::string path;
    std::string format = "mp4";
    int size = 384;
    int width = 0;
    double seconds = 4;
    double azimuth_degrees = 0;
    double elevation_degrees = 0;
    double fps = 30;

    template <typename V>
    void Visit(V& v) {
      v("renderer", renderer,
        "Draws the films: a renderer of Gaussians shows the Gaussians, one of "
        "meshes the meshes.");
      v("shot", shot, {"all", "turntable", "fixed", "path"},
        "What is filmed: once round the object while it moves; one period of "
        "its motion from one place; the way that 'path' says; or all of these, "
        "the last if 'path' is given.");
      v("path", path,
        "File of a camera's path (camera_path.json), as the live viewer writes "
        "it.");
      v("format", format, {"mp4", "gif", "png"},
        "How the films are stored; png: as numbered pictures.");
      v("size", size, "Height in pixels.");
      v("width", width, "Width in pixels; 0: as the height.");
      v("seconds", seconds, "Time that the turntable takes to go round.");
      v("azimuth_degrees", azimuth_degrees,
        "How far from the reference camera, towards +x, the turntable begins "
        "and the fixed camera stands.");
      v("elevation_degrees", elevation_degrees,
        "How far both stand above (negative) or below the reference camera.");
      v("fps", fps, "Pictures a second of a film along a path.");
    }
    absl::Status Validate() const {
      if (size < 16 || size > 4096) {
        return absl::InvalidArgumentError(
            absl::StrCat("size is ", size, ", but must be from 16 to 4096"));
      }
      if (width != 0 && (width < 16 || width > 4096)) {
        return absl::InvalidArgumentError(absl::StrCat(
            "width is ", width, ", but must be 0 or from 16 to 4096"));
      }
      if (!(seconds > 0 && seconds <= 600)) {
        return absl::InvalidArgumentError(absl::StrCat(
            "seconds is ", seconds, ", but must be above 0 and at most 600"));
      }
      if (!(fps >= 1 && fps <= 120)) {
        return absl::InvalidArgumentError(
            absl::StrCat("fps is ", fps, ", but must be from 1 to 120"));
      }
      if (shot == "path" && path.empty()) {
        return absl::InvalidArgumentError(
            "shot is 'path', but 'path' names no file");
      }
      return absl::OkStatus();
    }
  };

  explicit FilmExporter(Options options)
      : options_(std::move(options)), renderer_(options_.renderer.Create()) {}

  std::vector<Slot> Reads() const override {
    return {renderer_.ok() ? SlotDrawnBy(**renderer_) : Slot::kGaussians};
  }
  std::string Advice(const Scene& scene) const override {
    return OtherRenderers(scene);
  }
  std::string DefaultPath() const override { return "preview"; }

 protected:
  absl::Status DoExport(const Scene& scene, const std::string& path,
                        RunContext& context) override;

 private:
  // A film and what its file is called.
  struct Shot {
    std::string name;
    Film film;
  };

  Camera Intrinsics(const Scene& scene) const {
    return scene.reference_camera.WithSize(
        options_.size, options_.width > 0 ? options_.width : options_.size);
  }
  Orbit Start(const Scene& scene) const {
    Orbit orbit = OrbitOf(scene.reference_camera);
    orbit.azimuth_degrees += options_.azimuth_degrees;
    orbit.elevation_degrees += options_.elevation_degrees;
    return orbit;
  }
  Shot Turntable(const SceneArtist& artist, const Scene& scene) const;
  Shot Fixed(const SceneArtist& artist, const Scene& scene) const;
  absl::StatusOr<Shot> AlongPath(const SceneArtist& artist,
                                 const Scene& scene) const;
  // All that the options ask for, the one to be written alone first.
  absl::StatusOr<std::vector<Shot>> Shots(const SceneArtist& artist,
                                          const Scene& scene) const;

  const Options options_;
  const absl::StatusOr<std::unique_ptr<Renderer>> renderer_;
};

FilmExporter::Shot FilmExporter::Turntable(const SceneArtist& artist,
                                           const Scene& scene) const {
  const int frames = artist.frames();
  const double scene_fps = FramesPerSecond(scene);
  const int hold =
      frames == 1 ? 1
                  : std::max(1.0, std::ceil(kLeastTurntableFps / scene_fps));
  const double fps = frames == 1 ? kStillFps : hold * scene_fps;
  // Whole periods of the motion, so that both end where they began.
  const int period = frames * hold;
  const int periods = std::max(
      1, static_cast<int>(std::lround(options_.seconds * fps / period)));
  const int count = period * periods;
  const auto draw = [&artist, hold, count, start = Start(scene),
                     intrinsics = Intrinsics(scene)](int i) {
    Orbit orbit = start;
    orbit.azimuth_degrees += 360.0 * i / count;
    return artist.Draw(i / hold, OrbitCamera(orbit, intrinsics));
  };
  return {"turntable", {.count = count, .fps = fps, .frame = draw}};
}

FilmExporter::Shot FilmExporter::Fixed(const SceneArtist& artist,
                                       const Scene& scene) const {
  Camera camera = Intrinsics(scene);
  if (options_.azimuth_degrees != 0 || options_.elevation_degrees != 0) {
    camera = OrbitCamera(Start(scene), camera);
  }
  const auto draw = [&artist, camera](int i) { return artist.Draw(i, camera); };
  return {
      "frames",
      {.count = artist.frames(), .fps = FramesPerSecond(scene), .frame = draw}};
}

absl::StatusOr<FilmExporter::Shot> FilmExporter::AlongPath(
    const SceneArtist& artist, const Scene& scene) const {
  DG4D_ASSIGN_OR_RETURN(const CameraPath path, ReadCameraPath(options_.path));
  const double fps = options_.fps;
  const auto draw = [&artist, path, fps, rate = FramesPerSecond(scene),
                     intrinsics = Intrinsics(scene)](int i) {
    const CameraPathView view = ViewAt(path, i / fps, rate, intrinsics);
    return artist.Draw(view.frame, view.camera);
  };
  return Shot{"path",
              {.count = CountPictures(path, fps), .fps = fps, .frame = draw}};
}

absl::StatusOr<std::vector<FilmExporter::Shot>> FilmExporter::Shots(
    const SceneArtist& artist, const Scene& scene) const {
  const bool all = options_.shot == "all";
  std::vector<Shot> shots;
  if (options_.shot == "path" || (all && !options_.path.empty())) {
    DG4D_ASSIGN_OR_RETURN(Shot shot, AlongPath(artist, scene));
    shots.push_back(std::move(shot));
  }
  if (all || options_.shot == "turntable") {
    shots.push_back(Turntable(artist, scene));
  }
  if (options_.shot == "fixed" || (all && artist.frames() > 1)) {
    shots.push_back(Fixed(artist, scene));
  }
  return shots;
}

absl::Status FilmExporter::DoExport(const Scene& scene, const std::string& path,
                                    RunContext& context) {
  const double fps = FramesPerSecond(scene);
  if (!(fps > 0 && fps <= 1000)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the scene plays ", fps, " frames a second"));
  }
  DG4D_RETURN_IF_ERROR(renderer_.status());
  DG4D_ASSIGN_OR_RETURN(
      const auto artist,
      SceneArtist::Create(**renderer_, scene, context.device()));
  DG4D_ASSIGN_OR_RETURN(std::vector<Shot> shots, Shots(*artist, scene));
  for (Shot& shot : shots) {
    shot.film.frame = [&context, draw = std::move(shot.film.frame)](
                          int i) -> absl::StatusOr<Image> {
      DG4D_RETURN_IF_ERROR(context.CheckCancelled());
      return draw(i);
    };
  }
  if (!FilmFormatOf(path).empty()) return WriteFilm(path, shots[0].film);

  StagedFolder folder(path);
  if (HasSlot(scene, Slot::kReference)) {
    DG4D_ASSIGN_OR_RETURN(const std::string input, EncodePng(scene.reference));
    DG4D_RETURN_IF_ERROR(folder.Write(kInputName, input));
  }
  for (const Shot& shot : shots) {
    DG4D_RETURN_IF_ERROR(
        WriteFilmTo(folder, shot.name, shot.film, options_.format));
  }
  // A scene that stands still leaves no film of an earlier one's motion, and
  // one that was made from no picture leaves no picture.
  const bool all = options_.shot == "all";
  return folder.Commit([&](const std::string& file) {
    const auto is_of = [&](const std::string& name) {
      return IsFilmFile(file, name, options_.format);
    };
    return file == kInputName || (all && is_of("frames")) ||
           std::any_of(shots.begin(), shots.end(),
                       [&](const Shot& shot) { return is_of(shot.name); });
  });
}

DG4D_REGISTER(Exporter, FilmExporter, "video",
              "Films: once around the moving object, its motion from one "
              "place, and along a camera's path.");

}  // namespace dg4d::video
