#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "dg4d/base/status.h"
#include "dg4d/core/options.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/renderer.h"
#include "dg4d/core/stage.h"
#include "dg4d/geometry/density_grid.h"
#include "dg4d/geometry/marching_cubes.h"
#include "dg4d/geometry/mesh_motion.h"
#include "dg4d/geometry/mesh_repair.h"
#include "dg4d/geometry/seen_space.h"
#include "dg4d/geometry/silhouette_fit.h"
#include "dg4d/geometry/solid_fill.h"
#include "dg4d/geometry/surface.h"
#include "dg4d/geometry/texture_bake.h"
#include "dg4d/geometry/tunnel_fill.h"
#include "dg4d/geometry/uv_atlas.h"

namespace dg4d::mesh_extraction {
namespace {

struct ViewOptions {
  std::vector<double> elevations = {0, -30, 30, -89.9, 89.9};
  int azimuths = 8;
  int size = 0;
  double front_weight = 30;
  // A view from 30 degrees above weighs 0.5^6 on what is horizontal
  // (BakeOptions::sharpness), and nothing else sees that from nearer.
  double pole_weight = 1e-4;

  template <typename V>
  void Visit(V& v) {
    v("elevations", elevations,
      "Degrees; negative is above. From each the Gaussians are seen all "
      "around, from the poles once.");
    v("azimuths", azimuths, "Views around at each elevation.");
    v("size", size,
      "Pixels a side of the views; 0: as the reference, which is what the "
      "Gaussians were made for.");
    v("front_weight", front_weight,
      "How much more the reference view counts than each other.");
    v("pole_weight", pole_weight,
      "How much views from straight above and below count. Gaussians are "
      "trained from within 30 degrees or so: what they show from there is "
      "left to chance, and decides only where no other view sees anything.");
  }
};

struct Options {
  std::string topology = "constant";
  PluginSpec<GaussianRenderer> renderer = {"gaussian_splatting"};
  double voxel_pixels = 1;
  double low_pass = 0.55;
  double density_threshold = 0.2;
  double min_opacity = 0.005;
  int seal_radius = 4;
  double min_component = 0.03;
  int smoothing = 25;
  int target_triangles = 25000;
  int silhouette_rounds = 4;
  int texture_size = 1024;
  int texture_padding = 4;
  int carriers = 16;
  ViewOptions views;

  template <typename V>
  void Visit(V& v) {
    v("topology", topology, {"constant", "per_frame"},
      "One mesh that the Gaussians' motion carries, with one texture, or a "
      "mesh "
      "of its own for each frame.");
    v("renderer", renderer, "Draws the Gaussians for outlines and texture.");
    v("voxel_pixels", voxel_pixels,
      "Size of a voxel, in pixels of the reference at the object.");
    v("low_pass", low_pass,
      "Standard deviation, in pixels of the reference, of the filter that "
      "widens each Gaussian. A renderer widens them by 0.55 of its pixels, so "
      "give more where they were trained on pictures smaller than the "
      "reference: with less than they were trained with, gaps open between "
      "them, and the solid is crumpled or hollow. At least 0.55 voxels.");
    v("density_threshold", density_threshold,
      "Where the density of the Gaussians comes up to this, the surface is "
      "begun.");
    v("min_opacity", min_opacity, "Gaussians of less opacity are left out.");
    v("seal_radius", seal_radius,
      "Gaps in the shell up to about twice as many voxels wide are sealed.");
    v("min_component", min_component,
      "Parts smaller than this fraction of the whole are removed.");
    v("smoothing", smoothing, "Rounds of smoothing that keeps the size.");
    v("target_triangles", target_triangles, "Triangles of the mesh.");
    v("silhouette_rounds", silhouette_rounds,
      "Rounds of fitting the mesh's outlines to the rendered ones; 0: none.");
    v("texture_size", texture_size, "Texels a side.");
    v("texture_padding", texture_padding, "Free texels around each chart.");
    v("carriers", carriers, "Gaussians that carry each vertex.");
    v("views", views, "Where texture and outlines are seen from.");
  }

