// Measures finished runs of the embedded default against what it promises.
//
//   measure_run FOLDER...
//
// Prints a Markdown table, a column a run, and exits with 1 if a value is
// beyond its limit. Pictures are compared at 256 x 256 over white.

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "dg4d/base/files.h"
#include "dg4d/base/parallel.h"
#include "dg4d/base/status.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/renderer.h"
#include "dg4d/core/run_context.h"
#include "dg4d/formats/obj_io.h"
#include "dg4d/formats/ply_io.h"
#include "dg4d/geometry/inflation/filters.h"
#include "dg4d/scene/mesh.h"
#include "dg4d/scene/scene.h"
#include "dg4d/training/view_metrics.h"
#include "tools/run_folder.h"

namespace dg4d {
namespace {

constexpr int kSize = 256;
constexpr double kUnlimited = std::numeric_limits<double>::infinity();

struct Measure {
  std::string name;
  double value;
  double least = -kUnlimited;
  double most = kUnlimited;

  bool met() const { return value >= least && value <= most; }
};

using Measures = std::vector<Measure>;

at::Tensor Wanted(const Scene& scene) {
  return Composite(Resize(scene.reference, kSize, kSize));
}

Camera Front(const Scene& scene) {
  return scene.reference_camera.WithSize(kSize, kSize);
}

absl::Status MeasureFront(const std::string& folder, const Scene& scene,
                          const Mesh& mesh, Measures& measures) {
  const at::Tensor white = at::ones({1, 3});
  DG4D_ASSIGN_OR_RETURN(
      const auto splatter,
      PluginSpec<GaussianRenderer>{"gaussian_splatting"}.Create());
  DG4D_ASSIGN_OR_RETURN(const Gaussians gaussians,
                        ReadGaussiansPly(folder + "/gaussians/frame_0001.ply"));
  const at::Tensor splats =
      splatter->Render(BatchOf(gaussians, 1), {Front(scene)}, white, {}).rgb;
  measures.push_back({"front view of the Gaussians, dB",
                      Psnr(splats[0].clamp(0, 1), Wanted(scene)), 32});
  DG4D_ASSIGN_OR_RETURN(const auto drawer,
                        PluginSpec<MeshRenderer>{"mesh_raster"}.Create());
  const at::Tensor triangles =
      drawer->Render(BatchOf(mesh, 1), {Front(scene)}, white).rgb;
  measures.push_back({"front view of the mesh, dB",
                      Psnr(triangles[0].clamp(0, 1), Wanted(scene)), 30});
  return absl::OkStatus();
}

// Parts of the picture's mask, and holes through it; specks do not count.
struct MaskTopology {
  int parts = 0;
  int holes = 0;
};

MaskTopology TopologyOfMask(const Image& picture) {
  const at::Tensor inside = (Alpha(picture)[0] > 0.5).contiguous();
  const int height = picture.height(), width = picture.width();
  // A margin, so that the background is one part.
  inflation::Mask mask(height + 2, width + 2, 0),
      background(height + 2, width + 2, 1);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      if (!inside.data_ptr<bool>()[int64_t{y} * width + x]) continue;
      mask(y + 1, x + 1) = 1;
      background(y + 1, x + 1) = 0;
    }
  }
  const auto parts = ConnectedComponents(mask, inflation::Connectivity::kEight);
  const auto gaps =
      ConnectedComponents(background, inflation::Connectivity::kFour);
  MaskTopology topology;
  for (int i = 1; i <= parts.count; ++i) {
    topology.parts += parts.areas[i] >= 0.0005 * Count(mask);
  }
  topology.holes = gaps.count - 1;
  return topology;
}

