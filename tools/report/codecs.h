#ifndef TOOLS_REPORT_CODECS_H_
#define TOOLS_REPORT_CODECS_H_

#include <string>

#include "absl/status/statusor.h"
#include "dg4d/scene/image.h"

namespace dg4d {

// Pictures for a page. Programs without libraries of pictures link no_codecs.cc
// instead of codecs.cc, whose functions return Unimplemented.

// `image` over white as a WebP in a data: address. Throws what OpenCV throws.
absl::StatusOr<std::string> DataUrl(const Image& image);

// ReadImage.
absl::StatusOr<Image> ReadPicture(const std::string& path);

}  // namespace dg4d

#endif  // TOOLS_REPORT_CODECS_H_
