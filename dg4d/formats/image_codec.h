#ifndef DG4D_FORMATS_IMAGE_CODEC_H_
#define DG4D_FORMATS_IMAGE_CODEC_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// What image_io.h needs of a library of picture formats. A program links one
// implementation: `image_codec_opencv` knows all formats of ReadImage;
// `image_codec_png` knows PNG alone, for programs that go where OpenCV's
// codecs, 172 MiB with all that they need, are not.

namespace dg4d {

// A decoded picture as it is stored: no colour is converted, no row turned.
struct StoredPixels {
  enum class Sample { kUint8, kUint16, kFloat };

  int width = 0;
  int height = 0;
  int channels = 0;  // 1 (grey), 3 or 4
  Sample sample = Sample::kUint8;
  bool blue_first = false;  // channels are B G R A, not R G B A
  int64_t row_bytes = 0;    // from one row to the next
  std::shared_ptr<const uint8_t> data;

  template <typename T>
  const T* Row(int64_t y) const {
    return reinterpret_cast<const T*>(data.get() + y * row_bytes);
  }
};

// Decodes a whole file of `format` (ImageProbe::format). Errors name `name`:
// InvalidArgument for damaged files and unusual pixels, Unimplemented for
// formats that the linked implementation does not know.
absl::StatusOr<StoredPixels> DecodePixels(absl::string_view bytes,
                                          const std::string& name,
                                          absl::string_view format);

// The bytes of a PNG, or of a JPEG of quality 1 to 100, of 8-bit `pixels`:
// rows of `channels` (3 or 4; a JPEG has 3) R G B A without gaps.
absl::StatusOr<std::string> EncodePngPixels(const uint8_t* pixels, int width,
                                            int height, int channels);
absl::StatusOr<std::string> EncodeJpegPixels(const uint8_t* pixels, int width,
                                             int height, int quality);

}  // namespace dg4d

#endif  // DG4D_FORMATS_IMAGE_CODEC_H_
