#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

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
#include "dg4d/formats/video_io.h"
#include "dg4d/imaging/similarity.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Values = std::map<std::string, std::string>;

constexpr char kWave[] = "testdata/character_wave.mp4";
constexpr int kSize = 128;

std::string TestDirectory(const std::string& name) {
  const std::string path = testing::TempDir() + "/file_video_test_" + name;
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  return path;
}

class Warnings : public RunObserver {
 public:
  void Warning(absl::string_view, absl::string_view message) override {
    messages.emplace_back(message);
  }
  std::vector<std::string> messages;
};

absl::StatusOr<Video> RunStage(const Image& reference, const std::string& path,
                               const Values& options = {},
                               Warnings* warnings = nullptr) {
  ConfigNode node = ConfigNode::Map();
  for (const auto& [key, value] : options) {
    node[key] = ConfigNode::Scalar(value);
  }
  auto stage = Registry<Stage>::Create("file_video", node);
  if (!stage.ok()) return stage.status();
  RunContext::Settings settings = {.input_video = path};
  if (warnings != nullptr) settings.observers = {warnings};
  RunContext context(settings);
  Scene scene;
  scene.reference = reference;
  const absl::Status status = (*stage)->Run(context, scene);
  if (!status.ok()) return status;
  return scene.video;
}

Image Character() {
  return Resize(*ReadImage("testdata/character.png"), kSize, kSize);
}

void ExpectRefused(const absl::StatusOr<Video>& video,
                   const std::string& text) {
  ASSERT_FALSE(video.ok());
  EXPECT_EQ(video.status().code(), absl::StatusCode::kInvalidArgument)
      << video.status();
  EXPECT_THAT(std::string(video.status().message()), HasSubstr(text));
}

// A square of `side` at (x, y) in a clear picture of 64 x 64.
Image Square(int x, int y, int side) {
  Image image{at::zeros({64, 64, 4}, at::kFloat)};
  at::Tensor inside = image.pixels.narrow(0, y, side).narrow(1, x, side);
  inside.fill_(1);
  inside.select(2, 1).fill_(0.25);
  return image;
}

double CenterX(const Image& image) {
  const Rectangle box = ObjectBox(image);
  return box.x + box.width / 2.0;
}

TEST(FileVideo, PutsTheFirstFrameOnTheReference) {
  const Image reference = Character();
  Warnings warnings;
  const absl::StatusOr<Video> video =
      RunStage(reference, kWave, {{"frames", "5"}}, &warnings);
  ASSERT_TRUE(video.ok()) << video.status();
  EXPECT_EQ(video->size(), 5);
  EXPECT_EQ(video->frames[0].width(), kSize);
  EXPECT_TRUE(video->frames[0].has_alpha());
  EXPECT_GT(Psnr(Composite(video->frames[0]), Composite(reference)), 25);
  // 21 frames at 10 a second: 2 seconds from the first to the last.
  EXPECT_NEAR(video->fps, 2, 1e-6);
  EXPECT_THAT(warnings.messages, IsEmpty());
}

TEST(FileVideo, AlignsAFilmThatShowsTheObjectElsewhereAndSmaller) {
  const Image reference = Character();
  const std::string directory = TestDirectory("elsewhere");
  const Similarity moved = {.scale = 0.6, .x = 70, .y = 20};
  ASSERT_TRUE(
      WritePng(directory + "/1.png", Warp(reference, moved, 120, 200)).ok());
  const absl::StatusOr<Video> video =
      RunStage(reference, directory, {{"frames", "1"}});
  ASSERT_TRUE(video.ok()) << video.status();
  EXPECT_GT(Psnr(Composite(video->frames[0]), Composite(reference)), 24);
}

TEST(FileVideo, KeepsTheMotionBetweenFrames) {
  const std::string directory = TestDirectory("motion");
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(WritePng(absl::StrCat(directory, "/", i, ".png"),
                         Square(10 + 5 * i, 20, 16))
                    .ok());
  }
  // The reference shows the square twice as large: the steps double.
  Image reference{at::zeros({64, 64, 4}, at::kFloat)};
  at::Tensor inside = reference.pixels.narrow(0, 16, 32).narrow(1, 16, 32);
  inside.fill_(1);
  inside.select(2, 1).fill_(0.25);
  const absl::StatusOr<Video> video =
      RunStage(reference, directory, {{"frames", "4"}});
  ASSERT_TRUE(video.ok()) << video.status();
  EXPECT_NEAR(CenterX(video->frames[0]), 32, 0.6);
  EXPECT_NEAR(CenterX(video->frames[1]) - CenterX(video->frames[0]), 10, 1);
  // Colours are those of the file.
  const at::Tensor pixel = video->frames[0].pixels.select(0, 32).select(0, 32);
  EXPECT_NEAR(pixel.select(0, 1).item<float>(), 0.25, 1.0 / 255);
}

