#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "dg4d/core/config.h"
#include "dg4d/core/renderer.h"
#include "dg4d/core/stage.h"
#include "dg4d/geometry/gaussian_shell.h"
#include "dg4d/geometry/mesh_view.h"
#include "dg4d/geometry/surface.h"
#include "dg4d/kernels/mesh_coverage.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

constexpr int kSize = 96;
constexpr char kSmall[] =
    "target_triangles: 3000, texture_size: 256, views: {azimuths: 6}";

std::unique_ptr<Stage> MakeStage(const std::string& options) {
  return *Registry<Stage>::Create(
      "mesh_extraction",
      *ParseYaml("{" + options + ", " + kSmall + "}", "options"));
}

// A ball and a smaller one in front of its side, of smooth colours.
Scene TwoBalls() {
  std::vector<Surfel> surfels = SphereSurfels({-0.1, 0, 0}, 0.4, 0.02);
  for (const Surfel& s : SphereSurfels({0.45, 0.2, 0.2}, 0.12, 0.02)) {
    surfels.push_back(s);
  }
  for (Surfel& s : surfels) {
    s.rgb = {0.5 + 0.4 * std::sin(5 * s.position.x),
             0.5 + 0.4 * std::sin(5 * s.position.y + 1),
             0.5 + 0.4 * std::sin(5 * s.position.z + 2)};
  }
  Scene scene;
  scene.gaussians = DiscGaussians(surfels, 0.02);
  Camera intrinsics;
  intrinsics.width = intrinsics.height = kSize;
  scene.reference_camera = OrbitCamera({}, intrinsics);
  scene.reference.pixels = at::ones({kSize, kSize, 4});
  return scene;
}

// The same, moving sideways by `step` a frame.
Scene MovingBalls(int frames, double step) {
  Scene scene = TwoBalls();
  GaussianFrames& moving = scene.gaussian_frames;
  const Gaussians& still = scene.gaussians;
  std::vector<at::Tensor> means;
  for (int i = 0; i < frames; ++i) {
    moving.times.push_back(i);
    means.push_back(still.means + at::tensor({step * i, 0.0, 0.0}));
  }
  moving.means = at::stack(means).to(at::kFloat);
  moving.quaternions =
      at::stack(std::vector<at::Tensor>(frames, still.quaternions));
  moving.log_scales =
      at::stack(std::vector<at::Tensor>(frames, still.log_scales));
  moving.opacity_logits =
      at::stack(std::vector<at::Tensor>(frames, still.opacity_logits));
  return scene;
}

absl::Status Extract(const std::string& options, Scene& scene) {
  RunContext context;
  context.EnterStage("mesh_extraction");
  return MakeStage(options)->Run(context, scene);
}

// The mesh over white, [3, H, W].
at::Tensor Draw(const Mesh& mesh, const Camera& camera) {
  const Surface surface = SurfaceOf(mesh);
  const Projector projector(camera);
  std::vector<float> positions;
  for (const Vec3& vertex : surface.vertices) {
    const Vec3 p = projector.Project(vertex);
    for (const double value : {p.x * p.z, p.y * p.z, p.z}) {
      positions.push_back(static_cast<float>(value));
    }
  }
  MeshCoverageInputs<float> inputs;
  inputs.geometry.images = 1;
  inputs.geometry.vertex_count = mesh.vertex_count();
  inputs.geometry.triangle_count = mesh.triangle_count();
  inputs.geometry.width = camera.width;
  inputs.geometry.height = camera.height;
  inputs.geometry.positions = positions.data();
  inputs.geometry.triangles = mesh.triangles.data_ptr<int32_t>();
  inputs.closed = true;
  inputs.uvs = mesh.uvs.data_ptr<float>();
  inputs.uv_triangles = mesh.uv_triangles.data_ptr<int32_t>();
  inputs.layers = mesh.albedo.pixels.data_ptr<float>();
  inputs.layer_height = mesh.albedo.height();
  inputs.layer_width = mesh.albedo.width();
  at::Tensor rgba = at::zeros({camera.height, camera.width, 4});
  float* no_depth = nullptr;
  RenderMeshCoverageCpu(inputs, rgba.data_ptr<float>(), no_depth);
  return (rgba.narrow(2, 0, 3) + (1 - rgba.narrow(2, 3, 1))).permute({2, 0, 1});
}