// The share of the surface whose triangles face against the normals of their
// corners: where it is crumpled, which programs that shade it show as specks.
double CrumpledShare(const Mesh& mesh) {
  const auto corner = [&](const at::Tensor& rows, int k) {
    return rows.index_select(0, mesh.triangles.select(1, k).to(at::kLong));
  };
  const at::Tensor a = corner(mesh.vertices, 0);
  const at::Tensor normals =
      (corner(mesh.vertices, 1) - a).cross(corner(mesh.vertices, 2) - a, 1);
  const at::Tensor smooth = VertexNormals(mesh.vertices, mesh.triangles);
  const at::Tensor areas = normals.norm(2, 1);
  at::Tensor against = areas < 0;
  for (int k = 0; k < 3; ++k) {
    against = against | ((normals * corner(smooth, k)).sum(1) < 0);
  }
  return ((areas * against).sum() / areas.sum()).item<double>();
}

void MeasureSurface(const Scene& scene, const Mesh& mesh, Measures& measures) {
  const MeshTopology topology = AnalyzeTopology(mesh);
  const MaskTopology mask = TopologyOfMask(scene.reference);
  const auto count = [](int64_t n) { return static_cast<double>(n); };
  // Euler's formula for closed surfaces.
  const int64_t euler =
      mesh.vertex_count() - topology.edges + mesh.triangle_count();
  measures.push_back(
      {"open edges", count(topology.open_edges), -kUnlimited, 0});
  measures.push_back({"non-manifold vertices",
                      count(topology.non_manifold_vertices), -kUnlimited, 0});
  measures.push_back({"parts more than in the picture",
                      count(topology.components - mask.parts), 0, 0});
  measures.push_back({"handles more than holes in the picture",
                      count(topology.components - euler / 2 - mask.holes), 0,
                      0});
  measures.push_back({"volume / the proxy's",
                      topology.signed_volume /
                          AnalyzeTopology(scene.proxy.at(0)).signed_volume,
                      0.9, 1.15});
  measures.push_back(
      {"crumpled surface, %", 100 * CrumpledShare(mesh), -kUnlimited, 0.5});
}

// How far vertices move at most, in world units.
struct Motion {
  double furthest = 0;  // from the first frame
  double step = 0;      // from a frame to the next
  double closing = 0;   // from the last frame to the first
  double bend = 0;      // change of step, the closing one included
};

Motion MotionOf(const std::vector<at::Tensor>& poses) {
  const auto longest = [](const at::Tensor& moves) {
    return moves.norm(2, 1).max().item<double>();
  };
  Motion motion;
  const size_t count = poses.size();
  for (size_t i = 0; i < count; ++i) {
    const at::Tensor& next = poses[(i + 1) % count];
    const at::Tensor& last = poses[(i + count - 1) % count];
    const double step = longest(next - poses[i]);
    if (i + 1 < count) {
      motion.step = std::max(motion.step, step);
    } else {
      motion.closing = step;
    }
    motion.bend = std::max(motion.bend, longest(next - 2 * poses[i] + last));
    motion.furthest = std::max(motion.furthest, longest(poses[i] - poses[0]));
  }
  return motion;
}

absl::Status MeasureMotion(const Scene& scene, Measures& measures) {
  std::vector<at::Tensor> poses, wanted;
  const std::vector<double>& times = scene.gaussian_frames.times;
  for (size_t i = 0; i < scene.meshes.size() && i < times.size(); ++i) {
    if (times[i] == std::floor(times[i])) {
      poses.push_back(scene.meshes[i].vertices);
    }
  }
  const size_t count = poses.size();
  if (count < 3 || count != static_cast<size_t>(scene.video.size()) ||
      count != scene.proxy.size() || !HaveOneTopology(scene.meshes)) {
    return absl::FailedPreconditionError(
        "there is no mesh of one topology for each frame of the video");
  }
  for (const Mesh& mesh : scene.proxy) wanted.push_back(mesh.vertices);
  const at::Tensor heights = poses[0].select(1, 1);
  const double height = (heights.max() - heights.min()).item<double>();
  const Motion motion = MotionOf(poses), proxy = MotionOf(wanted);
  measures.push_back(
      {"furthest move / height", motion.furthest / height, 0.01});
  measures.push_back(
      {"longest step / height", motion.step / height, 0.001, 0.08});
  // A loop has no step that stands out, but where the motion itself has one.
  measures.push_back(
      {"step from last to first / longest, over the proxy's",
       (motion.closing / motion.step) / (proxy.closing / proxy.step), 0, 1.15});
  // At most the step itself: no vertex turns on the spot.
  measures.push_back(
      {"change of step / longest", motion.bend / motion.step, 0, 1});
  return absl::OkStatus();
}

