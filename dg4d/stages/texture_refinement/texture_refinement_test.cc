#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/ones.h>
#include <c10/core/GradMode.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "dg4d/base/parallel.h"
#include "dg4d/core/config.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/renderer.h"
#include "dg4d/core/run_context.h"
#include "dg4d/core/stage.h"
#include "dg4d/testing/sample_scenes.h"
#include "dg4d/testing/stop_after.h"
#include "dg4d/training/view_metrics.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d::texture_refinement {
namespace {

constexpr int kSize = 32;

std::unique_ptr<MeshRenderer> Raster() {
  return *PluginSpec<MeshRenderer>{"mesh_raster"}.Create();
}

const std::vector<Mesh>& TrueMeshes() {
  static const auto& meshes = *new std::vector<Mesh>(MovingScene(3).meshes);
  return meshes;
}

MeshRendering Draw(const std::vector<Mesh>& meshes, const Views& views) {
  MeshBatch batch = BatchOf(meshes[0], views.size());
  std::vector<at::Tensor> vertices;
  batch.mesh_of_camera.clear();
  for (int i = 0; i < views.size(); ++i) {
    const auto mesh = static_cast<size_t>(views.frames[i]);
    vertices.push_back(meshes[mesh].vertices.unsqueeze(0));
    batch.mesh_of_camera.push_back(i);
  }
  batch.vertices = at::cat(vertices);
  return Raster()->Render(batch, views.cameras, views.background);
}

// Knows what the true meshes look like from anywhere.
class Painter final : public Guidance {
 public:
  using Options = NoOptions;
  explicit Painter(Options) {}
  absl::Status Prepare(const Scene&, RunContext&) override {
    return absl::OkStatus();
  }
  Draws Draw(const Views&, double, at::Generator&) const override { return {}; }
  at::Tensor Loss(const Views& views, const Draws&) override {
    const MeshRendering wanted = texture_refinement::Draw(TrueMeshes(), views);
    return at::mse_loss(views.rgb, wanted.rgb) +
           at::mse_loss(views.alpha, wanted.alpha);
  }
};

class TextureRefinementTest : public testing::Test {
 protected:
  void SetUp() override { at::set_num_threads(1); }
  void TearDown() override { SetThreads(1); }

  static absl::Status Run(const std::string& yaml, Scene& scene,
                          RunContext::Settings settings = {}) {
    const auto stage = Registry<Stage>::Create("texture_refinement",
                                               *ParseYaml(yaml, "test.yaml"));
    if (!stage.ok()) return stage.status();
    RunContext context(std::move(settings));
    context.EnterStage("texture_refinement");
    return (*stage)->Run(context, scene);
  }

  static std::vector<Mesh> Refined(const std::string& yaml, Scene scene) {
    const absl::Status status = Run(yaml, scene);
    EXPECT_TRUE(status.ok()) << status;
    return scene.meshes;
  }

  // The true scene with grey meshes; its pictures show the true ones.
  static const Scene& GreyScene() {
    static const auto& scene = *new Scene(MakeGreyScene());
    return scene;
  }

  static Scene MakeGreyScene() {
    Scene scene = MovingScene(3);
    Views front;
    for (int i = 0; i < 3; ++i) {
      front.cameras.push_back(scene.reference_camera.WithSize(kSize, kSize));
      front.frames.push_back(i);
    }
    front.background = at::ones({3, 3});
    const MeshRendering rendering = Draw(TrueMeshes(), front);
    for (int i = 0; i < 3; ++i) {
      const at::Tensor alpha = rendering.alpha[i];
      const at::Tensor colour =
          (rendering.rgb[i] - (1 - alpha)) / alpha.clamp_min(1e-3);
      scene.video.frames[i] = ImageFromChw(at::cat({colour, alpha}));
    }
    scene.reference = scene.video.frames[0];
    const Image grey = {.pixels =
                            at::full_like(scene.meshes[0].albedo.pixels, 0.5)};
    for (Mesh& mesh : scene.meshes) mesh.albedo = grey;
    return scene;
  }

