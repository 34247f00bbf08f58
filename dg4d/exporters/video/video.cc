#include <ATen/core/Tensor.h>
#include <ATen/ops/ones.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dg4d/base/files.h"
#include "dg4d/base/staged_folder.h"
#include "dg4d/base/status.h"
#include "dg4d/core/exporter.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/renderer.h"
#include "dg4d/scene/camera.h"
#include "dg4d/scene/gif_io.h"
#include "dg4d/scene/image_io.h"
#include "dg4d/scene/video_io.h"

// Films of a scene, as a folder: turntable.mp4 goes once around it while it
// moves, frames.mp4 shows one period of its motion from the front, input.png is
// the picture it was made from. A path that ends in .mp4 or .gif gets the
// turntable alone.
namespace dg4d::video {
namespace {

// A scene of fewer frames a second is shown with each frame held, so that the
// camera goes round smoothly; one that stands still is filmed at the latter.
constexpr double kLeastTurntableFps = 12;
constexpr double kStillFps = 24;

// Draws one frame of a scene from one camera, on white.
class Artist {
 public:
  virtual ~Artist() = default;
  virtual int frames() const = 0;
  virtual at::Tensor Draw(int frame, const Camera& camera) const = 0;
};

class GaussianArtist final : public Artist {
 public:
  GaussianArtist(const GaussianRenderer& renderer, const Scene& scene,
                 at::Device device)
      : renderer_(renderer), scene_(scene), device_(device) {}

  int frames() const override {
    return std::max(1, scene_.gaussian_frames.size());
  }
  at::Tensor Draw(int frame, const Camera& camera) const override {
    Gaussians gaussians =
        scene_.gaussian_frames.empty()
            ? scene_.gaussians
            : FrameAt(scene_.gaussians, scene_.gaussian_frames, frame);
    for (at::Tensor* tensor :
         {&gaussians.means, &gaussians.quaternions, &gaussians.log_scales,
          &gaussians.opacity_logits, &gaussians.sh}) {
      *tensor = tensor->to(device_);
    }
    const at::Tensor white = at::ones({1, 3}, gaussians.means.options());
    return renderer_.Render(BatchOf(gaussians, 1), {camera}, white, {}).rgb[0];
  }

 private:
  const GaussianRenderer& renderer_;
  const Scene& scene_;
  const at::Device device_;
};

class MeshArtist final : public Artist {
 public:
  MeshArtist(const MeshRenderer& renderer, const Scene& scene,
             at::Device device)
      : renderer_(renderer), scene_(scene), device_(device) {}

  int frames() const override { return static_cast<int>(scene_.meshes.size()); }
  at::Tensor Draw(int frame, const Camera& camera) const override {
    MeshBatch batch = BatchOf(scene_.meshes[frame], 1);
    for (at::Tensor* tensor : {&batch.vertices, &batch.triangles, &batch.uvs,
                               &batch.uv_triangles, &batch.texture}) {
      *tensor = tensor->to(device_);
    }
    const at::Tensor white =
        at::ones({1, batch.texture.size(3)}, batch.vertices.options());
    return renderer_.Render(batch, {camera}, white).rgb[0];
  }

 private:
  const MeshRenderer& renderer_;
  const Scene& scene_;
  const at::Device device_;
};

absl::StatusOr<std::string> EncodeFilm(const std::vector<Image>& frames,
                                       double fps, const std::string& format) {
  return format == "gif" ? EncodeGif(frames, fps) : EncodeMp4(frames, fps);
}

}  // namespace

class FilmExporter final : public Exporter {
 public:
  struct Options {
    PluginSpec<Renderer> renderer = {"gaussian_splatting"};
    std::string format = "mp4";
    int size = 384;
    double seconds = 4;
    double elevation_degrees = 0;

    template <typename V>
    void Visit(V& v) {
      v("renderer", renderer,
        "Draws the films: a renderer of Gaussians shows the Gaussians, one of "
        "meshes the meshes.");
      v("format", format, {"mp4", "gif"}, "How the films are stored.");
      v("size", size, "Height and width in pixels.");
      v("seconds", seconds, "Time that the turntable takes to go round.");
      v("elevation_degrees", elevation_degrees,
        "How far the turntable's camera stands above (negative) or below the "
        "reference camera.");
    }
    absl::Status Validate() const {
      if (size < 16 || size > 4096) {
        return absl::InvalidArgumentError(
            absl::StrCat("size is ", size, ", but must be from 16 to 4096"));
      }
      if (!(seconds > 0 && seconds <= 600)) {
        return absl::InvalidArgumentError(absl::StrCat(
            "seconds is ", seconds, ", but must be above 0 and at most 600"));
      }
      return absl::OkStatus();
    }
  };

  explicit FilmExporter(Options options)
      : options_(std::move(options)), renderer_(options_.renderer.Create()) {}

  std::vector<Slot> Reads() const override {
    return {Slot::kReference,
            mesh_renderer() != nullptr ? Slot::kMeshes : Slot::kGaussians};
  }
  std::string DefaultPath() const override { return "preview"; }