TEST(FileVideo, ResamplesAnyLength) {
  const std::string directory = TestDirectory("length");
  for (int i = 0; i < 7; ++i) {
    ASSERT_TRUE(WritePng(absl::StrCat(directory, "/", i, ".png"),
                         Square(4 + 6 * i, 20, 16))
                    .ok());
  }
  const auto centers = [&](const char* frames) {
    std::vector<int> found;
    const Video video = *RunStage(Square(4, 20, 16), directory,
                                  {{"frames", frames}, {"align", "false"}});
    for (const Image& frame : video.frames) {
      found.push_back(std::lround(CenterX(frame)));
    }
    return found;
  };
  EXPECT_THAT(centers("3"), ElementsAre(12, 30, 48));
  EXPECT_THAT(centers("4"), ElementsAre(12, 24, 36, 48));
  EXPECT_EQ(centers("14").size(), 14);
}

TEST(FileVideo, TakesAlphaFromMasks) {
  const std::string frames = TestDirectory("frames");
  const std::string masks = TestDirectory("masks");
  for (int i = 0; i < 2; ++i) {
    const std::string name = absl::StrCat("/", i, ".png");
    ASSERT_TRUE(WritePng(frames + name, {at::full({64, 64, 3}, 0.5)}).ok());
    Image mask{at::zeros({64, 64, 3}, at::kFloat)};
    mask.pixels.narrow(0, 20, 16).narrow(1, 10 + 8 * i, 16).fill_(1);
    ASSERT_TRUE(WritePng(masks + name, mask).ok());
  }
  const Values options = {{"frames", "2"}, {"masks", masks}};
  const absl::StatusOr<Video> video =
      RunStage(Square(10, 20, 16), frames, options);
  ASSERT_TRUE(video.ok()) << video.status();
  EXPECT_NEAR(Alpha(video->frames[0]).sum().item<double>(), 256, 30);
  EXPECT_NEAR(CenterX(video->frames[1]) - CenterX(video->frames[0]), 8, 0.6);

  ASSERT_TRUE(WritePng(masks + "/0.png", {at::full({20, 64, 3}, 1.0)}).ok());
  ASSERT_TRUE(WritePng(masks + "/1.png", {at::full({20, 64, 3}, 1.0)}).ok());
  ExpectRefused(RunStage(Square(10, 20, 16), frames, options),
                "shape of the film");
}

TEST(FileVideo, WarnsWhenTheFilmShowsSomethingElse) {
  const std::string directory = TestDirectory("else");
  Image bar{at::zeros({64, 64, 4}, at::kFloat)};
  bar.pixels.narrow(0, 4, 56).narrow(1, 30, 4).fill_(1);
  ASSERT_TRUE(WritePng(directory + "/1.png", bar).ok());
  Warnings warnings;
  ASSERT_TRUE(
      RunStage(Square(20, 20, 24), directory, {{"frames", "1"}}, &warnings)
          .ok());
  ASSERT_EQ(warnings.messages.size(), 1);
  EXPECT_THAT(warnings.messages[0], HasSubstr("overlap by"));
}

TEST(FileVideo, PassesOnWhatIsWrongWithTheFile) {
  const Image reference = Square(10, 20, 16);
  const std::string directory = TestDirectory("bad");
  EXPECT_EQ(RunStage(reference, directory + "/none.mp4").status().code(),
            absl::StatusCode::kNotFound);
  ExpectRefused(RunStage(reference, directory), "no pictures in this folder");
  ExpectRefused(RunStage(reference, ""), "--video");
  const std::string path = directory + "/film.mp4";
  const std::string whole = *ReadFile(kWave);
  ASSERT_TRUE(
      WriteFileAtomically(path, whole.substr(0, whole.size() / 2)).ok());
  ExpectRefused(RunStage(reference, path), "cut off");
  const std::string plain = TestDirectory("plain");
  ASSERT_TRUE(WritePng(plain + "/1.png", {at::full({64, 64, 3}, 1.0)}).ok());
  ExpectRefused(RunStage(reference, plain), "frame 1");
}

TEST(FileVideo, RefusesOptionsThatMakeNoSense) {
  const Image reference = Square(10, 20, 16);
  ExpectRefused(RunStage(reference, kWave, {{"frames", "0"}}), "frames");
  ExpectRefused(RunStage(reference, kWave, {{"fps", "-1"}}), "fps");
  ExpectRefused(RunStage(reference, kWave, {{"background", "blue"}}),
                "background");
}

}  // namespace
}  // namespace dg4d