  // Of renderings of `meshes` from around, against the true ones.
  static double PsnrAround(const std::vector<Mesh>& meshes) {
    const Views views = HeldOutViews(OrbitCamera({.radius = 2.5}), kSize, 8);
    return Psnr(Draw(meshes, views).rgb, Draw(TrueMeshes(), views).rgb);
  }
  // Of the view of frame `frame` from the front.
  static double PsnrInFront(const std::vector<Mesh>& meshes, double frame) {
    Views views = HeldOutViews(OrbitCamera({.radius = 2.5}), kSize, 1, {frame});
    views.cameras = {OrbitCamera({.radius = 2.5}).WithSize(kSize, kSize)};
    return Psnr(Draw(meshes, views).rgb, Draw(TrueMeshes(), views).rgb);
  }

  ScopedRegistration<Guidance, Painter> painter_{"painter"};

  const std::string around_ = R"(
    iterations: 20
    guidances: [painter]
    views: {count: 2, sizes: [32], size_changes: []}
    known: {weight: 0, size: 32}
    colour_change_weight: 0
  )";
  const std::string front_ = R"(
    iterations: 20
    guidances: []
    known: {size: 32}
  )";
};

TEST_F(TextureRefinementTest, PaintsWhatTheGuidanceKnows) {
  const double before = PsnrAround(GreyScene().meshes);
  const double after = PsnrAround(Refined(around_, GreyScene()));
  EXPECT_GT(after, before + 8) << "before " << before << " dB";
}

TEST_F(TextureRefinementTest, PaintsWhatThePictureShows) {
  const double before = PsnrInFront(GreyScene().meshes, 0);
  const std::vector<Mesh> refined = Refined(front_, GreyScene());
  EXPECT_GT(PsnrInFront(refined, 0), before + 5) << "before " << before;
  EXPECT_GT(PsnrInFront(refined, 2), before + 5) << "before " << before;
}

// The object is dark, and a little smaller than the meshes are.
TEST_F(TextureRefinementTest, PaintsNothingOfTheBackgroundOntoContours) {
  Scene dark = GreyScene();
  const auto paint = [](Image& image) {
    image.pixels = image.pixels.clone();
    image.pixels.slice(2, 0, 3).fill_(0.1);
  };
  paint(dark.reference);
  for (Image& frame : dark.video.frames) paint(frame);
  for (Mesh& mesh : dark.meshes) {
    paint(mesh.albedo);
    mesh.vertices = mesh.vertices * 1.05;
  }
  const std::vector<Mesh> refined =
      Refined(front_ + "\n    colour_change_weight: 0", dark);
  EXPECT_LT(refined[0].albedo.pixels.max().item<double>(), 0.11);
}

TEST_F(TextureRefinementTest, LeavesTexelsThatNothingShowsAlone) {
  const Scene grey = GreyScene();
  const std::vector<Mesh> refined =
      Refined(front_ + "\n    colour_change_weight: 1", grey);
  // The texture goes round the ball from the front, at u = 0, by way of the
  // right; its middle is the back. Coarse levels of the mipmap, used at the
  // poles, reach it all the same, but hardly move it.
  const at::Tensor change =
      (refined[0].albedo.pixels - grey.meshes[0].albedo.pixels).abs();
  EXPECT_LT(change.slice(1, 28, 36).mean().item<double>(),
            0.1 * change.slice(1, 0, 8).mean().item<double>());
}

TEST_F(TextureRefinementTest, OneTextureStaysOneAndManyStayMany) {
  EXPECT_TRUE(HaveOneTexture(Refined(front_, GreyScene())));
  const std::vector<Mesh> many =
      Refined(front_ + "\n    texture: per_frame", GreyScene());
  EXPECT_FALSE(HaveOneTexture(many));
  EXPECT_TRUE(HaveOneTopology(many));
}

TEST_F(TextureRefinementTest, RefinesMeshesOfSeveralTopologies) {
  Scene scene = ChangingScene(2);
  const Scene before = scene;
  ASSERT_TRUE(Run(front_, scene).ok());
  EXPECT_FALSE(
      at::equal(scene.meshes[1].albedo.pixels, before.meshes[1].albedo.pixels));
  EXPECT_FALSE(
      at::equal(scene.meshes[0].albedo.pixels, scene.meshes[1].albedo.pixels));
}

