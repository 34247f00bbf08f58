#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/jit/api/module.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "dg4d/base/files.h"
#include "dg4d/core/config.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/run_context.h"
#include "dg4d/core/stage.h"
#include "dg4d/formats/image_io.h"
#include "dg4d/imaging/similarity.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using ::testing::HasSubstr;

using Values = std::map<std::string, std::string>;

constexpr char kFox[] = "testdata/fox.png";

std::string TestPath(const std::string& name) {
  return testing::TempDir() + "/preprocess_test_" + name;
}

// Runs the stage with `options`, by their dotted names.
absl::StatusOr<Scene> RunStage(const RunContext::Settings& settings,
                               const Values& options = {},
                               const std::vector<int>& rectangle = {}) {
  ConfigNode node = ConfigNode::Map();
  for (const auto& [key, value] : options) {
    EXPECT_TRUE(ApplyOverride(absl::StrCat(key, "=", value), node).ok());
  }
  if (!rectangle.empty()) node["rectangle"] = WriteValue(rectangle);
  auto stage = Registry<Stage>::Create("preprocess", node);
  if (!stage.ok()) return stage.status();
  RunContext context(settings);
  Scene scene;
  const absl::Status status = (*stage)->Run(context, scene);
  if (!status.ok()) return status;
  return scene;
}
absl::StatusOr<Scene> RunOn(const std::string& path,
                            const Values& options = {}) {
  return RunStage({.input_image = path}, options);
}

std::string Write(const std::string& name, const Image& image) {
  const std::string path = TestPath(name);
  const absl::Status status = WritePng(path, image);
  EXPECT_TRUE(status.ok()) << status;
  return path;
}

void ExpectRefused(const absl::StatusOr<Scene>& scene,
                   const std::string& text) {
  ASSERT_FALSE(scene.ok());
  EXPECT_EQ(scene.status().code(), absl::StatusCode::kInvalidArgument)
      << scene.status();
  EXPECT_THAT(std::string(scene.status().message()), HasSubstr(text));
}

// A disc of `radius` in a clear picture.
Image Disc(int height, int width, double x0, double y0, double radius) {
  Image image{at::zeros({height, width, 4}, at::kFloat)};
  float* pixels = image.pixels.data_ptr<float>();
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x, pixels += 4) {
      const double d = std::hypot(x + 0.5 - x0, y + 0.5 - y0) - radius;
      pixels[0] = 0.9f, pixels[1] = 0.4f, pixels[2] = 0.1f;
      pixels[3] = std::clamp(0.5 - d, 0.0, 1.0);
    }
  }
  return image;
}

TEST(Preprocess, UsesASquarePictureWithAlphaAsItIs) {
  const absl::StatusOr<Scene> scene = RunOn(kFox);
  ASSERT_TRUE(scene.ok()) << scene.status();
  const Image fox = *ReadImage(kFox);
  EXPECT_EQ(scene->reference.height(), 512);
  EXPECT_LT((scene->reference.pixels - fox.pixels).abs().max().item<float>(),
            1e-6);
}

TEST(Preprocess, SetsTheCameraOfTheReference) {
  const Scene scene = *RunOn(kFox, {{"elevation_degrees", "-30"},
                                    {"radius", "3"},
                                    {"fov_y_degrees", "40"},
                                    {"size", "128"}});
  const Orbit orbit = OrbitOf(scene.reference_camera);
  EXPECT_NEAR(orbit.elevation_degrees, -30, 1e-6);
  EXPECT_NEAR(orbit.azimuth_degrees, 0, 1e-6);
  EXPECT_NEAR(orbit.radius, 3, 1e-6);
  EXPECT_NEAR(scene.reference_camera.fov_y, 40 * M_PI / 180, 1e-9);
  EXPECT_EQ(scene.reference_camera.width, 128);
  EXPECT_EQ(scene.reference_camera.height, 128);
  EXPECT_EQ(scene.reference.width(), 128);
}

TEST(Preprocess, RecentresWhatIsNotSquare) {
  const std::string path = Write("wide.png", Disc(60, 200, 150, 30, 20));
  const Scene scene = *RunOn(path, {{"size", "100"}});
  const Rectangle box = ObjectBox(scene.reference);
  EXPECT_NEAR(box.width, 80, 2);
  EXPECT_NEAR(box.x, 10, 1);
  EXPECT_NEAR(box.y, 10, 1);
}

TEST(Preprocess, RecentersWhenAskedAndNotWhenForbidden) {
  const std::string square = Write("square.png", Disc(100, 100, 30, 30, 10));
  EXPECT_NEAR(ObjectBox(RunOn(square, {{"size", "100"}})->reference).width, 20,
              2);
  EXPECT_NEAR(ObjectBox(RunOn(square, {{"size", "100"},
                                       {"recenter", "always"},
                                       {"border_ratio", "0.4"}})
                            ->reference)
                  .width,
              60, 2);
  const std::string wide = Write("wide2.png", Disc(50, 100, 30, 25, 10));
  const Rectangle box = ObjectBox(
      RunOn(wide, {{"size", "100"}, {"recenter", "never"}})->reference);
  EXPECT_NEAR(box.x, 20, 1);
  EXPECT_NEAR(box.y, 40, 1) << "padded above and below";
}