// Mean PSNR of `gaussians` against `proxy` from all around, at `frame`.
absl::StatusOr<double> HeldOutPsnr(const Scene& scene, Guidance& proxy,
                                   const Gaussians& gaussians, double frame,
                                   int directions, RunContext& context) {
  DG4D_ASSIGN_OR_RETURN(
      const auto renderer,
      PluginSpec<GaussianRenderer>{"gaussian_splatting"}.Create());
  Views views =
      HeldOutViews(scene.reference_camera, kSize, directions, {frame});
  RenderInto(*renderer, gaussians, views);
  DG4D_ASSIGN_OR_RETURN(const std::vector<double> psnrs,
                        PsnrAgainst(proxy, views, context.generator()));
  return Mean(psnrs);
}

// What each stage made better, in views that it was not shown.
absl::Status MeasureStages(const Scene& scene, Measures& measures) {
  RunContext context;
  context.EnterStage("measure");
  DG4D_ASSIGN_OR_RETURN(const auto still,
                        PluginSpec<Guidance>{"inflation"}.Create());
  Scene rest;
  rest.reference = scene.reference;
  rest.reference_camera = scene.reference_camera;
  DG4D_RETURN_IF_ERROR(still->Prepare(rest, context));
  const auto initial = still->InitialGaussians();
  if (!initial) return absl::InternalError("there is nothing to start from");
  const auto static_psnr = [&](const Gaussians& gaussians) {
    return HeldOutPsnr(scene, *still, gaussians, 0, 12, context);
  };
  DG4D_ASSIGN_OR_RETURN(const double static_before, static_psnr(*initial));
  DG4D_ASSIGN_OR_RETURN(const double static_after,
                        static_psnr(scene.gaussians));
  measures.push_back({"static, held out, initially, dB", static_before});
  measures.push_back(
      {"static, held out, at the end, dB", static_after, static_before + 1});

  DG4D_ASSIGN_OR_RETURN(const auto moving,
                        PluginSpec<Guidance>{"inflation"}.Create());
  DG4D_RETURN_IF_ERROR(moving->Prepare(scene, context));
  const GaussianFrames& frames = scene.gaussian_frames;
  double before = 0, after = 0;
  for (int i = 0; i < frames.size(); ++i) {
    const auto psnr = [&](const Gaussians& gaussians) {
      return HeldOutPsnr(scene, *moving, gaussians, frames.times[i], 6,
                         context);
    };
    DG4D_ASSIGN_OR_RETURN(const double still_psnr, psnr(scene.gaussians));
    DG4D_ASSIGN_OR_RETURN(const double moved_psnr,
                          psnr(FrameAt(scene.gaussians, frames, i)));
    before += still_psnr / frames.size();
    after += moved_psnr / frames.size();
  }
  measures.push_back({"dynamic, held out, without motion, dB", before});
  measures.push_back({"dynamic, held out, at the end, dB", after, before + 1});
  return absl::OkStatus();
}

