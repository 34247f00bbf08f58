#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "dg4d/base/files.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/renderer.h"
#include "dg4d/formats/image_io.h"
#include "dg4d/formats/video_io.h"
#include "dg4d/testing/exporter_test.h"
#include "dg4d/testing/sample_scenes.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

namespace fs = std::filesystem;

// A plain picture: red tells the camera's azimuth, green which Gaussians or
// mesh it was given, blue is `place` above a half.
at::Tensor FakePicture(const Camera& camera, double subject, double place = 0) {
  const double azimuth = OrbitOf(camera).azimuth_degrees;
  const at::Tensor picture = at::zeros({1, 3, camera.height, camera.width});
  picture.select(1, 0).fill_(std::fmod(azimuth + 360, 360.0) / 360);
  picture.select(1, 1).fill_(subject);
  picture.select(1, 2).fill_(0.5 + place);
  return picture;
}

class FakeGaussianRenderer final : public GaussianRenderer {
 public:
  using Options = NoOptions;
  explicit FakeGaussianRenderer(Options) {}
  GaussianRendering Render(const GaussianBatch& batch,
                           absl::Span<const Camera> cameras, const at::Tensor&,
                           const at::Tensor&) const override {
    const double first = batch.means[0][0][0].item<double>();
    return {.rgb = FakePicture(cameras[0], first)};
  }
};

class FakeMeshRenderer final : public MeshRenderer {
 public:
  using Options = NoOptions;
  explicit FakeMeshRenderer(Options) {}
  MeshRendering Render(const MeshBatch& batch, absl::Span<const Camera> cameras,
                       const at::Tensor&) const override {
    return {.rgb = FakePicture(cameras[0], batch.vertices.size(1) / 100.0,
                               batch.vertices[0][0][0].item<double>())};
  }
};

class VideoExporterTest : public ExporterTest {
 protected:
  VideoExporterTest() : ExporterTest("video", "video_exporter_test") {
    Set("renderer", "fake_gaussians");
    Set("size", "32");
    // The x of the first Gaussian, which the fake shows, is 0.1 a frame.
    at::Tensor& means = scene_.gaussian_frames.means;
    for (int t = 0; t < means.size(0); ++t) means[t][0][0] = 0.1 * t;
  }

  absl::Status Export() const { return ExporterTest::Export(scene_); }
  Video Film(const std::string& name) const {
    const auto video = ReadVideo(path() + name);
    EXPECT_TRUE(video.ok()) << video.status();
    return video.ok() ? *video : Video();
  }
  // Mean of a channel over a frame.
  static double Level(const Video& video, int frame, int channel) {
    return video.frames[frame].pixels.select(2, channel).mean().item<double>();
  }

  const ScopedRegistration<Renderer, FakeGaussianRenderer> gaussians_{
      "fake_gaussians"};
  const ScopedRegistration<Renderer, FakeMeshRenderer> meshes_{"fake_meshes"};
  Scene scene_ = MovingScene(5);  // 8 frames a second
};

TEST_F(VideoExporterTest, GoesRoundOnceInWholePeriodsOfTheMotion) {
  Set("seconds", "2");
  const absl::Status status = Export();
  ASSERT_TRUE(status.ok()) << status;
  const Video film = Film("/turntable.mp4");
  // Each frame held twice, 16 a second, 3 periods of 10.
  EXPECT_NEAR(film.fps, 16, 1e-3);
  ASSERT_EQ(film.size(), 30);
  for (int i = 0; i < 30; ++i) {
    EXPECT_NEAR(Level(film, i, 0), i / 30.0, 0.03) << i;
    EXPECT_NEAR(Level(film, i, 1), 0.1 * (i / 2 % 5), 0.03) << i;
  }
}

TEST_F(VideoExporterTest, ShowsEachFrameOnceFromTheFront) {
  ASSERT_TRUE(Export().ok());
  const Video film = Film("/frames.mp4");
  EXPECT_NEAR(film.fps, 8, 1e-3);
  ASSERT_EQ(film.size(), 5);
  for (int i = 0; i < 5; ++i) {
    EXPECT_NEAR(Level(film, i, 0), 0, 0.03) << i;
    EXPECT_NEAR(Level(film, i, 1), 0.1 * i, 0.03) << i;
  }
}

