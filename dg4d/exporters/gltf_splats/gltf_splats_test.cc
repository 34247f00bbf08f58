#include <ATen/ops/equal.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "dg4d/base/files.h"
#include "dg4d/formats/glb_file.h"
#include "dg4d/formats/gltf_splats_io.h"
#include "dg4d/testing/exporter_test.h"
#include "dg4d/testing/sample_scenes.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

class GltfSplatsExporterTest : public ExporterTest {
 protected:
  GltfSplatsExporterTest()
      : ExporterTest("gltf_splats", "gltf_splats_exporter_test.glb") {}
};

TEST_F(GltfSplatsExporterTest, WritesEachFrameAtTheRateOfTheScene) {
  const Scene scene = MovingScene(4);
  ASSERT_TRUE(Export(scene).ok());
  const auto read = ReadGltfSplats(path());
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->frames.size(), 4u);
  EXPECT_NEAR(read->fps, FramesPerSecond(scene), 1e-5);
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(
        at::equal(read->frames[i].means, scene.gaussian_frames.means[i]));
    EXPECT_TRUE(at::equal(read->frames[i].sh, scene.gaussians.sh));
  }
}

TEST_F(GltfSplatsExporterTest, WritesTheStillGaussiansWithoutFrames) {
  Set("frames", "false");
  const Scene scene = MovingScene(4);
  ASSERT_TRUE(Export(scene).ok());
  const auto read = ReadGltfSplats(path());
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->frames.size(), 1u);
  EXPECT_TRUE(at::equal(read->frames[0].means, scene.gaussians.means));
}

TEST_F(GltfSplatsExporterTest, CarriesWhatIsKnownOfWhereItComesFrom) {
  const Scene scene = MovingScene(2);
  ASSERT_TRUE(Export(scene).ok());
  const std::string bytes = ReadFile(path()).value();
  const auto file = GlbFile::Parse(bytes);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->json()["asset"]["extras"]["provenance"],
            ProvenanceJson(scene.provenance));
}

TEST_F(GltfSplatsExporterTest, RefusesFramesOfOtherGaussians) {
  Scene scene = MovingScene();
  scene.gaussian_frames.means = scene.gaussian_frames.means.narrow(1, 0, 9);
  EXPECT_EQ(Export(scene).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(std::filesystem::exists(path()));
}

}  // namespace
}  // namespace dg4d
