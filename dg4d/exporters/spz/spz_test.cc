#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>

#include <filesystem>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "dg4d/base/files.h"
#include "dg4d/formats/spz_io.h"
#include "dg4d/testing/exporter_test.h"
#include "dg4d/testing/sample_scenes.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

namespace fs = std::filesystem;

class SpzExporterTest : public ExporterTest {
 protected:
  SpzExporterTest() : ExporterTest("spz", "spz_exporter_test") {}
};

TEST_F(SpzExporterTest, WritesEachFrameAndTheStillGaussians) {
  const Scene scene = MovingScene(3);
  ASSERT_TRUE(Export(scene).ok());
  EXPECT_EQ(Names(),
            std::set<std::string>({"static.spz", "frame_0001.spz",
                                   "frame_0002.spz", "frame_0003.spz"}));
  constexpr double kHalfAStep = 0.5 / 4096 + 1e-6;
  const auto still = ReadGaussiansSpz(File("static.spz"));
  ASSERT_TRUE(still.ok()) << still.status();
  EXPECT_TRUE(at::allclose(still->means, scene.gaussians.means, 0, kHalfAStep));
  const auto frame = ReadGaussiansSpz(File("frame_0002.spz"));
  ASSERT_TRUE(frame.ok()) << frame.status();
  EXPECT_TRUE(at::allclose(frame->means, scene.gaussian_frames.means[1], 0,
                           kHalfAStep));
  EXPECT_FALSE(at::allclose(frame->means, still->means, 0, 2 * kHalfAStep));
}

TEST_F(SpzExporterTest, WritesTheVersionAskedFor) {
  set_path(path() + ".spz");
  ASSERT_TRUE(Export(StaticScene()).ok());
  EXPECT_EQ(ReadFile(path()).value().substr(0, 2), "\x1f\x8b");
  Set("version", "4");
  ASSERT_TRUE(Export(StaticScene()).ok());
  EXPECT_EQ(ReadFile(path()).value().substr(0, 5), "NGSP\x04");
  EXPECT_TRUE(ReadGaussiansSpz(path()).ok());
}

TEST_F(SpzExporterTest, RefusesPlacesBeyondItsReachAndNamesAnotherExporter) {
  Scene scene = MovingScene(3);
  scene.gaussian_frames.means[2][7][0] = 1e6;
  const absl::Status status = Export(scene);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StartsWith(status.message(),
                               "frame_0003.spz: Gaussian 7 lies at 1e+06"))
      << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "ply")) << status;
  EXPECT_FALSE(fs::exists(path()));
  Set("fractional_bits", "2");
  EXPECT_TRUE(Export(scene).ok());
}

TEST_F(SpzExporterTest, RefusesFractionalBitsThatTheFormatHasNot) {
  Set("fractional_bits", "24");
  EXPECT_EQ(Export(StaticScene()).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace dg4d
