#include "dg4d/formats/import_scene.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "dg4d/base/files.h"
#include "dg4d/testing/sample_scenes.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

class ImportSceneTest : public testing::Test {
 protected:
  ImportSceneTest()
      : folder_(absl::StrCat(
            testing::TempDir(), "/import_",
            testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::remove_all(folder_);
  }

  std::string File(const std::string& name) const {
    return absl::StrCat(folder_, "/", name);
  }
  void Write(const std::string& name, const std::string& bytes) const {
    ASSERT_TRUE(WriteFileAtomically(File(name), bytes).ok());
  }
  // Frame `index` of `scene` in the file `name`.
  void WriteFrame(const Scene& scene, int index,
                  const std::string& name) const {
    Write(name, EncodeGaussiansPly(
                    FrameAt(scene.gaussians, scene.gaussian_frames, index)));
  }
  const std::string& folder() const { return folder_; }

 private:
  const std::string folder_;
};

void ExpectRefused(const absl::StatusOr<ImportedScene>& imported,
                   const std::vector<std::string>& words) {
  ASSERT_FALSE(imported.ok());
  for (const std::string& word : words) {
    EXPECT_TRUE(absl::StrContains(imported.status().message(), word))
        << imported.status() << " does not say " << word;
  }
}

TEST_F(ImportSceneTest, ReadsOnePly) {
  const Scene scene = StaticScene();
  // The name does not matter.
  Write("cat.gaussians", EncodeGaussiansPly(scene.gaussians));
  const auto imported = ImportScene(File("cat.gaussians"));
  ASSERT_TRUE(imported.ok()) << imported.status();
  EXPECT_TRUE(
      at::equal(imported->scene.gaussians.means, scene.gaussians.means));
  EXPECT_TRUE(at::equal(imported->scene.gaussians.sh, scene.gaussians.sh));
  EXPECT_TRUE(imported->scene.gaussian_frames.empty());
  EXPECT_TRUE(imported->notes.empty());
}

TEST_F(ImportSceneTest, ReadsWhatTheExporterPlyWrites) {
  const Scene scene = MovingScene(3);
  Write("static.ply", EncodeGaussiansPly(scene.gaussians));
  for (int i = 0; i < 3; ++i) {
    WriteFrame(scene, i, absl::StrFormat("frame_%04d.ply", i + 1));
  }
  const auto imported = ImportScene(folder(), {.fps = 12});
  ASSERT_TRUE(imported.ok()) << imported.status();
  const GaussianFrames& frames = imported->scene.gaussian_frames;
  EXPECT_TRUE(
      at::equal(imported->scene.gaussians.means, scene.gaussians.means));
  EXPECT_TRUE(at::equal(frames.means, scene.gaussian_frames.means));
  EXPECT_TRUE(at::equal(frames.quaternions, scene.gaussian_frames.quaternions));
  EXPECT_TRUE(at::equal(frames.log_scales, scene.gaussian_frames.log_scales));
  EXPECT_TRUE(
      at::equal(frames.opacity_logits, scene.gaussian_frames.opacity_logits));
  EXPECT_EQ(frames.times, std::vector<double>({0, 1, 2}));
  EXPECT_EQ(FramesPerSecond(imported->scene), 12);
}

TEST_F(ImportSceneTest, TakesTheFirstOfASequenceForItsCanonicalFrame) {
  const Scene scene = MovingScene(3);
  for (int i = 0; i < 3; ++i) {
    WriteFrame(scene, i, absl::StrFormat("time_%05d.ply", 5 * i));
  }
  Write("notes.txt", "no Gaussians");
  for (const std::string& path : {folder(), File("time_*.ply")}) {
    const auto imported = ImportScene(path);
    ASSERT_TRUE(imported.ok()) << imported.status();
    EXPECT_TRUE(at::equal(imported->scene.gaussians.means,
                          scene.gaussian_frames.means[0]));
    EXPECT_TRUE(at::equal(imported->scene.gaussian_frames.means,
                          scene.gaussian_frames.means));
  }
}

TEST_F(ImportSceneTest, ReadsTheAxisThatItIsTold) {
  const Scene scene = StaticScene();
  Write("cat.ply", EncodeGaussiansPly(scene.gaussians, PlyUp::kMinusY));
  const auto turned = ImportScene(File("cat.ply"), {.up = PlyUp::kPlusY});
  ASSERT_TRUE(turned.ok()) << turned.status();
  EXPECT_TRUE(at::equal(turned->scene.gaussians.means.select(1, 1),
                        -scene.gaussians.means.select(1, 1)));
}

TEST_F(ImportSceneTest, SaysThatColoursMove) {
  Scene scene = MovingScene(2);
  WriteFrame(scene, 0, "000.ply");
  scene.gaussians.sh = scene.gaussians.sh + 0.25;
  WriteFrame(scene, 1, "001.ply");
  const auto imported = ImportScene(folder());
  ASSERT_TRUE(imported.ok()) << imported.status();
  ASSERT_EQ(imported->notes.size(), 1);
  EXPECT_TRUE(absl::StrContains(imported->notes[0], "colours change"));
}

TEST_F(ImportSceneTest, StandsWhereItSeesAll) {
  Scene scene = StaticScene();
  const double usual = OrbitOf(Camera(OrbitCamera({}))).radius;
  for (const double scale : {1.0, 100.0, 0.01}) {
    Gaussians gaussians = scene.gaussians;
    gaussians.means = gaussians.means * scale;
    Write("cat.ply", EncodeGaussiansPly(gaussians));
    const auto imported = ImportScene(File("cat.ply"));
    ASSERT_TRUE(imported.ok()) << imported.status();
    const Camera& camera = imported->scene.reference_camera;
    const double extent =
        gaussians.means.square().sum(1).sqrt().max().item<double>();
    const double radius = OrbitOf(camera).radius;
    if (scale == 1) {
      EXPECT_EQ(radius, usual);
    } else {
      EXPECT_GT(radius * std::sin(camera.fov_y / 2), extent);
      EXPECT_LT(radius * std::sin(camera.fov_y / 2), 1.5 * extent);
      EXPECT_LT(camera.near, radius - extent);
      EXPECT_GT(camera.far, radius + extent);
    }
  }
}

TEST_F(ImportSceneTest, ReadsObjs) {
  const std::string square = "v 0 0 0\nv 1 0 0\nv 1 1 0\nf 1 2 3\n";
  Write("one/cat", "# by hand\n" + square);
  const auto one = ImportScene(File("one/cat"));
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_EQ(one->scene.meshes.size(), 1);
  EXPECT_TRUE(one->scene.gaussians.empty());
  for (const char* name : {"cat_mesh_000.obj", "cat_mesh_001.obj"}) {
    Write(std::string("many/") + name, square + "l 1 2\n");
  }
  const auto many = ImportScene(File("many"));
  ASSERT_TRUE(many.ok()) << many.status();
  EXPECT_EQ(many->scene.meshes.size(), 2);
  EXPECT_EQ(many->notes.size(), 1);
  ExpectRefused(ImportScene(File("many"), {.up = PlyUp::kPlusY}),
                {"many", "+y up by definition"});
  Write("mixed/1.ply", EncodeGaussiansPly(StaticScene().gaussians));
  Write("mixed/2.ply", square);
  ExpectRefused(ImportScene(File("mixed")), {"2.ply", "no Gaussians"});
}

TEST_F(ImportSceneTest, RefusesAFolderOfSeveralThings) {
  const Scene scene = MovingScene(2);
  WriteFrame(scene, 0, "a_1.ply");
  WriteFrame(scene, 1, "a_2.ply");
  WriteFrame(scene, 0, "cat.ply");
  ExpectRefused(ImportScene(folder()), {folder(), "more than one thing",
                                        "a_*.ply (2 files)", "cat.ply"});
  Write("empty/readme.txt", "");
  ExpectRefused(ImportScene(File("empty")), {"holds nothing", "PLY"});
}

TEST_F(ImportSceneTest, RefusesSequencesOfDifferentGaussians) {
  const Scene scene = MovingScene(2);
  WriteFrame(scene, 0, "1.ply");
  Gaussians half = FrameAt(scene.gaussians, scene.gaussian_frames, 1);
  half = {.means = half.means.slice(0, 0, 30),
          .quaternions = half.quaternions.slice(0, 0, 30),
          .log_scales = half.log_scales.slice(0, 0, 30),
          .opacity_logits = half.opacity_logits.slice(0, 0, 30),
          .sh = half.sh.slice(0, 0, 30)};
  Write("2.ply", EncodeGaussiansPly(half));
  ExpectRefused(ImportScene(folder()), {"2.ply holds 30", "begins with 60"});
}

TEST_F(ImportSceneTest, RefusesWhatItDoesNotKnow) {
  ExpectRefused(ImportScene(File("no.ply")), {"no.ply"});
  ExpectRefused(ImportScene(File("no_*.ply")), {"cannot read folder"});
  Write("text.ply", "I am no PLY");
  ExpectRefused(ImportScene(File("text.ply")), {"text.ply", "no kind"});
  ExpectRefused(ImportScene(File("no_*.ply")), {"no file is named like"});
  Gaussians none = StaticScene().gaussians;
  none = {.means = none.means.slice(0, 0, 0),
          .quaternions = none.quaternions.slice(0, 0, 0),
          .log_scales = none.log_scales.slice(0, 0, 0),
          .opacity_logits = none.opacity_logits.slice(0, 0, 0),
          .sh = none.sh.slice(0, 0, 0)};
  Write("none.ply", EncodeGaussiansPly(none));
  ExpectRefused(ImportScene(File("none.ply")), {"none.ply", "no Gaussians"});
  ExpectRefused(ImportScene(File("none.ply"), {.fps = 0}), {"frames a second"});
}

}  // namespace
}  // namespace dg4d
