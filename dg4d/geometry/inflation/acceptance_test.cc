// The acceptance measures of the embedded default on the project's pictures.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include <string>

#include "dg4d/formats/image_io.h"
#include "dg4d/geometry/inflation/inflate.h"
#include "dg4d/geometry/inflation/measures.h"
#include "dg4d/geometry/inflation/motion_measures.h"
#include "dg4d/geometry/inflation/proxy_renderer.h"
#include "dg4d/geometry/inflation/shapes.h"
#include "gtest/gtest.h"

namespace dg4d::inflation {
namespace {

void ExpectAccepted(const Image& picture, const std::string& name) {
  const Camera camera = OrbitCamera({});
  const absl::StatusOr<Inflation> inflation = Inflate(picture, camera);
  ASSERT_TRUE(inflation.ok()) << inflation.status();
  std::vector<Measure> measures = MeasureInflation(*inflation, picture, camera);
  const std::vector<Measure> idle = MeasureMotion(*inflation, "idle");
  measures.insert(measures.end(), idle.begin(), idle.end());
  for (const Measure& measure : measures) {
    EXPECT_TRUE(measure.accepted())
        << name << ": " << measure.name << " is " << measure.value
        << ", accepted is " << measure.low << " to " << measure.high;
  }
}

class Picture : public testing::TestWithParam<std::string> {};

TEST_P(Picture, InflatesToWhatIsAccepted) {
  const absl::StatusOr<Image> picture =
      ReadImage("testdata/" + GetParam() + ".png");
  ASSERT_TRUE(picture.ok()) << picture.status();
  ExpectAccepted(*picture, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Testdata, Picture,
                         testing::Values("character", "fox", "robot", "vase"),
                         [](const auto& info) { return info.param; });

TEST(Shapes, AreReproducedInFront) {
  const Camera camera = OrbitCamera({});
  for (const char* name : {"disc", "ring", "star", "mushroom", "bar",
                           "two_blobs", "bust", "thin_lines", "small_disc"}) {
    const int size = name == std::string("thin_lines") ? 256 : 128;
    const Image picture = NamedShape(name, size);
    const absl::StatusOr<Inflation> inflation = Inflate(picture, camera);
    ASSERT_TRUE(inflation.ok()) << name << inflation.status();
    const ProxyRenderer renderer({MeshOf(*inflation)});
    const at::Tensor rgba = renderer.Render(0, camera.WithSize(size, size));
    const at::Tensor white = rgba.narrow(2, 0, 3) + 1 - rgba.narrow(2, 3, 1);
    EXPECT_GT(Psnr(white.permute({2, 0, 1}), Composite(picture)), 34) << name;
  }
}

}  // namespace
}  // namespace dg4d::inflation
