#include "tools/report/inspection.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "dg4d/core/plugin_spec.h"
#include "dg4d/scene/camera.h"
#include "dg4d/scene/ssim.h"
#include "tools/evaluation/metrics.h"

namespace dg4d {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kThumbnailSide = 168;
constexpr int kTurntableSide = 256;
constexpr double kTurntableSeconds = 4;
constexpr int kTurntablePictures = 48;  // where no period says how many
constexpr int kMostTurntablePictures = 64;
constexpr int kMostColumns = 16;
constexpr double kLeastTurntableFps = 12;

Image Thumbnail(const at::Tensor& rgb) {
  return ShrinkToSide(ImageFromChw(rgb), kThumbnailSide);
}

// The frames that are driven to: the video's, or the reference picture alone.
std::vector<Image> DrivingFrames(const Scene& scene) {
  if (!scene.video.frames.empty()) return scene.video.frames;
  if (!scene.reference.empty()) return {scene.reference};
  return {};
}

// Of `times` times, the one that shows frame `number` of the video; -1 if none
// does, because nothing moves yet.
int IndexOfFrame(const GaussianFrames& frames, int number, int times) {
  if (times != frames.size()) return number == 0 && times == 1 ? 0 : -1;
  const auto nearer = [number](double a, double b) {
    return std::abs(a - number) < std::abs(b - number);
  };
  return static_cast<int>(
      std::min_element(frames.times.begin(), frames.times.end(), nearer) -
      frames.times.begin());
}

// How like pictures are, summed over frames.
struct Likeness {
  int count = 0, outlines = 0;
  double psnr = 0, ssim = 0, iou = 0;
  double worst = std::numeric_limits<double>::infinity();

  // Equal pictures have no PSNR; a hundred is more than 8 bits can tell.
  double Add(const at::Tensor& rgb, const at::Tensor& alpha,
             const Image& driving) {
    const at::Tensor truth = Composite(driving);
    const double psnr_db = std::min(100.0, Psnr(rgb, truth));
    ++count;
    psnr += psnr_db;
    worst = std::min(worst, psnr_db);
    ssim += Ssim(rgb.unsqueeze(0), truth.unsqueeze(0)).item<double>();
    if (driving.has_alpha()) {
      ++outlines;
      iou += MaskIou(alpha, Alpha(driving));
    }
    return psnr_db;
  }

  void AddTo(Json& measures) const {
    if (count == 0) return;
    measures["compared_frames"] = count;
    measures["psnr_db"] = psnr / count;
    measures["worst_psnr_db"] = worst;
    measures["ssim"] = ssim / count;
    if (outlines > 0) measures["outline_iou"] = iou / outlines;
  }
};

// `count` pictures by `draw`(time, camera) from all around.
SceneInspector::Sheet Turntable(
    const Scene& scene, int times,
    const std::function<at::Tensor(int, const Camera&)>& draw) {
  const double scene_fps = FramesPerSecond(scene);
  int count = kTurntablePictures, periods = 1;
  double fps = count / kTurntableSeconds;
  if (times > 1 && scene_fps > 0) {
    periods = std::max(1, static_cast<int>(std::lround(kTurntableSeconds *
                                                       scene_fps / times)));
    const int hold = std::max(
        1, static_cast<int>(std::ceil(kLeastTurntableFps / scene_fps)));
    const double seconds = periods * times / scene_fps;
    // Each frame equally long, if that takes not too many pictures.
    if (periods * times * hold <= kMostTurntablePictures) {
      count = periods * times * hold;
    }
    fps = count / seconds;
  }
  // As wide as long or wider, and without a gap at the end.
  const auto columns_of = [](int pictures) {
    int rows = static_cast<int>(std::sqrt(pictures));
    while (pictures % rows != 0) --rows;
    return pictures / rows;
  };
  if (columns_of(count) > kMostColumns) {
    fps *= static_cast<double>(kTurntablePictures) / count;
    count = kTurntablePictures;
  }
  const int columns = columns_of(count);
  Orbit orbit = OrbitOf(scene.reference_camera);
  const double front = orbit.azimuth_degrees;
  const Camera intrinsics =
      scene.reference_camera.WithSize(kTurntableSide, kTurntableSide);
  std::vector<at::Tensor> rows, row;
  for (int i = 0; i < count; ++i) {
    orbit.azimuth_degrees = front + 360.0 * i / count;
    const int time = static_cast<int>(static_cast<int64_t>(i) * periods *
                                      times / count % times);
    row.push_back(draw(time, OrbitCamera(orbit, intrinsics)));
    if (static_cast<int>(row.size()) < columns) continue;
    rows.push_back(at::cat(row, 2));
    row.clear();
  }
  return {.picture = ImageFromChw(at::cat(rows, 1)),
          .columns = columns,
          .rows = count / columns,
          .side = kTurntableSide,
          .fps = fps};
}

}  // namespace