TEST(Preprocess, CutsAPhotographOut) {
  const absl::StatusOr<Scene> scene =
      RunOn("testdata/duck_photo.jpg", {{"size", "128"}});
  ASSERT_TRUE(scene.ok()) << scene.status();
  const at::Tensor alpha = Alpha(scene->reference).select(0, 0);
  EXPECT_EQ(alpha.select(0, 0).max().item<float>(), 0);
  EXPECT_EQ(alpha.select(1, 0).max().item<float>(), 0);
  // What is left is yellow.
  const at::Tensor mean =
      (scene->reference.pixels.narrow(2, 0, 3) * alpha.unsqueeze(2))
          .sum(at::IntArrayRef({0, 1})) /
      alpha.sum();
  EXPECT_GT(mean.select(0, 0).item<float>(), 0.7);
  EXPECT_LT(mean.select(0, 2).item<float>(), 0.35);
}

TEST(Preprocess, TreatsAnOpaqueAlphaAsNone) {
  Image image = Disc(64, 64, 32, 32, 15);
  const at::Tensor opaque = image.pixels.clone();
  const at::Tensor alpha = image.pixels.narrow(2, 3, 1);
  opaque.narrow(2, 0, 3).copy_(image.pixels.narrow(2, 0, 3) * alpha + 1 -
                               alpha);
  opaque.select(2, 3).fill_(1);
  const absl::StatusOr<Scene> scene =
      RunOn(Write("opaque.png", {opaque}), {{"size", "100"}});
  ASSERT_TRUE(scene.ok()) << scene.status();
  EXPECT_NEAR(ObjectBox(scene->reference).width, 80, 4) << "cut out, centred";
}

TEST(Preprocess, TakesAMaskAsAlpha) {
  const Image picture{at::full({64, 64, 3}, 0.5)};
  Image mask{at::zeros({64, 64, 3}, at::kFloat)};
  mask.pixels.narrow(0, 10, 20).narrow(1, 20, 40).fill_(1);
  const std::string path = Write("grey.png", picture);
  const Scene scene =
      *RunOn(path, {{"mask", Write("mask.png", mask)}, {"size", "100"}});
  const Rectangle box = ObjectBox(scene.reference);
  EXPECT_NEAR(box.width, 80, 2);
  EXPECT_NEAR(box.height, 40, 2);
  Image small{at::full({32, 64, 3}, 1.0)};
  ExpectRefused(RunOn(path, {{"mask", Write("small.png", small)}}),
                "64 x 32 pixels and the picture 64 x 64");
  EXPECT_EQ(RunOn(path, {{"mask", TestPath("none.png")}}).status().code(),
            absl::StatusCode::kNotFound);
}

// Blue things before a grey checkerboard, told apart by a network that knows
// them to be blue.
TEST(Preprocess, AsksTheMattingNetworkThatItIsGiven) {
  torch::jit::Module network("blueness");
  network.define("def forward(self, x):\n  return x[:, 2:3] - x[:, 0:1]\n");
  const std::string file = TestPath("blueness.pt");
  network.save(file);
  Image picture{at::full({64, 96, 3}, 0.2)};
  for (int i = 0; i < 24; ++i) {
    picture.pixels.narrow(0, i / 6 * 16 + i % 2 * 8, 8)
        .narrow(1, i % 6 * 16, 16)
        .fill_(0.9);
  }
  const auto paint = [&](int x, int width) {
    const at::Tensor box = picture.pixels.narrow(0, 20, 20).narrow(1, x, width);
    box.narrow(2, 0, 2).fill_(0.1);
    box.narrow(2, 2, 1).fill_(0.9);
  };
  paint(10, 10);
  paint(50, 40);
  const std::string path = Write("checks.png", picture);
  const Values options = {{"size", "100"},
                          {"matting.network", file},
                          {"matting.size", "96"},
                          {"matting.mean", "[0, 0, 0]"},
                          {"matting.deviation", "[1, 1, 1]"}};
  const absl::StatusOr<Scene> both = RunOn(path, options);
  ASSERT_TRUE(both.ok()) << both.status();
  EXPECT_NEAR(ObjectBox(both->reference).width, 80, 2);
  EXPECT_NEAR(ObjectBox(both->reference).height, 20, 2);
  const absl::StatusOr<Scene> right =
      RunStage({.input_image = path}, options, {40, 0, 56, 64});
  ASSERT_TRUE(right.ok()) << right.status();
  // A pixel of soft edge is two of the reference's.
  EXPECT_NEAR(ObjectBox(right->reference).width, 80, 2);
  EXPECT_NEAR(ObjectBox(right->reference).height, 40, 5);

  // Pictures that have an alpha keep it.
  EXPECT_TRUE(RunOn(kFox, options)
                  ->reference.pixels.equal(
                      RunOn(kFox, {{"size", "100"}})->reference.pixels));
  ExpectRefused(RunOn(path, {{"matting.network", path}}), "no TorchScript");
  ExpectRefused(RunOn(path, {{"matting.network", file}, {"mask", path}}),
                "either mask or matting.network");
  ExpectRefused(RunOn(path, {{"matting.network", file}, {"matting.size", "1"}}),
                "size must be");
}

