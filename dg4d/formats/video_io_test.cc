#include "dg4d/formats/video_io.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/base/files.h"
#include "dg4d/formats/image_io.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

std::string TestDirectory(const std::string& name) {
  const std::string path = testing::TempDir() + "/video_io_test_" + name;
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  return path;
}

Image Flat(int height, int width, float red, float green, float blue) {
  Image image{at::full({height, width, 3}, red)};
  image.pixels.select(2, 1).fill_(green);
  image.pixels.select(2, 2).fill_(blue);
  return image;
}

// Frame i is grey of brightness i / 20, redder at the top.
std::vector<Image> Ramp(int count, int height = 48, int width = 64) {
  std::vector<Image> frames;
  for (int i = 0; i < count; ++i) {
    frames.push_back(Flat(height, width, i / 20.0f, i / 20.0f, i / 20.0f));
    frames.back().pixels.narrow(0, 0, height / 2).select(2, 0).add_(0.3);
  }
  return frames;
}

// Which frame of Ramp this is.
int RampIndex(const Image& frame) {
  return std::lround(20 * frame.pixels.select(2, 1).mean().item<float>());
}

std::vector<int> RampIndices(const Video& video) {
  std::vector<int> indices;
  for (const Image& frame : video.frames) indices.push_back(RampIndex(frame));
  return indices;
}

std::string WriteRamp(const std::string& directory, int count) {
  const std::string path = directory + "/film.mp4";
  const absl::Status status = WriteMp4(path, Ramp(count), 10);
  EXPECT_TRUE(status.ok()) << status;
  return path;
}

TEST(VideoIo, ReadsBackTheFramesItWrites) {
  const std::string path = WriteRamp(TestDirectory("roundtrip"), 14);
  const absl::StatusOr<Video> video = ReadVideo(path);
  ASSERT_TRUE(video.ok()) << video.status();
  EXPECT_EQ(video->size(), 14);
  EXPECT_NEAR(video->fps, 10, 1e-6);
  const std::vector<Image> frames = Ramp(14);
  for (int i = 0; i < 14; ++i) {
    const at::Tensor error = (video->frames[i].pixels - frames[i].pixels).abs();
    EXPECT_LT(error.mean().item<float>(), 0.01) << "frame " << i;
  }
}

TEST(VideoIo, ColoursSurvive) {
  const std::string path = TestDirectory("colours") + "/film.mp4";
  const std::vector<std::vector<float>> colours = {
      {0.9, 0.1, 0.1}, {0.1, 0.8, 0.2}, {0.1, 0.2, 0.9}, {1, 1, 1}, {0, 0, 0}};
  std::vector<Image> frames;
  for (const auto& c : colours)
    frames.push_back(Flat(32, 32, c[0], c[1], c[2]));
  ASSERT_TRUE(WriteMp4(path, frames, 7).ok());
  const Video video = *ReadVideo(path);
  ASSERT_EQ(video.size(), static_cast<int>(frames.size()));
  for (int i = 0; i < video.size(); ++i) {
    EXPECT_LT(
        (video.frames[i].pixels - frames[i].pixels).abs().max().item<float>(),
        0.03)
        << "frame " << i;
  }
}

TEST(VideoIo, EqualFramesGiveEqualBytes) {
  EXPECT_EQ(*EncodeMp4(Ramp(6), 7), *EncodeMp4(Ramp(6), 7));
}

TEST(VideoIo, PadsOddSizesWithWhite) {
  const std::string path = TestDirectory("odd") + "/film.mp4";
  ASSERT_TRUE(WriteMp4(path, {Flat(33, 17, 1, 1, 1)}, 7).ok());
  const Video video = *ReadVideo(path);
  EXPECT_EQ(video.frames[0].height(), 34);
  EXPECT_EQ(video.frames[0].width(), 18);
  EXPECT_GT(video.frames[0].pixels.min().item<float>(), 0.97);
}

TEST(VideoIo, RefusesToWriteWhatIsNoFilm) {
  EXPECT_FALSE(EncodeMp4({}, 7).ok());
  EXPECT_FALSE(EncodeMp4(Ramp(2), 0).ok());
  EXPECT_FALSE(EncodeMp4(Ramp(2), std::nan("")).ok());
  const std::vector<Image> mixed = {Flat(8, 8, 0, 0, 0), Flat(8, 10, 0, 0, 0)};
  EXPECT_THAT(std::string(EncodeMp4(mixed, 7).status().message()),
              HasSubstr("one size"));
}

