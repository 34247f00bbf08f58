#include "dg4d/formats/gif_io.h"

#include <gif_lib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dg4d/base/status.h"

namespace dg4d {
namespace {

using Rgb = std::array<uint8_t, 3>;

constexpr int kColours = 256;
constexpr int kBits = 6;  // a channel of the histogram
constexpr int kCells = 1 << (3 * kBits);

std::vector<Rgb> PixelsOverWhite(const Image& image) {
  const at::Tensor chw = Composite(image);
  const int64_t count = chw.numel() / 3;
  const float* values = chw.data_ptr<float>();
  std::vector<Rgb> pixels(count);
  for (int c = 0; c < 3; ++c) {
    for (int64_t i = 0; i < count; ++i) {
      const float value = std::clamp(*values++, 0.0f, 1.0f);
      pixels[i][c] = static_cast<uint8_t>(std::lround(255 * value));
    }
  }
  return pixels;
}

int CellOf(const Rgb& colour) {
  constexpr int kShift = 8 - kBits;
  return ((colour[0] >> kShift) << (2 * kBits)) |
         ((colour[1] >> kShift) << kBits) | (colour[2] >> kShift);
}

// The pixels of one cell of the histogram.
struct Cell {
  int index = 0;
  double count = 0;
  std::array<double, 3> sum = {};

  double Mean(int channel) const { return sum[channel] / count; }
};

// Cells that share a colour.
struct Box {
  size_t begin = 0;
  size_t end = 0;
  double error = 0;  // squared distance of its pixels from their mean
  int axis = 0;      // along which they differ most
  std::array<double, 3> mean = {};
};

Box Measure(const std::vector<Cell>& cells, size_t begin, size_t end) {
  Box box = {.begin = begin, .end = end};
  double count = 0;
  for (size_t i = begin; i < end; ++i) {
    count += cells[i].count;
    for (int c = 0; c < 3; ++c) box.mean[c] += cells[i].sum[c];
  }
  for (double& mean : box.mean) mean /= count;
  std::array<double, 3> errors = {};
  for (size_t i = begin; i < end; ++i) {
    for (int c = 0; c < 3; ++c) {
      const double offset = cells[i].Mean(c) - box.mean[c];
      errors[c] += cells[i].count * offset * offset;
    }
  }
  box.axis = std::max_element(errors.begin(), errors.end()) - errors.begin();
  box.error = errors[0] + errors[1] + errors[2];
  return box;
}

// Splits the box of the largest error at its mean until there are kColours.
std::vector<Box> SplitIntoBoxes(std::vector<Cell>& cells) {
  std::vector<Box> boxes = {Measure(cells, 0, cells.size())};
  while (boxes.size() < kColours) {
    const auto worst = std::max_element(
        boxes.begin(), boxes.end(),
        [](const Box& a, const Box& b) { return a.error < b.error; });
    if (worst->error <= 0) break;
    const Box box = *worst;
    const auto middle = std::stable_partition(
        cells.begin() + box.begin, cells.begin() + box.end,
        [&box](const Cell& cell) {
          return cell.Mean(box.axis) <= box.mean[box.axis];
        });
    const size_t split = middle - cells.begin();
    if (split == box.begin || split == box.end) break;
    *worst = Measure(cells, box.begin, split);
    boxes.push_back(Measure(cells, split, box.end));
  }
  return boxes;
}

struct Indexed {
  std::vector<GifColorType> palette;  // kColours
  std::vector<GifByteType> pixels;
};

Indexed Quantize(const std::vector<Rgb>& pixels) {
  std::vector<Cell> all(kCells);
  for (const Rgb& pixel : pixels) {
    Cell& cell = all[CellOf(pixel)];
    ++cell.count;
    for (int c = 0; c < 3; ++c) cell.sum[c] += pixel[c];
  }
  std::vector<Cell> cells;
  for (int i = 0; i < kCells; ++i) {
    all[i].index = i;
    if (all[i].count > 0) cells.push_back(all[i]);
  }
  const std::vector<Box> boxes = SplitIntoBoxes(cells);

  Indexed indexed = {.palette = std::vector<GifColorType>(kColours)};
  std::vector<GifByteType> colour_of_cell(kCells);
  for (size_t i = 0; i < boxes.size(); ++i) {
    const auto level = [&](int channel) {
      return static_cast<GifByteType>(std::lround(boxes[i].mean[channel]));
    };
    indexed.palette[i] = {level(0), level(1), level(2)};
    for (size_t j = boxes[i].begin; j < boxes[i].end; ++j) {
      colour_of_cell[cells[j].index] = static_cast<GifByteType>(i);
    }
  }
  indexed.pixels.reserve(pixels.size());
  for (const Rgb& pixel : pixels) {
    indexed.pixels.push_back(colour_of_cell[CellOf(pixel)]);
  }
  return indexed;
}

int Append(GifFileType* file, const GifByteType* bytes, int size) {
  static_cast<std::string*>(file->UserData)
      ->append(reinterpret_cast<const char*>(bytes), size);
  return size;
}

bool WriteLoop(GifFileType* file) {
  constexpr char kApplication[] = "NETSCAPE2.0";
  constexpr GifByteType kForEver[] = {1, 0, 0};
  return EGifPutExtensionLeader(file, APPLICATION_EXT_FUNC_CODE) == GIF_OK &&
         EGifPutExtensionBlock(file, 11, kApplication) == GIF_OK &&
         EGifPutExtensionBlock(file, 3, kForEver) == GIF_OK &&
         EGifPutExtensionTrailer(file) == GIF_OK;
}

bool WriteFrame(GifFileType* file, Indexed& frame, int width, int height,
                int hundredths) {
  const GraphicsControlBlock control = {
      .DisposalMode = DISPOSE_DO_NOT,
      .UserInputFlag = false,
      .DelayTime = hundredths,
      .TransparentColor = NO_TRANSPARENT_COLOR};
  GifByteType extension[4];
  EGifGCBToExtension(&control, extension);
  const std::unique_ptr<ColorMapObject, void (*)(ColorMapObject*)> palette(
      GifMakeMapObject(kColours, frame.palette.data()), GifFreeMapObject);
  if (palette == nullptr ||
      EGifPutExtension(file, GRAPHICS_EXT_FUNC_CODE, sizeof(extension),
                       extension) != GIF_OK ||
      EGifPutImageDesc(file, 0, 0, width, height, false, palette.get()) !=
          GIF_OK) {
    return false;
  }
  for (int row = 0; row < height; ++row) {
    GifByteType* pixels = frame.pixels.data() + int64_t{row} * width;
    if (EGifPutLine(file, pixels, width) != GIF_OK) return false;
  }
  return true;
}

absl::Status CheckRate(int count, double fps) {
  if (count < 1) {
    return absl::InvalidArgumentError("a GIF needs at least one frame");
  }
  if (!(fps > 0)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a GIF needs a positive number of frames a second, not ", fps));
  }
  return absl::OkStatus();
}

// A GIF in the making.
class Encoder {
 public:
  Encoder(int width, int height) : width_(width), height_(height) {
    int error = 0;
    file_ = EGifOpen(&bytes_, &Append, &error);
    if (file_ == nullptr) return;
    EGifSetGifVersion(file_, /*gif89=*/true);
    written_ = EGifPutScreenDesc(file_, width, height, /*GifColorRes=*/8,
                                 /*GifBackGround=*/0,
                                 /*GifColorMap=*/nullptr) == GIF_OK &&
               WriteLoop(file_);
  }
  ~Encoder() {
    int ignored = 0;
    if (file_ != nullptr) EGifCloseFile(file_, &ignored);
  }
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  // `hundredths` of a second is how long `image` is shown.
  absl::Status Add(const Image& image, int64_t hundredths) {
    if (image.empty() || image.height() != height_ || image.width() != width_) {
      return absl::InvalidArgumentError(
          "all frames of a GIF must be of one size");
    }
    if (!written_) return Failure(file_ == nullptr ? 0 : file_->Error);
    Indexed frame = Quantize(PixelsOverWhite(image));
    written_ =
        WriteFrame(file_, frame, width_, height_,
                   static_cast<int>(std::min<int64_t>(hundredths, 65535)));
    return written_ ? absl::OkStatus() : Failure(file_->Error);
  }