  absl::Status Validate() const {
    Errors errors;
    const auto positive = [&](const char* name, double value) {
      if (!(value > 0)) {
        errors.Add(absl::StrCat(name, " must be positive, not ", value));
      }
    };
    positive("voxel_pixels", voxel_pixels);
    if (!(low_pass >= 0)) {
      errors.Add(
          absl::StrCat("low_pass must not be negative, but is ", low_pass));
    }
    positive("density_threshold", density_threshold);
    positive("target_triangles", target_triangles);
    positive("carriers", carriers);
    positive("views.azimuths", views.azimuths);
    positive("views.front_weight", views.front_weight);
    positive("views.pole_weight", views.pole_weight);
    if (seal_radius < 0 || seal_radius > 6) {
      errors.Add(absl::StrCat("seal_radius must be 0 to 6, not ", seal_radius));
    }
    if (views.size != 0 && (views.size < 16 || views.size > 4096)) {
      errors.Add(
          absl::StrCat("views.size must be 0 or 16 to 4096, not ", views.size));
    }
    if (texture_size < 16 || texture_size > 8192) {
      errors.Add(
          absl::StrCat("texture_size must be 16 to 8192, not ", texture_size));
    }
    if (texture_padding < 0 || texture_padding > texture_size / 8) {
      errors.Add(absl::StrCat("texture_padding must be 0 to ", texture_size / 8,
                              ", not ", texture_padding));
    }
    return errors.ToStatus();
  }
};

// From Gaussians to textured meshes: the surface that encloses their density
// (algorithm.md 7.1, with the interior filled and tunnels that no view looks
// through closed), cleaned, smoothed, decimated, fitted to their rendered
// outlines, unwrapped, and painted with what their renderings show.
class MeshExtraction : public Stage {
 public:
  using Options = mesh_extraction::Options;

  explicit MeshExtraction(Options options) : options_(std::move(options)) {}

  StageContract Contract() const override {
    return {.reads = {Slot::kGaussians},
            .reads_if_present = {Slot::kReference, Slot::kGaussianFrames},
            .writes = {Slot::kMeshes}};
  }

 protected:
  absl::Status DoRun(RunContext& context, Scene& scene) override {
    const at::NoGradGuard no_grad;
    DG4D_ASSIGN_OR_RETURN(renderer_, options_.renderer.Create());
    const Camera camera =
        scene.reference.empty() ? OrbitCamera({}) : scene.reference_camera;
    const GaussianFrames& frames = scene.gaussian_frames;
    const int meshes = std::max(frames.size(), 1);
    const bool constant = options_.topology == "constant";
    step_ = 0;
    steps_ = kStepsOfAMesh * (constant ? 1 : meshes) + (constant ? meshes : 0);

    std::vector<Mesh> result;
    for (int i = 0; i < (constant ? 1 : meshes); ++i) {
      const Gaussians gaussians = frames.empty()
                                      ? scene.gaussians
                                      : FrameAt(scene.gaussians, frames, i);
      DG4D_ASSIGN_OR_RETURN(Mesh mesh, MakeMesh(context, gaussians, camera));
      result.push_back(std::move(mesh));
    }
    if (constant) {
      DG4D_ASSIGN_OR_RETURN(result, Carry(context, result[0], frames));
    }
    scene.meshes = std::move(result);
    return absl::OkStatus();
  }

 private:
  static constexpr int kStepsOfAMesh = 5;

  absl::Status EndStep(RunContext& context, const Metrics& metrics = {}) {
    return context.EndStep(++step_, steps_, metrics);
  }

  absl::StatusOr<Mesh> MakeMesh(RunContext& context, const Gaussians& gaussians,
                                const Camera& camera) {
    DG4D_ASSIGN_OR_RETURN(const std::vector<BakeView> views,
                          RenderViews(context, gaussians, camera));
    DG4D_RETURN_IF_ERROR(EndStep(context));
    std::vector<SilhouetteView> outlines;
    for (const BakeView& view : views) {
      outlines.push_back({view.camera, view.alpha, view.weight});
    }
    DG4D_ASSIGN_OR_RETURN(Mesh mesh,
                          ExtractSurface(gaussians, camera, outlines));
    mesh = SmoothTaubin(mesh, {.iterations = options_.smoothing});
    mesh = Decimate(mesh, {.target_triangles = options_.target_triangles});
    DG4D_RETURN_IF_ERROR(EndStep(
        context, {{"triangles", static_cast<double>(mesh.triangle_count())}}));
    const SilhouetteFit fit =
        FitSilhouettes(mesh, outlines, {.rounds = options_.silhouette_rounds});
    DG4D_RETURN_IF_ERROR(
        EndStep(context, {{"outline_error_before", fit.error_before},
                          {"outline_error", fit.error_after}}));
    DG4D_ASSIGN_OR_RETURN(
        mesh, UnwrapUvs(fit.mesh, {.texture_size = options_.texture_size,
                                   .padding = options_.texture_padding}));
    DG4D_RETURN_IF_ERROR(EndStep(context));
    mesh.albedo = BakeTexture(mesh, views, {.size = options_.texture_size});
    mesh.normals = VertexNormals(mesh.vertices, mesh.triangles);
    DG4D_RETURN_IF_ERROR(EndStep(context));
    return mesh;
  }

