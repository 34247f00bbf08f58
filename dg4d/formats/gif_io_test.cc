#include "dg4d/formats/gif_io.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <gif_lib.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

struct Decoded {
  std::vector<at::Tensor> frames;  // [3, H, W] in [0, 1]
  std::vector<int> hundredths;
};

int ReadBytes(GifFileType* file, GifByteType* to, int size) {
  auto* from = static_cast<absl::string_view*>(file->UserData);
  const int count = std::min<int>(size, from->size());
  std::memcpy(to, from->data(), count);
  from->remove_prefix(count);
  return count;
}

Decoded Decode(const std::string& bytes) {
  absl::string_view rest = bytes;
  GifFileType* file = DGifOpen(&rest, &ReadBytes, nullptr);
  EXPECT_NE(file, nullptr);
  EXPECT_EQ(DGifSlurp(file), GIF_OK);
  Decoded decoded;
  for (int i = 0; i < file->ImageCount; ++i) {
    const SavedImage& image = file->SavedImages[i];
    const at::Tensor frame =
        at::empty({3, image.ImageDesc.Height, image.ImageDesc.Width});
    const int64_t count = frame.numel() / 3;
    for (int64_t p = 0; p < count; ++p) {
      const GifColorType& colour =
          image.ImageDesc.ColorMap->Colors[image.RasterBits[p]];
      frame.data_ptr<float>()[p] = colour.Red / 255.0f;
      frame.data_ptr<float>()[count + p] = colour.Green / 255.0f;
      frame.data_ptr<float>()[2 * count + p] = colour.Blue / 255.0f;
    }
    decoded.frames.push_back(frame);
    GraphicsControlBlock control;
    DGifSavedExtensionToGCB(file, i, &control);
    decoded.hundredths.push_back(control.DelayTime);
  }
  DGifCloseFile(file, nullptr);
  return decoded;
}

// All hues at once: far more than 256 colours.
Image ColourField() {
  const at::Tensor x = at::linspace(0, 1, 64).view({1, 64}).expand({64, 64});
  return {at::stack({x, x.t(), 1 - (x + x.t()) / 2}, 2).contiguous()};
}

TEST(EncodeGif, KeepsFewColoursExactly) {
  Image image = {at::zeros({6, 10, 3})};
  image.pixels[2][3][0] = 200 / 255.0f;
  image.pixels[4][5] = at::full({3}, 1.0);
  const auto gif = EncodeGif({image}, 10);
  ASSERT_TRUE(gif.ok()) << gif.status();
  const Decoded decoded = Decode(*gif);
  ASSERT_EQ(decoded.frames.size(), 1u);
  EXPECT_EQ(Psnr(decoded.frames[0], Composite(image)),
            std::numeric_limits<double>::infinity());
}

TEST(EncodeGif, ComesNearManyColours) {
  const Image image = ColourField();
  const auto gif = EncodeGif({image}, 10);
  ASSERT_TRUE(gif.ok()) << gif.status();
  EXPECT_GT(Psnr(Decode(*gif).frames[0], Composite(image)), 33);
}

TEST(EncodeGif, GivesEachFrameColoursOfItsOwn) {
  Image dark = ColourField();
  dark.pixels = dark.pixels * 0.25;
  const auto gif = EncodeGif({ColourField(), dark}, 10);
  ASSERT_TRUE(gif.ok()) << gif.status();
  EXPECT_GT(Psnr(Decode(*gif).frames[1], Composite(dark)), 40);
}

TEST(EncodeGif, ShowsWhiteBehindTransparentPixels) {
  const auto gif = EncodeGif({{at::zeros({4, 4, 4})}}, 10);
  ASSERT_TRUE(gif.ok()) << gif.status();
  EXPECT_EQ(Decode(*gif).frames[0].min().item<float>(), 1);
}

TEST(EncodeGif, LastsAsLongAsTheFilmAndRepeats) {
  const std::vector<Image> frames(14, {at::zeros({4, 4, 3})});
  const auto gif = EncodeGif(frames, 7);
  ASSERT_TRUE(gif.ok()) << gif.status();
  const Decoded decoded = Decode(*gif);
  ASSERT_EQ(decoded.frames.size(), 14u);
  int sum = 0;
  for (const int hundredths : decoded.hundredths) sum += hundredths;
  EXPECT_EQ(sum, 200);
  EXPECT_TRUE(absl::StrContains(*gif, "NETSCAPE2.0"));
}

TEST(EncodeGif, GivesTheSameBytesTwice) {
  EXPECT_EQ(EncodeGif({ColourField()}, 10).value(),
            EncodeGif({ColourField()}, 10).value());
}

TEST(EncodeGif, RefusesWhatIsNoFilm) {
  const Image image = {at::zeros({4, 4, 3})};
  const auto code = [](const std::vector<Image>& frames, double fps) {
    return EncodeGif(frames, fps).status().code();
  };
  EXPECT_EQ(code({}, 10), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({image}, 0), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({image, {at::zeros({4, 5, 3})}}, 10),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({{at::zeros({1, 65536, 3})}}, 10),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace dg4d