  absl::StatusOr<std::string> Finish() {
    int error = 0;
    const bool closed = EGifCloseFile(file_, &error) == GIF_OK;
    file_ = nullptr;
    if (!closed) return Failure(error);
    return std::move(bytes_);
  }

 private:
  static absl::Status Failure(int error) {
    const char* reason = GifErrorString(error);
    return absl::InternalError(absl::StrCat("the GIF cannot be encoded: ",
                                            reason ? reason : "unknown"));
  }

  const int width_;
  const int height_;
  std::string bytes_;
  GifFileType* file_ = nullptr;
  bool written_ = false;
};

}  // namespace

absl::StatusOr<std::string> EncodeGif(
    int count, absl::FunctionRef<absl::StatusOr<Image>(int index)> frame,
    double fps) {
  DG4D_RETURN_IF_ERROR(CheckRate(count, fps));
  const double hundredths = 100 / std::min(fps, 50.0);
  std::optional<Encoder> encoder;
  for (int i = 0; i < count; ++i) {
    DG4D_ASSIGN_OR_RETURN(const Image image, frame(i));
    if (i == 0) {
      if (std::max(image.height(), image.width()) > 65535) {
        return absl::InvalidArgumentError("a GIF is at most 65535 pixels wide");
      }
      encoder.emplace(image.width(), image.height());
    }
    const int64_t begin = std::llround(i * hundredths);
    const int64_t end = std::llround((i + 1) * hundredths);
    DG4D_RETURN_IF_ERROR(encoder->Add(image, end - begin));
  }
  return encoder->Finish();
}

absl::StatusOr<std::string> EncodeGif(const std::vector<Image>& frames,
                                      double fps) {
  return EncodeGif(
      static_cast<int>(frames.size()),
      [&](int i) -> absl::StatusOr<Image> { return frames[i]; }, fps);
}

}  // namespace dg4d
