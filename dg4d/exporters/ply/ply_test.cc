#include <ATen/ops/equal.h>

#include <filesystem>
#include <set>
#include <string>

#include "dg4d/base/files.h"
#include "dg4d/formats/ply_io.h"
#include "dg4d/testing/exporter_test.h"
#include "dg4d/testing/sample_scenes.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

namespace fs = std::filesystem;

class PlyExporterTest : public ExporterTest {
 protected:
  PlyExporterTest() : ExporterTest("ply", "ply_exporter_test") {}
};

TEST_F(PlyExporterTest, WritesEachFrameAsItIs) {
  const Scene scene = MovingScene(3);
  ASSERT_TRUE(Export(scene).ok());
  EXPECT_EQ(Names(),
            std::set<std::string>({"static.ply", "frame_0001.ply",
                                   "frame_0002.ply", "frame_0003.ply"}));
  const auto still = ReadGaussiansPly(File("static.ply"));
  ASSERT_TRUE(still.ok()) << still.status();
  EXPECT_TRUE(at::equal(still->means, scene.gaussians.means));
  const auto frame = ReadGaussiansPly(File("frame_0002.ply"));
  ASSERT_TRUE(frame.ok()) << frame.status();
  const GaussianFrames& frames = scene.gaussian_frames;
  EXPECT_TRUE(at::equal(frame->means, frames.means[1]));
  EXPECT_TRUE(at::equal(frame->quaternions, frames.quaternions[1]));
  EXPECT_TRUE(at::equal(frame->log_scales, frames.log_scales[1]));
  EXPECT_TRUE(at::equal(frame->opacity_logits, frames.opacity_logits[1]));
  EXPECT_TRUE(at::equal(frame->sh, scene.gaussians.sh));
}

TEST_F(PlyExporterTest, WritesStillGaussiansOnceAndClearsOldFrames) {
  ASSERT_TRUE(Export(MovingScene(3)).ok());
  ASSERT_TRUE(WriteFileAtomically(File("frame_of_mind.ply"), "mine").ok());
  ASSERT_TRUE(Export(StaticScene()).ok());
  EXPECT_EQ(Names(),
            std::set<std::string>({"static.ply", "frame_of_mind.ply"}));
}

TEST_F(PlyExporterTest, WritesOneFileToAPathThatNamesOne) {
  set_path(path() + ".ply");
  ASSERT_TRUE(Export(MovingScene()).ok());
  EXPECT_TRUE(ReadGaussiansPly(path()).ok());
}

TEST_F(PlyExporterTest, TurnsTheFileToTheAxisAskedFor) {
  Set("up", "+y");
  const Scene scene = StaticScene();
  ASSERT_TRUE(Export(scene).ok());
  const auto read = ReadGaussiansPly(File("static.ply"), PlyUp::kPlusY);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(at::equal(read->means, scene.gaussians.means));
}

TEST_F(PlyExporterTest, RefusesFramesOfOtherGaussians) {
  Scene scene = MovingScene();
  scene.gaussian_frames.means = scene.gaussian_frames.means.narrow(1, 0, 9);
  EXPECT_EQ(Export(scene).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(fs::exists(path()));
}

}  // namespace
}  // namespace dg4d