TEST(VideoIo, SpreadsFramesEvenlyFromFirstToLast) {
  const std::string path = WriteRamp(TestDirectory("spread"), 13);
  const Video video = *ReadVideo(path, 5);
  EXPECT_THAT(RampIndices(video), ElementsAre(0, 3, 6, 9, 12));
  EXPECT_NEAR(video.fps, 10 / 3.0, 1e-6) << "lasts as long as before";
}

TEST(VideoIo, RepeatsFramesOfAFilmThatIsTooShort) {
  const std::string path = WriteRamp(TestDirectory("short"), 3);
  EXPECT_THAT(RampIndices(*ReadVideo(path, 5)), ElementsAre(0, 1, 1, 2, 2));
  const std::string single = WriteRamp(TestDirectory("single"), 1);
  EXPECT_EQ(ReadVideo(single, 4)->size(), 4);
  EXPECT_EQ(ReadVideo(path, 1)->size(), 1);
}

TEST(VideoIo, ConvertsFramesAsTheyAreRead) {
  const std::string path = WriteRamp(TestDirectory("convert"), 4);
  int converted = 0;
  const Video video = *ReadVideo(path, 2, [&](Image frame) {
    ++converted;
    return absl::StatusOr<Image>(Resize(frame, 12, 16));
  });
  EXPECT_EQ(converted, 2) << "others are never kept";
  EXPECT_EQ(video.frames[1].width(), 16);
  const absl::Status refused =
      ReadVideo(path, 2, [](Image) -> absl::StatusOr<Image> {
        return absl::InvalidArgumentError("no");
      }).status();
  EXPECT_EQ(refused.message(), "no");
}

std::string BigEndian(uint32_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += char(value >> 8 * i);
  return text;
}

std::string PngChunk(const std::string& type, const std::string& body) {
  uint32_t crc = ~0u;
  for (const char byte : type + body) {
    crc ^= static_cast<uint8_t>(byte);
    for (int k = 0; k < 8; ++k) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  return BigEndian(body.size(), 4) + type + body + BigEndian(~crc, 4);
}

// An animated PNG of `frames` at 10 a second.
std::string Apng(const std::vector<Image>& frames) {
  std::string film;
  uint32_t sequence = 0;
  for (const Image& frame : frames) {
    const std::string png = *EncodePng(frame);
    const size_t data_begin = png.find("IDAT") - 4;
    const size_t data_end = png.find("IEND") - 4;
    if (film.empty()) {
      film = png.substr(0, data_begin) +
             PngChunk("acTL", BigEndian(frames.size(), 4) + BigEndian(0, 4));
    }
    film += PngChunk("fcTL",
                     BigEndian(sequence++, 4) + BigEndian(frame.width(), 4) +
                         BigEndian(frame.height(), 4) + BigEndian(0, 8) +
                         BigEndian(1, 2) + BigEndian(10, 2) + BigEndian(0, 2));
    if (sequence == 1) {
      film += png.substr(data_begin, data_end - data_begin);
    } else {
      // One chunk of data: small pictures have no more.
      film += PngChunk(
          "fdAT", BigEndian(sequence++, 4) +
                      png.substr(data_begin + 8, data_end - data_begin - 12));
    }
  }
  return film + PngChunk("IEND", "");
}

TEST(VideoIo, KeepsAlphaWhereTheFormatHasIt) {
  std::vector<Image> frames;
  for (int i = 0; i < 3; ++i) {
    Image frame{at::full({16, 16, 4}, 0.2 * (i + 1))};
    frame.pixels.select(2, 3).fill_(0.3 * (i + 1));
    frames.push_back(frame);
  }
  const std::string path = TestDirectory("alpha") + "/film.apng";
  ASSERT_TRUE(WriteFileAtomically(path, Apng(frames)).ok());
  const absl::StatusOr<Video> video = ReadVideo(path);
  ASSERT_TRUE(video.ok()) << video.status();
  ASSERT_EQ(video->size(), 3);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(video->frames[i].has_alpha());
    EXPECT_LT(
        (video->frames[i].pixels - frames[i].pixels).abs().max().item<float>(),
        1.5 / 255)
        << "frame " << i;
  }
}

