#ifndef DG4D_FORMATS_IMAGE_IO_H_
#define DG4D_FORMATS_IMAGE_IO_H_

#include <ATen/core/Tensor.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dg4d/scene/image.h"

namespace dg4d {

struct ReadImageOptions {
  // A picture with a longer side is shrunk by the smallest whole factor that
  // brings it below, while it still has 8 or 16 bits a channel, so that memory
  // stays near that of the decoded file. Must be positive.
  int max_side = 4096;  // pixels
  // If given, receives that factor, 1 for a picture that was not shrunk.
  int* shrunk_by = nullptr;
};

// The picture in the file at `path`: PNG, JPEG, WebP, TIFF, BMP, PNM or
// Radiance HDR, of 8 or 16 bits or float (float is linear light and is encoded
// as sRGB). Grey becomes RGB, palettes are looked up, and the orientation that
// a camera noted (EXIF) is applied. C = 4 only if the file has an alpha
// channel.
//
// Errors name the path and what to do: NotFound; InvalidArgument for a
// directory and for a file that is empty, cut off, damaged or no picture;
// ResourceExhausted for more than 200 megapixels.
absl::StatusOr<Image> ReadImage(const std::string& path,
                                const ReadImageOptions& options = {});

// As ReadImage, from the bytes of a file. `name` stands in the errors.
absl::StatusOr<Image> DecodeImage(absl::string_view bytes,
                                  const std::string& name,
                                  const ReadImageOptions& options = {});

// A mask: [H, W] float32 in [0, 1], 1 where the object is. The alpha of the
// picture at `path` if that says something (is not 1 all over), else its
// brightness.
absl::StatusOr<at::Tensor> ReadMask(const std::string& path,
                                    const ReadImageOptions& options = {});

// The bytes of a PNG, 8 bits a channel (rounded), RGB or RGBA as `image`.
// Equal images give equal bytes. InvalidArgument for an empty image or values
// that are not numbers.
absl::StatusOr<std::string> EncodePng(const Image& image);

// The bytes of a JPEG of quality 1 to 100, of `image` over white.
absl::StatusOr<std::string> EncodeJpeg(const Image& image, int quality = 92);

// Writes a PNG, whole or not at all (WriteFileAtomically).
absl::Status WritePng(const std::string& path, const Image& image);

}  // namespace dg4d

#endif  // DG4D_FORMATS_IMAGE_IO_H_