 protected:
  absl::Status DoExport(const Scene& scene, const std::string& path,
                        RunContext& context) override;

 private:
  const MeshRenderer* mesh_renderer() const {
    return renderer_.ok() ? dynamic_cast<MeshRenderer*>(renderer_->get())
                          : nullptr;
  }
  absl::StatusOr<std::unique_ptr<Artist>> MakeArtist(const Scene& scene,
                                                     RunContext& context) const;
  absl::StatusOr<std::string> Turntable(const Artist& artist,
                                        const Scene& scene,
                                        const std::string& format,
                                        RunContext& context) const;
  absl::StatusOr<std::string> FrontLoop(const Artist& artist,
                                        const Scene& scene,
                                        RunContext& context) const;

  const Options options_;
  const absl::StatusOr<std::unique_ptr<Renderer>> renderer_;
};

absl::StatusOr<std::unique_ptr<Artist>> FilmExporter::MakeArtist(
    const Scene& scene, RunContext& context) const {
  DG4D_RETURN_IF_ERROR(renderer_.status());
  if (const MeshRenderer* renderer = mesh_renderer()) {
    for (const Mesh& mesh : scene.meshes) {
      DG4D_RETURN_IF_ERROR(CheckMesh(mesh));
      if (!mesh.textured()) {
        return absl::FailedPreconditionError(
            "the scene's meshes have no texture to draw; export after a stage "
            "that bakes one, or name a renderer of Gaussians");
      }
    }
    return std::make_unique<MeshArtist>(*renderer, scene, context.device());
  }
  const auto* renderer = dynamic_cast<GaussianRenderer*>(renderer_->get());
  if (renderer == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("renderer '", options_.renderer.plugin,
                     "' draws neither Gaussians nor meshes"));
  }
  return std::make_unique<GaussianArtist>(*renderer, scene, context.device());
}

absl::StatusOr<std::string> FilmExporter::Turntable(const Artist& artist,
                                                    const Scene& scene,
                                                    const std::string& format,
                                                    RunContext& context) const {
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

  Orbit orbit = OrbitOf(scene.reference_camera);
  orbit.elevation_degrees += options_.elevation_degrees;
  const double front = orbit.azimuth_degrees;
  const Camera intrinsics =
      scene.reference_camera.WithSize(options_.size, options_.size);
  std::vector<Image> film;
  film.reserve(count);
  for (int i = 0; i < count; ++i) {
    DG4D_RETURN_IF_ERROR(context.CheckCancelled());
    orbit.azimuth_degrees = front + 360.0 * i / count;
    film.push_back(ImageFromChw(
        artist.Draw(i / hold % frames, OrbitCamera(orbit, intrinsics))));
  }
  return EncodeFilm(film, fps, format);
}

absl::StatusOr<std::string> FilmExporter::FrontLoop(const Artist& artist,
                                                    const Scene& scene,
                                                    RunContext& context) const {
  const Camera camera =
      scene.reference_camera.WithSize(options_.size, options_.size);
  std::vector<Image> film;
  for (int frame = 0; frame < artist.frames(); ++frame) {
    DG4D_RETURN_IF_ERROR(context.CheckCancelled());
    film.push_back(ImageFromChw(artist.Draw(frame, camera)));
  }
  return EncodeFilm(film, FramesPerSecond(scene), options_.format);
}

absl::Status FilmExporter::DoExport(const Scene& scene, const std::string& path,
                                    RunContext& context) {
  const c10::AutoGradMode no_gradients(false);
  const double fps = FramesPerSecond(scene);
  if (!(fps > 0 && fps <= 1000)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the scene plays ", fps, " frames a second"));
  }
  DG4D_ASSIGN_OR_RETURN(const auto artist, MakeArtist(scene, context));
  for (const char* format : {"mp4", "gif"}) {
    if (!absl::EndsWithIgnoreCase(path, absl::StrCat(".", format))) continue;
    DG4D_ASSIGN_OR_RETURN(const std::string film,
                          Turntable(*artist, scene, format, context));
    return WriteFileAtomically(path, film);
  }

  StagedFolder folder(path);
  DG4D_ASSIGN_OR_RETURN(const std::string input, EncodePng(scene.reference));
  DG4D_RETURN_IF_ERROR(folder.Write("input.png", input));
  DG4D_ASSIGN_OR_RETURN(const std::string turntable,
                        Turntable(*artist, scene, options_.format, context));
  DG4D_RETURN_IF_ERROR(
      folder.Write(absl::StrCat("turntable.", options_.format), turntable));
  const std::string loop_name = absl::StrCat("frames.", options_.format);
  if (artist->frames() > 1) {
    DG4D_ASSIGN_OR_RETURN(const std::string loop,
                          FrontLoop(*artist, scene, context));
    DG4D_RETURN_IF_ERROR(folder.Write(loop_name, loop));
  }
  return folder.Commit(
      [&loop_name](const std::string& name) { return name == loop_name; });
}

DG4D_REGISTER(Exporter, FilmExporter, "video",
              "Films: once around the moving object, and its motion from the "
              "front.");

}  // namespace dg4d::video
