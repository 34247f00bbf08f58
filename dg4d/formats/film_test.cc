#include "dg4d/formats/film.h"

#include <ATen/ops/full.h>

#include <filesystem>
#include <string>

#include "dg4d/base/files.h"
#include "dg4d/formats/image_io.h"
#include "dg4d/formats/video_io.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

namespace fs = std::filesystem;

// Pictures that grow brighter.
Film Brightening(int count) {
  return {.count = count, .fps = 10, .frame = [count](int i) {
            return Image{at::full({16, 24, 3}, (i + 1.0) / (count + 1))};
          }};
}

TEST(Film, BecomesAFileOfTheFormatThatItsNameEndsIn) {
  for (const char* name : {"/film.mp4", "/film.GIF"}) {
    const std::string path = testing::TempDir() + name;
    const absl::Status status = WriteFilm(path, Brightening(4));
    ASSERT_TRUE(status.ok()) << status;
    const auto video = ReadVideo(path);
    ASSERT_TRUE(video.ok()) << video.status();
    ASSERT_EQ(video->size(), 4);
    EXPECT_NEAR(video->fps, 10, 1e-3);
    EXPECT_EQ(video->frames[0].width(), 24);
    for (int i = 0; i < 4; ++i) {
      EXPECT_NEAR(Composite(video->frames[i]).mean().item<float>(),
                  (i + 1) / 5.0, 0.02);
    }
  }
  EXPECT_EQ(ReadFile(testing::TempDir() + "/film.GIF")->substr(0, 3), "GIF");
}

TEST(Film, BecomesAFolderOfPicturesWithoutThoseOfALongerOne) {
  const std::string folder = testing::TempDir() + "/pictures";
  ASSERT_TRUE(WriteFilm(folder, Brightening(4)).ok());
  ASSERT_TRUE(WriteFileAtomically(folder + "/frame_of_mine.png", "x").ok());
  ASSERT_TRUE(WriteFilm(folder, Brightening(2)).ok());
  EXPECT_FALSE(fs::exists(folder + "/frame_0003.png"));
  EXPECT_TRUE(fs::exists(folder + "/frame_of_mine.png"));
  const auto second = ReadImage(folder + "/frame_0002.png");
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_NEAR(second->pixels.mean().item<float>(), 2 / 3.0, 1 / 255.0);
}

TEST(Film, LeavesNothingWhenAPictureCannotBeDrawn) {
  Film film = Brightening(4);
  film.frame = [draw = film.frame](int i) -> absl::StatusOr<Image> {
    if (i == 2) return absl::CancelledError("stopped");
    return draw(i);
  };
  for (const char* name : {"/broken.mp4", "/broken.gif", "/broken"}) {
    const std::string path = testing::TempDir() + name;
    EXPECT_EQ(WriteFilm(path, film).code(), absl::StatusCode::kCancelled);
    EXPECT_FALSE(fs::exists(path));
  }
}

}  // namespace
}  // namespace dg4d