Image ShrinkToSide(const Image& image, int side) {
  const int longest = std::max(image.height(), image.width());
  if (longest <= side) return image;
  const auto shrunk = [&](int length) {
    return std::max(
        1, static_cast<int>(static_cast<int64_t>(length) * side / longest));
  };
  return Resize(image, shrunk(image.height()), shrunk(image.width()));
}

SceneInspector::SceneInspector(c10::Device device) : device_(device) {
  auto gaussians = PluginSpec<GaussianRenderer>{"gaussian_splatting"}.Create();
  if (gaussians.ok()) gaussian_renderer_ = *std::move(gaussians);
  auto meshes = PluginSpec<MeshRenderer>{"mesh_raster"}.Create();
  if (meshes.ok()) mesh_renderer_ = *std::move(meshes);
}

SceneInspector::View SceneInspector::DrawGaussians(const Scene& scene,
                                                   int index,
                                                   const Camera& camera) const {
  Gaussians gaussians =
      scene.gaussian_frames.empty()
          ? scene.gaussians
          : FrameAt(scene.gaussians, scene.gaussian_frames, index);
  for (at::Tensor* tensor :
       {&gaussians.means, &gaussians.quaternions, &gaussians.log_scales,
        &gaussians.opacity_logits, &gaussians.sh}) {
    *tensor = tensor->to(device_);
  }
  const GaussianRendering drawn = gaussian_renderer_->Render(
      BatchOf(gaussians, 1), {camera},
      at::ones({1, 3}, gaussians.means.options()), {});
  return {drawn.rgb[0].clamp(0, 1).cpu(), drawn.alpha[0].cpu()};
}

SceneInspector::View SceneInspector::DrawMesh(const Scene& scene, int index,
                                              const Camera& camera) const {
  MeshBatch batch = BatchOf(scene.meshes[index], 1);
  for (at::Tensor* tensor : {&batch.vertices, &batch.triangles, &batch.uvs,
                             &batch.uv_triangles, &batch.texture}) {
    *tensor = tensor->to(device_);
  }
  const MeshRendering drawn = mesh_renderer_->Render(
      batch, {camera}, at::ones({1, 3}, batch.vertices.options()));
  return {drawn.rgb[0].clamp(0, 1).cpu(), drawn.alpha[0].cpu()};
}

void SceneInspector::ChooseFrames(const Scene& scene) {
  const std::vector<Image> driving = DrivingFrames(scene);
  const int all = static_cast<int>(driving.size());
  if (all == 0 ||
      (all == driving_frames_ && driving.front().pixels.is_same(driving_))) {
    return;
  }
  driving_ = driving.front().pixels;
  driving_frames_ = all;
  frames_.clear();
  const int count = std::min(all, kMostFrames);
  for (int i = 0; i < count; ++i) {
    const int number = i * all / count;
    frames_.push_back(
        {.number = number, .driving = Thumbnail(Composite(driving[number]))});
  }
}

nlohmann::ordered_json SceneInspector::InspectGaussians(const Scene& scene) {
  const int times = std::max(1, scene.gaussian_frames.size());
  Json measures = {{"count", scene.gaussians.size()}, {"frames", times}};
  const std::vector<Image> driving = DrivingFrames(scene);
  Likeness likeness;
  for (Frame& frame : frames_) {
    frame.gaussians = {};
    const int index = IndexOfFrame(scene.gaussian_frames, frame.number, times);
    if (index < 0 || gaussian_renderer_ == nullptr) continue;
    const Image& truth = driving[frame.number];
    const View view = DrawGaussians(
        scene, index,
        scene.reference_camera.WithSize(truth.height(), truth.width()));
    frame.gaussians_psnr = likeness.Add(view.rgb, view.alpha, truth);
    frame.gaussians = Thumbnail(view.rgb);
  }
  likeness.AddTo(measures);
  return measures;
}