at::Tensor Draw(const Gaussians& gaussians, const Camera& camera) {
  const auto renderer = Registry<Renderer>::Create("gaussian_splatting");
  return dynamic_cast<GaussianRenderer&>(**renderer)
      .Render(BatchOf(gaussians, 1), {camera}, at::ones({1, 3}), at::Tensor())
      .rgb[0]
      .clamp(0, 1);
}

TEST(MeshExtraction, LooksLikeTheGaussiansFromAllAround) {
  Scene scene = TwoBalls();
  const absl::Status status = Extract("topology: constant", scene);
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(scene.meshes.size(), 1u);
  const Mesh& mesh = scene.meshes[0];
  EXPECT_TRUE(AnalyzeTopology(mesh).closed_manifold());
  EXPECT_EQ(AnalyzeTopology(mesh).components, 2);
  EXPECT_GT(AnalyzeTopology(mesh).signed_volume, 0);
  EXPECT_LE(mesh.triangle_count(), 3000);
  EXPECT_TRUE(mesh.normals.defined());
  EXPECT_GT(Psnr(Draw(mesh, scene.reference_camera),
                 Draw(scene.gaussians, scene.reference_camera)),
            34);
  // Directions that are none of the stage's own.
  for (const double azimuth : {20.0, 110.0, 200.0, 290.0}) {
    const Camera camera =
        OrbitCamera({-15, azimuth, 2}, scene.reference_camera);
    EXPECT_GT(Psnr(Draw(mesh, camera), Draw(scene.gaussians, camera)), 30)
        << azimuth;
  }
}

int64_t HandlesOf(const Mesh& mesh) {
  const MeshTopology topology = AnalyzeTopology(mesh);
  const int64_t euler =
      mesh.vertex_count() - topology.edges + mesh.triangle_count();
  return topology.components - euler / 2;
}

TEST(MeshExtraction, KeepsAHoleThatIsSeenThrough) {
  Scene scene = TwoBalls();
  scene.gaussians = DiscGaussians(TorusSurfels(0.35, 0.15, 0.02), 0.02);
  const absl::Status status = Extract("topology: constant", scene);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(AnalyzeTopology(scene.meshes[0]).components, 1);
  EXPECT_EQ(HandlesOf(scene.meshes[0]), 1);
}

// A bowl with a bar across its hollow: views that look past the bar see the
// bottom.
TEST(MeshExtraction, HasNoHandleThatNoViewLooksThrough) {
  std::vector<Surfel> surfels;
  const auto add = [&](const Vec3& centre, double radius, double side) {
    for (Surfel s : SphereSurfels(centre, radius, 0.02)) {
      s.normal = side * s.normal;
      if (s.position.y < 0.12) surfels.push_back(s);
    }
  };
  add({0, 0, 0}, 0.42, 1);
  add({0, 0, 0}, 0.32, -1);
  for (double r = 0.3; r < 0.4; r += 0.02) {
    for (double angle = 0; angle < 6.28; angle += 0.02 / r) {
      surfels.push_back(
          {{r * std::cos(angle), 0.12, r * std::sin(angle)}, {0, 1, 0}});
    }
  }
  for (double x = -0.36; x < 0.36; x += 0.02) {
    for (double angle = 0; angle < 6.28; angle += 0.4) {
      const Vec3 normal = {0, std::cos(angle), std::sin(angle)};
      surfels.push_back({Vec3{x, 0, 0} + 0.05 * normal, normal});
    }
  }
  Scene scene = TwoBalls();
  scene.gaussians = DiscGaussians(surfels, 0.02);
  const absl::Status status = Extract("topology: constant", scene);
  ASSERT_TRUE(status.ok()) << status;
  const MeshTopology topology = AnalyzeTopology(scene.meshes[0]);
  EXPECT_TRUE(topology.closed_manifold());
  EXPECT_EQ(topology.components, 1);
  EXPECT_EQ(HandlesOf(scene.meshes[0]), 0);
  // It is still a bowl.
  constexpr double kBall = 4.0 / 3 * 3.14159 * 0.42 * 0.42 * 0.42;
  EXPECT_LT(topology.signed_volume, 0.65 * kBall);
}

