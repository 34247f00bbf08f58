#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/formats/image_codec.h"

namespace dg4d {
namespace {

// What of the file libpng has not read yet.
void Read(png_structp png, png_bytep to, size_t count) {
  auto& rest = *static_cast<absl::string_view*>(png_get_io_ptr(png));
  if (count > rest.size()) png_error(png, "cut off");
  std::memcpy(to, rest.data(), count);
  rest.remove_prefix(count);
}

void Append(png_structp png, png_bytep from, size_t count) {
  static_cast<std::string*>(png_get_io_ptr(png))
      ->append(reinterpret_cast<const char*>(from), count);
}

// libpng jumps back to its caller's setjmp: nothing between may need to be
// destroyed.
void Ignore(png_structp, png_const_charp) {}

// Fills in `stored` and `pixels` (of malloc); false if the file is damaged.
bool DecodePng(absl::string_view bytes, StoredPixels& stored,
               uint8_t*& pixels) {
  png_structp png =
      png_create_read_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, &Ignore);
  if (png == nullptr) return false;
  png_infop info = png_create_info_struct(png);
  if (info == nullptr || setjmp(png_jmpbuf(png))) {
    png_destroy_read_struct(&png, &info, nullptr);
    return false;
  }
  png_set_read_fn(png, &bytes, &Read);
  png_read_info(png, info);
  // Palettes are looked up, colours named transparent become alpha, grey with
  // alpha becomes RGBA; 16 bits stay, in this processor's order.
  png_set_expand(png);
  png_set_swap(png);
  const int type = png_get_color_type(png, info);
  if ((type & PNG_COLOR_MASK_ALPHA) != 0 ||
      png_get_valid(png, info, PNG_INFO_tRNS) != 0) {
    png_set_gray_to_rgb(png);
  }
  const int passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  stored.width = static_cast<int>(png_get_image_width(png, info));
  stored.height = static_cast<int>(png_get_image_height(png, info));
  stored.channels = png_get_channels(png, info);
  stored.sample = png_get_bit_depth(png, info) == 16
                      ? StoredPixels::Sample::kUint16
                      : StoredPixels::Sample::kUint8;
  stored.row_bytes = static_cast<int64_t>(png_get_rowbytes(png, info));
  pixels = static_cast<uint8_t*>(
      std::malloc(std::max<int64_t>(1, stored.row_bytes * stored.height)));
  if (pixels == nullptr) png_error(png, "no memory");
  for (int pass = 0; pass < passes; ++pass) {
    for (int y = 0; y < stored.height; ++y) {
      png_read_row(png, pixels + y * stored.row_bytes, nullptr);
    }
  }
  png_read_end(png, nullptr);
  png_destroy_read_struct(&png, &info, nullptr);
  return true;
}

bool EncodePng(const uint8_t* pixels, int width, int height, int channels,
               std::string& bytes) {
  png_structp png =
      png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, &Ignore);
  if (png == nullptr) return false;
  png_infop info = png_create_info_struct(png);
  if (info == nullptr || setjmp(png_jmpbuf(png))) {
    png_destroy_write_struct(&png, &info);
    return false;
  }
  png_set_write_fn(png, &bytes, &Append, nullptr);
  png_set_IHDR(png, info, static_cast<png_uint_32>(width),
               static_cast<png_uint_32>(height), 8,
               channels == 4 ? PNG_COLOR_TYPE_RGBA : PNG_COLOR_TYPE_RGB,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  for (int y = 0; y < height; ++y) {
    png_write_row(png, pixels + static_cast<int64_t>(y) * width * channels);
  }
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return true;
}

}  // namespace

absl::StatusOr<StoredPixels> DecodePixels(absl::string_view bytes,
                                          const std::string& name,
                                          absl::string_view format) {
  if (format != "PNG") {
    return absl::UnimplementedError(
        absl::StrCat(name, ": this program reads PNG alone, not ", format,
                     "; save the picture as PNG, or use the whole dg4d"));
  }
  StoredPixels stored;
  uint8_t* pixels = nullptr;
  const bool decoded = DecodePng(bytes, stored, pixels);
  stored.data = {pixels, &std::free};
  if (!decoded) {
    return absl::InvalidArgumentError(
        absl::StrCat(name,
                     ": the PNG file is damaged and cannot be decoded; copy or "
                     "download it again"));
  }
  return stored;
}

absl::StatusOr<std::string> EncodePngPixels(const uint8_t* pixels, int width,
                                            int height, int channels) {
  std::string bytes;
  if (!EncodePng(pixels, width, height, channels, bytes)) {
    return absl::InternalError(absl::StrCat("libpng cannot encode a ", width,
                                            " x ", height, " picture"));
  }
  return bytes;
}

absl::StatusOr<std::string> EncodeJpegPixels(const uint8_t*, int, int, int) {
  return absl::UnimplementedError(
      "this program writes PNG alone, not JPEG; use the whole dg4d");
}

}  // namespace dg4d