TEST(Preprocess, LooksForTheObjectInTheRectangle) {
  Image picture{at::full({100, 200, 3}, 1.0)};
  for (const int x : {40, 140}) {
    picture.pixels.narrow(0, 40, 20).narrow(1, x, x == 40 ? 20 : 40).fill_(0.2);
  }
  const absl::StatusOr<Scene> scene =
      RunStage({.input_image = Write("two.png", picture)}, {{"size", "100"}},
               {100, 0, 100, 100});
  ASSERT_TRUE(scene.ok()) << scene.status();
  const Rectangle box = ObjectBox(scene->reference);
  EXPECT_NEAR(box.width, 80, 2);
  EXPECT_NEAR(box.height, 40, 2);
}

TEST(Preprocess, KeepsAnObjectThatFillsThePicture) {
  // Transparent in one corner pixel only: the alpha is real.
  Image image{at::full({64, 64, 4}, 1.0)};
  image.pixels.select(0, 0).select(0, 0).fill_(0);
  const Scene scene = *RunOn(Write("full.png", image),
                             {{"recenter", "always"}, {"size", "100"}});
  EXPECT_NEAR(Alpha(scene.reference).sum().item<double>(), 80 * 80, 200);
}

TEST(Preprocess, BeginsWithTheFirstFrameOfTheFilm) {
  const absl::StatusOr<Scene> scene = RunStage(
      {.input_video = "testdata/character_wave.mp4"}, {{"size", "128"}});
  ASSERT_TRUE(scene.ok()) << scene.status();
  const Image character = *ReadImage("testdata/character.png");
  const Image expected = *Recenter(character, 128, 0.2);
  EXPECT_GT(Psnr(Composite(scene->reference), Composite(expected)), 24);
}

TEST(Preprocess, RefusesWhatShowsNothing) {
  ExpectRefused(RunOn(Write("clear.png", {at::zeros({64, 64, 4}, at::kFloat)})),
                "transparent all over");
  ExpectRefused(RunOn(Write("white.png", {at::full({64, 64, 3}, 1.0)})),
                "nothing in the picture stands out");
  ExpectRefused(RunOn(Write("tiny.png", {at::full({1, 1, 3}, 0.5)})),
                "1 x 1 pixels is too small");
  Image ghost{at::full({64, 64, 4}, 0.3)};
  ExpectRefused(RunOn(Write("ghost.png", ghost)), "nowhere more opaque");
}

TEST(Preprocess, RefusesObjectsOfAFewPixels) {
  Image tiny{at::full({1, 1, 4}, 0.9)};
  ExpectRefused(RunOn(Write("tiny_rgba.png", tiny)), "only 1 x 1 pixels");
  Image image{at::zeros({64, 64, 4}, at::kFloat)};
  image.pixels.select(0, 20).select(0, 30).fill_(1);
  for (const char* recenter : {"auto", "always", "never"}) {
    ExpectRefused(RunOn(Write("speck.png", image), {{"recenter", recenter}}),
                  "only 1 x 1 pixels");
  }
}

TEST(Preprocess, PassesOnWhatIsWrongWithTheFile) {
  EXPECT_EQ(RunOn(TestPath("none.png")).status().code(),
            absl::StatusCode::kNotFound);
  ExpectRefused(RunOn(testing::TempDir()), "directory");
  const std::string path = TestPath("text.png");
  ASSERT_TRUE(WriteFileAtomically(path, "dear diary\n").ok());
  ExpectRefused(RunOn(path), "not a picture");
  const std::string whole = *ReadFile(kFox);
  ASSERT_TRUE(WriteFileAtomically(path, whole.substr(0, 9999)).ok());
  ExpectRefused(RunOn(path), "cut off");
  ExpectRefused(RunStage({}), "--image");
}

TEST(Preprocess, RefusesOptionsThatMakeNoSense) {
  ExpectRefused(RunOn(kFox, {{"size", "0"}}), "size");
  ExpectRefused(RunOn(kFox, {{"border_ratio", "1"}}), "border_ratio");
  ExpectRefused(RunOn(kFox, {{"recenter", "maybe"}}), "recenter");
  ExpectRefused(RunOn(kFox, {{"radius", "-2"}}), "radius");
  ExpectRefused(RunStage({.input_image = kFox}, {}, {1, 2, 3}), "rectangle");
}

}  // namespace
}  // namespace dg4d