// As they come out of training: closed only as wide as a renderer makes them.
TEST(MeshExtraction, WidensGaussiansThatLeaveGaps) {
  Scene scene = TwoBalls();
  scene.gaussians.log_scales += std::log(0.2);
  scene.gaussians.opacity_logits.zero_();
  const std::string options = "voxel_pixels: 0.5, seal_radius: 0, low_pass: ";
  constexpr double kBalls = 4.0 / 3 * 3.14159 * (0.064 + 0.001728);

  Scene widened = scene;
  absl::Status status = Extract(options + "0.6", widened);
  ASSERT_TRUE(status.ok()) << status;
  const MeshTopology topology = AnalyzeTopology(widened.meshes[0]);
  EXPECT_TRUE(topology.closed_manifold());
  EXPECT_EQ(topology.components, 2);
  EXPECT_NEAR(topology.signed_volume, kBalls, 0.2 * kBalls);

  // Too crumpled a shell cannot be unwrapped.
  status = Extract(options + "0", scene);
  EXPECT_TRUE(!status.ok() ||
              AnalyzeTopology(scene.meshes[0]).signed_volume < 0.5 * kBalls);
}

TEST(MeshExtraction, OneTopologyIsCarriedByTheGaussians) {
  Scene scene = MovingBalls(3, 0.05);
  const absl::Status status = Extract("topology: constant", scene);
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(scene.meshes.size(), 3u);
  EXPECT_TRUE(HaveOneTopology(scene.meshes));
  EXPECT_TRUE(HaveOneTexture(scene.meshes));
  for (int i = 0; i < 3; ++i) {
    const at::Tensor moved =
        scene.meshes[i].vertices - scene.meshes[0].vertices;
    const at::Tensor expected = at::tensor({0.05 * i, 0.0, 0.0});
    EXPECT_LT((moved - expected).abs().max().item<double>(), 1e-5);
  }
}

TEST(MeshExtraction, EachFrameCanHaveAMeshOfItsOwn) {
  Scene scene = MovingBalls(2, 0.3);
  const absl::Status status = Extract("topology: per_frame", scene);
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(scene.meshes.size(), 2u);
  for (int i = 0; i < 2; ++i) {
    const Gaussians gaussians =
        FrameAt(scene.gaussians, scene.gaussian_frames, i);
    EXPECT_TRUE(AnalyzeTopology(scene.meshes[i]).closed_manifold());
    EXPECT_GT(Psnr(Draw(scene.meshes[i], scene.reference_camera),
                   Draw(gaussians, scene.reference_camera)),
              33);
  }
}

TEST(MeshExtraction, SaysWhatToDoWithoutAnythingSolid) {
  Scene scene = TwoBalls();
  scene.gaussians.opacity_logits.fill_(-4);
  const absl::Status status = Extract("topology: constant", scene);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("density_threshold"), std::string::npos);
}

TEST(MeshExtraction, RefusesOptionsOutOfRange) {
  for (const char* options :
       {"{voxel_pixels: 0}", "{density_threshold: -1}", "{seal_radius: 9}",
        "{low_pass: -1}", "{texture_size: 4}", "{texture_padding: 500}",
        "{topology: some}", "{views: {azimuths: 0}}",
        "{views: {pole_weight: 0}}", "{renderer: mesh_raster}"}) {
    EXPECT_FALSE(
        Registry<Stage>::Create("mesh_extraction", *ParseYaml(options, "o"))
            .ok())
        << options;
  }
}

}  // namespace
}  // namespace dg4d