TEST_F(TextureRefinementTest, MovesVerticesOnlyIfAsked) {
  EXPECT_TRUE(at::equal(Refined(around_, GreyScene())[1].vertices,
                        TrueMeshes()[1].vertices));
  // A mesh that is too thin grows back to the silhouette that it should have.
  Scene thin = GreyScene();
  for (Mesh& mesh : thin.meshes) {
    mesh.vertices = mesh.vertices.clone();
    mesh.vertices.select(1, 0).mul_(0.9);
  }
  const auto miss = [](const std::vector<Mesh>& meshes) {
    return (meshes[0].vertices - TrueMeshes()[0].vertices)
        .norm(2, 1)
        .mean()
        .item<double>();
  };
  const std::vector<Mesh> grown =
      Refined(around_ +
                  "\n    geometry_rate: {from: 0.003, to: 0.001, steps: 30}"
                  "\n    roughness_weight: 10",
              thin);
  EXPECT_LT(miss(grown), 0.75 * miss(thin.meshes));
  EXPECT_TRUE(at::allclose(
      grown[0].normals, VertexNormals(grown[0].vertices, grown[0].triangles)));
}

TEST_F(TextureRefinementTest, SilhouettesOfKnownFramesMoveVertices) {
  Scene thin = GreyScene();
  for (Mesh& mesh : thin.meshes) {
    mesh.vertices = mesh.vertices.clone();
    mesh.vertices.select(1, 0).mul_(0.9);
  }
  const std::vector<Mesh> painted = Refined(front_, thin);
  const std::vector<Mesh> grown = Refined(
      front_ + "\n    geometry_rate: {from: 0.005, to: 0.001, steps: 20}",
      thin);
  EXPECT_GT(PsnrInFront(grown, 0), PsnrInFront(painted, 0) + 2);
}

TEST_F(TextureRefinementTest, HoldsColoursWhereItIsTold) {
  const Scene grey = GreyScene();
  const auto change = [&](const std::string& yaml) {
    return (Refined(yaml, grey)[0].albedo.pixels - grey.meshes[0].albedo.pixels)
        .abs()
        .mean()
        .item<double>();
  };
  std::string hold = around_;
  hold.replace(hold.find("weight: 0\n  "), 9, "weight: 10");
  EXPECT_LT(change(hold), 0.5 * change(around_));
}

TEST_F(TextureRefinementTest, GoesOnToTheBitAfterAStop) {
  const std::string yaml = around_ +
                           "\n    clip_frames: 2"
                           "\n    geometry_rate: {from: 0.001, to: 0.001}";
  const std::vector<Mesh> whole = Refined(yaml, GreyScene());
  const std::string directory = testing::TempDir() + "/resume";
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory + "/checkpoints");
  RunControl control;
  StopAfter observer(7, control);
  Scene scene = GreyScene();
  ASSERT_EQ(Run(yaml, scene,
                {.output_directory = directory,
                 .control = &control,
                 .observers = {&observer}})
                .code(),
            absl::StatusCode::kCancelled);
  scene = GreyScene();
  SetThreads(2);
  const absl::Status status =
      Run(yaml, scene, {.output_directory = directory, .resume = true});
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(at::equal(whole[0].albedo.pixels, scene.meshes[0].albedo.pixels));
  EXPECT_TRUE(at::equal(whole[2].vertices, scene.meshes[2].vertices));
}

TEST_F(TextureRefinementTest, SaysWhatIsMissing) {
  const auto message = [](Scene scene, const std::string& yaml) {
    const absl::Status status = Run(yaml, scene);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    return std::string(status.message());
  };
  Scene untextured = GreyScene();
  untextured.meshes[1].albedo = {};
  EXPECT_THAT(message(untextured, front_), testing::HasSubstr("no texture"));
  Scene blind = GreyScene();
  blind.reference = {};
  blind.video.frames.clear();
  EXPECT_THAT(message(blind, front_), testing::HasSubstr("nothing to refine"));
  EXPECT_THAT(message(ChangingScene(2), front_ + "\n    texture: shared"),
              testing::HasSubstr("cannot share"));
}

TEST_F(TextureRefinementTest, RefusesOptionsThatMakeNoSense) {
  for (const char* yaml :
       {"iterations: -1", "known: {min_scale: 0}",
        "known: {min_scale: 2, max_scale: 1}", "clip_frames: -1",
        "total_variation_weight: -1", "texture: both"}) {
    Scene scene = GreyScene();
    EXPECT_EQ(Run(yaml, scene).code(), absl::StatusCode::kInvalidArgument)
        << yaml;
  }
}

}  // namespace
}  // namespace dg4d::texture_refinement