  absl::StatusOr<Mesh> ExtractSurface(
      const Gaussians& gaussians, const Camera& camera,
      const std::vector<SilhouetteView>& outlines) const {
    const double radius = OrbitOf(camera).radius;
    // Generously what the camera can see at the object's distance.
    const double reach = 1.5 * radius * std::tan(camera.fov_y / 2);
    DG4D_ASSIGN_OR_RETURN(
        const BlockGrid density,
        DensityGrid(
            gaussians,
            {.voxel_size = options_.voxel_pixels * radius / camera.focal(),
             .min_opacity = options_.min_opacity,
             .low_pass = std::max(DensityOptions().low_pass,
                                  options_.low_pass / options_.voxel_pixels),
             .lower = {-reach, -reach, -reach},
             .upper = {reach, reach, reach}}));
    const BlockGrid solid =
        SolidFill(density, {.threshold = options_.density_threshold,
                            .seal_radius = options_.seal_radius});
    const SeenSpace seen(outlines);
    const Mesh mesh = MarchingCubes(
        FillTunnels(CarveOutline(solid, outlines[0]),
                    [&](const Vec3& p) { return seen.Contains(p); }),
        0);
    if (mesh.triangle_count() == 0) {
      return absl::FailedPreconditionError(absl::StrCat(
          "the density of the Gaussians nowhere comes up to ",
          options_.density_threshold,
          ": lower mesh_extraction's density_threshold, or train them longer"));
    }
    return RemoveSmallComponents(mesh, options_.min_component);
  }

  struct Viewpoint {
    Camera camera;
    double weight;
  };

  std::vector<Viewpoint> Viewpoints(const Camera& reference) const {
    const Orbit front = OrbitOf(reference);
    const int size =
        options_.views.size > 0 ? options_.views.size : reference.height;
    std::vector<Viewpoint> viewpoints = {
        {reference.WithSize(size, size), options_.views.front_weight}};
    for (const double elevation : options_.views.elevations) {
      const bool pole = std::abs(elevation) > 80;
      const int count = pole ? 1 : options_.views.azimuths;
      for (int i = 0; i < count; ++i) {
        Orbit orbit = front;
        orbit.elevation_degrees = elevation;
        orbit.azimuth_degrees += 360.0 * i / count;
        viewpoints.push_back({OrbitCamera(orbit, viewpoints[0].camera),
                              pole ? options_.views.pole_weight : 1});
      }
    }
    return viewpoints;
  }

  // The reference view first. One at a time: it bounds the memory.
  absl::StatusOr<std::vector<BakeView>> RenderViews(RunContext& context,
                                                    const Gaussians& gaussians,
                                                    const Camera& reference) {
    GaussianBatch batch = BatchOf(gaussians, 1);
    for (at::Tensor* tensor :
         {&batch.means, &batch.quaternions, &batch.log_scales,
          &batch.opacity_logits, &batch.sh}) {
      *tensor = tensor->to(context.device());
    }
    const at::Tensor black = at::zeros({1, 3}, batch.means.options());
    std::vector<BakeView> views;
    for (const auto& [camera, weight] : Viewpoints(reference)) {
      DG4D_RETURN_IF_ERROR(context.CheckCancelled());
      const GaussianRendering rendering =
          renderer_->Render(batch, {camera}, black, at::Tensor());
      views.push_back({.camera = camera,
                       .rgb = rendering.rgb[0].cpu().to(at::kFloat),
                       .alpha = rendering.alpha[0].cpu().to(at::kFloat),
                       .weight = weight});
    }
    return views;
  }

  // `mesh` at the time of each frame; itself if there are none.
  absl::StatusOr<std::vector<Mesh>> Carry(RunContext& context, const Mesh& mesh,
                                          const GaussianFrames& frames) {
    std::vector<Mesh> meshes = {mesh};
    DG4D_RETURN_IF_ERROR(EndStep(context));
    if (frames.size() < 2) return meshes;
    const MotionTransfer transfer(SurfaceOf(mesh), frames.means[0],
                                  {.carriers = options_.carriers});
    for (int i = 1; i < frames.size(); ++i) {
      Mesh moved = mesh;
      moved.vertices = TensorOf(transfer.At(frames.means[i]));
      moved.normals = VertexNormals(moved.vertices, moved.triangles);
      meshes.push_back(std::move(moved));
      DG4D_RETURN_IF_ERROR(EndStep(context));
    }
    return meshes;
  }

  const Options options_;
  std::unique_ptr<GaussianRenderer> renderer_;
  int64_t step_ = 0;
  int64_t steps_ = 0;
};

DG4D_REGISTER(Stage, MeshExtraction, "mesh_extraction",
              "Extracts closed, textured meshes from Gaussians.");

}  // namespace
}  // namespace dg4d::mesh_extraction