nlohmann::ordered_json SceneInspector::InspectMeshes(const Scene& scene) {
  const int times = static_cast<int>(scene.meshes.size());
  const Mesh& first = scene.meshes.front();
  const bool one_topology = HaveOneTopology(scene.meshes);
  const MeshTopology topology = AnalyzeTopology(first);
  int closed = topology.closed_manifold() ? times : 0;
  if (!one_topology) {
    closed = static_cast<int>(std::count_if(
        scene.meshes.begin(), scene.meshes.end(), [](const Mesh& mesh) {
          return AnalyzeTopology(mesh).closed_manifold();
        }));
  }
  Json measures = {{"frames", times},
                   {"vertices", first.vertex_count()},
                   {"triangles", first.triangle_count()},
                   {"components", topology.components},
                   {"closed_frames", closed},
                   {"one_topology", one_topology}};
  if (first.textured()) {
    measures["texture"] = {first.albedo.width(), first.albedo.height()};
  }
  const std::vector<Image> driving = DrivingFrames(scene);
  Likeness likeness;
  for (Frame& frame : frames_) {
    frame.mesh = {};
    const int index = IndexOfFrame(scene.gaussian_frames, frame.number, times);
    if (index < 0 || mesh_renderer_ == nullptr ||
        !scene.meshes[index].textured()) {
      continue;
    }
    const Image& truth = driving[frame.number];
    const View view = DrawMesh(
        scene, index,
        scene.reference_camera.WithSize(truth.height(), truth.width()));
    frame.mesh_psnr = likeness.Add(view.rgb, view.alpha, truth);
    frame.mesh = Thumbnail(view.rgb);
  }
  likeness.AddTo(measures);
  return measures;
}

nlohmann::ordered_json SceneInspector::Inspect(const Scene& scene) {
  const c10::AutoGradMode no_gradients(false);
  ChooseFrames(scene);
  Json measures = Json::object();
  if (!scene.gaussians.empty() &&
      !(scene.gaussians.means.is_same(gaussians_) &&
        scene.gaussian_frames.means.is_same(gaussian_frames_))) {
    gaussians_ = scene.gaussians.means;
    gaussian_frames_ = scene.gaussian_frames.means;
    measures["gaussians"] = InspectGaussians(scene);
  }
  if (!scene.meshes.empty() &&
      !(scene.meshes.front().vertices.is_same(mesh_) &&
        scene.meshes.front().albedo.pixels.is_same(mesh_texture_))) {
    mesh_ = scene.meshes.front().vertices;
    mesh_texture_ = scene.meshes.front().albedo.pixels;
    measures["mesh"] = InspectMeshes(scene);
  }
  return measures;
}

SceneInspector::Sheet SceneInspector::GaussianTurntable(
    const Scene& scene) const {
  if (scene.gaussians.empty() || gaussian_renderer_ == nullptr) return {};
  const c10::AutoGradMode no_gradients(false);
  return Turntable(scene, std::max(1, scene.gaussian_frames.size()),
                   [&](int index, const Camera& camera) {
                     return DrawGaussians(scene, index, camera).rgb;
                   });
}

SceneInspector::Sheet SceneInspector::MeshTurntable(const Scene& scene) const {
  if (mesh_renderer_ == nullptr || scene.meshes.empty() ||
      !std::all_of(scene.meshes.begin(), scene.meshes.end(),
                   [](const Mesh& mesh) { return mesh.textured(); })) {
    return {};
  }
  const c10::AutoGradMode no_gradients(false);
  return Turntable(scene, static_cast<int>(scene.meshes.size()),
                   [&](int index, const Camera& camera) {
                     return DrawMesh(scene, index, camera).rgb;
                   });
}

}  // namespace dg4d