absl::Status MeasureCost(const std::string& folder, Measures& measures) {
  DG4D_ASSIGN_OR_RETURN(const std::string text, ReadFile(folder + "/run.json"));
  const auto run = nlohmann::json::parse(text, nullptr, false);
  if (run.is_discarded() || !run.contains("stages")) {
    return absl::InvalidArgumentError(folder + "/run.json names no stages");
  }
  double seconds = 0, bytes = 0;
  for (const auto& stage : run["stages"]) {
    seconds += stage.value("seconds", kUnlimited);
    bytes = std::max(bytes, stage.value("peak_memory_bytes", kUnlimited));
  }
  measures.push_back({"seconds", seconds, 0, 240});
  measures.push_back({"memory, MiB", bytes / (1 << 20), 0, 4096});
  return absl::OkStatus();
}

absl::StatusOr<Measures> MeasureRun(const std::string& folder) {
  DG4D_ASSIGN_OR_RETURN(const Scene scene, LoadRun(folder));
  std::vector<std::string> notes;
  DG4D_ASSIGN_OR_RETURN(
      const std::vector<Mesh> meshes,
      ReadObjSequence({folder + "/meshes/mesh_0001.obj"}, notes));
  const Mesh& mesh = meshes[0];
  if (scene.proxy.empty()) {
    return absl::FailedPreconditionError("the video was not made by a proxy");
  }
  Measures measures;
  DG4D_RETURN_IF_ERROR(MeasureFront(folder, scene, mesh, measures));
  MeasureSurface(scene, mesh, measures);
  DG4D_RETURN_IF_ERROR(MeasureMotion(scene, measures));
  DG4D_RETURN_IF_ERROR(MeasureStages(scene, measures));
  DG4D_RETURN_IF_ERROR(MeasureCost(folder, measures));
  return measures;
}

std::string Number(double value) { return absl::StrFormat("%.4g", value); }

std::string Limit(const Measure& measure) {
  if (measure.least == measure.most) return Number(measure.most);
  std::string text;
  if (measure.least > 0 && measure.least < kUnlimited) {
    text = absl::StrCat(">= ", Number(measure.least));
  }
  if (measure.most < kUnlimited) {
    absl::StrAppend(&text, text.empty() ? "" : ", ",
                    "<= ", Number(measure.most));
  }
  return text;
}

// Returns whether all limits are kept.
bool Print(const std::vector<std::string>& folders,
           const std::vector<Measures>& runs) {
  std::cout << "| measure | limit |";
  for (const std::string& folder : folders) {
    std::cout << " " << folder.substr(folder.find_last_of('/') + 1) << " |";
  }
  std::cout << "\n|---|---|";
  for (size_t i = 0; i < folders.size(); ++i) std::cout << "---|";
  std::cout << "\n";
  bool met = true;
  for (size_t row = 0; row < runs[0].size(); ++row) {
    const Measure& first = runs[0][row];
    // Limits that are one run's own stand as what the column says.
    const bool shared = std::all_of(
        runs.begin(), runs.end(),
        [&](const Measures& run) { return run[row].least == first.least; });
    std::cout << "| " << first.name << " | "
              << (shared ? Limit(first) : "the row above + 1") << " |";
    for (const Measures& run : runs) {
      std::cout << " " << Number(run[row].value)
                << (run[row].met() ? "" : " **missed**") << " |";
      met = met && run[row].met();
    }
    std::cout << "\n";
  }
  return met;
}

int Main(const std::vector<std::string>& folders) {
  const at::NoGradGuard no_grad;
  at::set_num_threads(1);
  SetThreads(static_cast<int>(std::thread::hardware_concurrency()));
  if (folders.empty()) {
    std::cerr << "measure_run FOLDER...\n";
    return 2;
  }
  std::vector<Measures> runs;
  for (const std::string& folder : folders) {
    absl::StatusOr<Measures> measures = MeasureRun(folder);
    if (!measures.ok()) {
      std::cerr << folder << ": " << measures.status().message() << "\n";
      return 1;
    }
    runs.push_back(*std::move(measures));
  }
  return Print(folders, runs) ? 0 : 1;
}

}  // namespace
}  // namespace dg4d

int main(int argc, char** argv) { return dg4d::Main({argv + 1, argv + argc}); }