TEST(VideoIo, TurnsFilmsThatAPhoneTookUpright) {
  std::string film = *EncodeMp4({Ramp(1)[0]}, 7);
  // A matrix in the track's header: 90 degrees clockwise.
  const size_t header = film.find("tkhd");
  ASSERT_NE(header, std::string::npos);
  const std::string matrix(
      "\0\0\0\0\0\1\0\0\0\0\0\0\xff\xff\0\0\0\0\0\0\0\0\0\0\0\x30\0\0\0\0\0\0"
      "\x40\0\0\0",
      36);
  film.replace(header + 44, matrix.size(), matrix);
  const std::string path = TestDirectory("turned") + "/film.mp4";
  ASSERT_TRUE(WriteFileAtomically(path, film).ok());
  const absl::StatusOr<Video> video = ReadVideo(path);
  ASSERT_TRUE(video.ok()) << video.status();
  const Image& frame = video->frames[0];
  ASSERT_EQ(frame.height(), 64);
  ASSERT_EQ(frame.width(), 48);
  // What was at the top is now on the right.
  const at::Tensor red = frame.pixels.select(2, 0);
  EXPECT_GT(red.select(1, 40).mean().item<float>(), 0.25);
  EXPECT_LT(red.select(1, 8).mean().item<float>(), 0.05);
}

TEST(VideoIo, ReadsFoldersInNaturalOrder) {
  const std::string directory = TestDirectory("folder");
  const std::vector<Image> frames = Ramp(12, 8, 8);
  for (int i = 0; i < 12; ++i) {
    ASSERT_TRUE(
        WritePng(absl::StrCat(directory, "/f", i, ".png"), frames[i]).ok());
  }
  ASSERT_TRUE(WriteFileAtomically(directory + "/notes.txt", "x").ok());
  const std::vector<std::string> paths = *ListPictures(directory);
  ASSERT_EQ(paths.size(), 12);
  EXPECT_THAT(paths[2], EndsWith("/f2.png"));
  EXPECT_THAT(paths[10], EndsWith("/f10.png"));
  const absl::StatusOr<Video> video = ReadVideo(directory);
  ASSERT_TRUE(video.ok()) << video.status();
  EXPECT_THAT(RampIndices(*video),
              ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
  EXPECT_DOUBLE_EQ(video->fps, 7);
}

TEST(VideoIo, RefusesFoldersWithoutPicturesOrOfSeveralSizes) {
  const std::string directory = TestDirectory("bad_folder");
  EXPECT_THAT(std::string(ReadVideo(directory).status().message()),
              HasSubstr("no pictures in this folder"));
  ASSERT_TRUE(WritePng(directory + "/1.png", Flat(8, 8, 0, 0, 0)).ok());
  ASSERT_TRUE(WritePng(directory + "/2.png", Flat(8, 9, 0, 0, 0)).ok());
  const absl::Status status = ReadVideo(directory).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("9 x 8"));
}

TEST(VideoIo, SaysWhatIsWrongWithAPath) {
  const std::string directory = TestDirectory("wrong");
  EXPECT_EQ(ReadVideo(directory + "/none.mp4").status().code(),
            absl::StatusCode::kNotFound);
  const std::string path = directory + "/film.mp4";
  ASSERT_TRUE(WriteFileAtomically(path, "").ok());
  EXPECT_THAT(std::string(ReadVideo(path).status().message()),
              HasSubstr("file is empty"));
  ASSERT_TRUE(WriteFileAtomically(path, "dear diary,\n").ok());
  EXPECT_EQ(ReadVideo(path).status().code(),
            absl::StatusCode::kInvalidArgument);
  const std::string text = directory + "/film.txt";
  ASSERT_TRUE(WriteFileAtomically(text, std::string(9999, 'a')).ok());
  EXPECT_EQ(ReadVideo(text).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(VideoIo, NoticesFilmsThatAreCutOff) {
  const std::string directory = TestDirectory("cut");
  const std::string whole = *EncodeMp4(Ramp(14), 7);
  for (const double kept : {0.01, 0.3, 0.6, 0.97}) {
    const std::string path = directory + "/film.mp4";
    ASSERT_TRUE(
        WriteFileAtomically(path, whole.substr(0, whole.size() * kept)).ok());
    const absl::Status status = ReadVideo(path).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << kept;
    EXPECT_THAT(std::string(status.message()), HasSubstr("cut off")) << kept;
  }
}

// An index at the front lets a reader begin; the frames end too soon.
TEST(VideoIo, NoticesFilmsWhoseFramesEndTooSoon) {
  std::string film = *EncodeMp4(Ramp(14), 7);
  const size_t index = film.find("moov") - 4, data = film.find("mdat") - 4;
  ASSERT_LT(data, index);
  // Overwrite the second half of the frames: damaged, not shorter.
  for (size_t i = data + (index - data) / 2; i < index; ++i) film[i] = '\xAA';
  const std::string path = TestDirectory("damaged") + "/film.mp4";
  ASSERT_TRUE(WriteFileAtomically(path, film).ok());
  EXPECT_EQ(ReadVideo(path).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace dg4d