TEST_F(VideoExporterTest, KeepsTheInputPicture) {
  ASSERT_TRUE(Export().ok());
  const auto input = ReadImage(File("input.png"));
  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_TRUE(input->has_alpha());
  EXPECT_GT(Psnr(Composite(*input), Composite(scene_.reference)), 50);
}

TEST_F(VideoExporterTest, FilmsWhatWasMadeFromNoPicture) {
  ASSERT_TRUE(Export().ok());
  ClearSlot(Slot::kReference, scene_);
  const absl::Status status = Export();
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(Names(), (std::set<std::string>{"frames.mp4", "turntable.mp4"}));
}

TEST_F(VideoExporterTest, NamesTheRendererThatDrawsWhatThereIs) {
  ClearSlot(Slot::kGaussians, scene_);
  const absl::Status status = Export();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(
      absl::StrContains(status.message(), "drawn by the renderer fake_meshes"))
      << status;
}

TEST_F(VideoExporterTest, FilmsASceneThatStandsStillOnce) {
  ASSERT_TRUE(Export().ok());
  scene_ = StaticScene();
  ASSERT_TRUE(Export().ok());
  const Video film = Film("/turntable.mp4");
  EXPECT_EQ(film.size(), 96);
  EXPECT_FALSE(fs::exists(File("frames.mp4")));
}

TEST_F(VideoExporterTest, DrawsMeshesWithARendererOfMeshes) {
  scene_ = ChangingScene(3);
  Set("renderer", "fake_meshes");
  ASSERT_TRUE(Export().ok());
  const Video film = Film("/frames.mp4");
  ASSERT_EQ(film.size(), 3);
  for (int i = 0; i < 3; ++i) {
    EXPECT_NEAR(Level(film, i, 1), scene_.meshes[i].vertex_count() / 100.0,
                0.03);
  }
}

TEST_F(VideoExporterTest, AsksForWhatItsRendererDraws) {
  Set("renderer", "fake_meshes");
  scene_.meshes.clear();
  const absl::Status status = Export();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(status.message(), "meshes")) << status;
}

TEST_F(VideoExporterTest, WritesGifs) {
  Set("format", "gif");
  ASSERT_TRUE(Export().ok());
  EXPECT_EQ(ReadFile(File("frames.gif"))->substr(0, 6), "GIF89a");
  EXPECT_EQ(Film("/frames.gif").size(), 5);
  EXPECT_FALSE(fs::exists(File("frames.mp4")));
}

TEST_F(VideoExporterTest, WritesTheTurntableAloneToAPathThatNamesAFile) {
  set_path(path() + ".gif");
  Set("seconds", "1");
  ASSERT_TRUE(Export().ok());
  EXPECT_EQ(Film("").size(), 20);
}

TEST_F(VideoExporterTest, WritesNumberedPictures) {
  Set("format", "png");
  Set("shot", "fixed");
  Set("width", "48");
  ASSERT_TRUE(Export().ok());
  EXPECT_EQ(Names(),
            (std::set<std::string>{"input.png", "frames_0001.png",
                                   "frames_0002.png", "frames_0003.png",
                                   "frames_0004.png", "frames_0005.png"}));
  const auto third = ReadImage(File("frames_0003.png"));
  ASSERT_TRUE(third.ok()) << third.status();
  EXPECT_EQ(third->height(), 32);
  EXPECT_EQ(third->width(), 48);
  EXPECT_NEAR(third->pixels.select(2, 1).mean().item<double>(), 0.2, 0.01);
}

TEST_F(VideoExporterTest, FilmsFromWhereItIsTold) {
  Set("shot", "fixed");
  Set("azimuth_degrees", "90");
  ASSERT_TRUE(Export().ok());
  EXPECT_FALSE(fs::exists(File("turntable.mp4")));
  EXPECT_NEAR(Level(Film("/frames.mp4"), 0, 0), 0.25, 0.03);
}

