#ifndef DG4D_FORMATS_GIF_IO_H_
#define DG4D_FORMATS_GIF_IO_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "dg4d/scene/image.h"

namespace dg4d {

// The bytes of an animated GIF of `frames` over white that repeats for ever.
// Each frame has the 256 colours that suit it best (variance-based splitting,
// Wan et al. 1990) without dithering, which would flicker. GIF counts time in
// hundredths of a second: frames are rounded so that the whole film lasts
// right, up to 50 a second, the most that players show.
//
// InvalidArgument for no frames, frames of several sizes, a side above 65535
// or fps that is not positive.
absl::StatusOr<std::string> EncodeGif(const std::vector<Image>& frames,
                                      double fps);

// As EncodeGif, of `count` frames that `frame(0)`, `frame(1)`, ... return when
// their turn comes, so that no more than one is in memory.
absl::StatusOr<std::string> EncodeGif(
    int count, absl::FunctionRef<absl::StatusOr<Image>(int index)> frame,
    double fps);

}  // namespace dg4d

#endif  // DG4D_FORMATS_GIF_IO_H_