TEST_F(VideoExporterTest, FollowsACameraPath) {
  // A quarter of the way round at 90 degrees, and a motion that runs back.
  const std::string file = testing::TempDir() + "/video_path.json";
  ASSERT_TRUE(
      WriteFileAtomically(
          file, R"({"camera_path": 1, "loop": false, "keyframes": [)"
                R"({"seconds": 0, "position": [0, 0, 2], "target": [0, 0, 0],)"
                R"( "fov_y_degrees": 49.1, "frame": 4},)"
                R"({"seconds": 1, "position": [2, 0, 0], "target": [0, 0, 0],)"
                R"( "fov_y_degrees": 49.1, "frame": 0}]})")
          .ok());
  Set("path", file);
  Set("fps", "8");
  ASSERT_TRUE(Export().ok());
  const Video film = Film("/path.mp4");
  EXPECT_NEAR(film.fps, 8, 1e-3);
  ASSERT_EQ(film.size(), 9);
  EXPECT_NEAR(Level(film, 8, 0), 0.25, 0.03);
  for (int i = 0; i < 9; ++i) {
    EXPECT_NEAR(Level(film, i, 1), 0.4 - 0.05 * i, 0.03) << i;
  }
  EXPECT_TRUE(fs::exists(File("turntable.mp4")));

  set_path(path() + ".mp4");
  ASSERT_TRUE(Export().ok());
  EXPECT_EQ(Film("").size(), 9);
}

TEST_F(VideoExporterTest, RefusesAPathThatIsNotThereOrNotNamed) {
  Set("shot", "path");
  EXPECT_EQ(Export().code(), absl::StatusCode::kInvalidArgument);
  Set("path", "nothing.json");
  EXPECT_EQ(Export().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(fs::exists(path()));
}

TEST_F(VideoExporterTest, InterpolatesMeshesOfOneTopologyAndNoOthers) {
  Set("renderer", "fake_meshes");
  Set("shot", "path");
  const std::string file = testing::TempDir() + "/still_path.json";
  std::string text =
      R"({"camera_path": 1, "loop": false, "keyframes": [)"
      R"({"seconds": 0, "position": [0, 0, 2], "target": [0, 0, 0],)"
      R"( "fov_y_degrees": 49.1, "frame": 0},)"
      R"({"seconds": 1, "position": [0, 0, 2], "target": [0, 0, 0],)"
      R"( "fov_y_degrees": 49.1, "frame": 1}]})";
  ASSERT_TRUE(WriteFileAtomically(file, text).ok());
  Set("path", file);
  Set("fps", "4");
  for (int t = 0; t < 5; ++t) {
    scene_.meshes[t].vertices = at::zeros({54, 3}) + 0.2 * t;
  }
  ASSERT_TRUE(Export().ok());
  for (int i = 0; i < 5; ++i) {
    EXPECT_NEAR(Level(Film("/path.mp4"), i, 2), 0.5 + 0.05 * i, 0.02) << i;
  }
  scene_ = ChangingScene(3);
  ASSERT_TRUE(Export().ok());
  for (int i = 0; i < 5; ++i) {
    const int shown = scene_.meshes[i / 4].vertex_count();
    EXPECT_NEAR(Level(Film("/path.mp4"), i, 1), shown / 100.0, 0.02) << i;
  }
}

TEST_F(VideoExporterTest, RefusesSizesAndTimesThatCannotBe) {
  Set("size", "15");
  EXPECT_EQ(Export().code(), absl::StatusCode::kInvalidArgument);
  Set("size", "32");
  Set("seconds", "0");
  EXPECT_EQ(Export().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(VideoExporterTest, StopsWhenTheRunIsStopped) {
  RunControl control;
  control.state = RunControl::kStop;
  EXPECT_EQ(ExporterTest::Export(scene_, {.control = &control}).code(),
            absl::StatusCode::kCancelled);
  EXPECT_FALSE(fs::exists(path()));
}

}  // namespace
}  // namespace dg4d
