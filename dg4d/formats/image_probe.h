#ifndef DG4D_FORMATS_IMAGE_PROBE_H_
#define DG4D_FORMATS_IMAGE_PROBE_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace dg4d {

// What the first and last bytes of a picture file tell, without decoding it.
// Decoders return grey rows for a JPEG that was cut off and forget the
// orientation when asked for alpha, so both are looked up here.
struct ImageProbe {
  // "PNG", "JPEG", "WebP", "TIFF", "BMP", "GIF", "PNM", "HDR", "EXR", "PSD",
  // "HEIF" or "PDF"; empty if the bytes begin like none of them.
  absl::string_view format;
  int64_t width = 0;     // pixels as stored; 0 if unknown
  int64_t height = 0;    // pixels as stored; 0 if unknown
  int orientation = 1;   // EXIF tag 0x0112: 1 (upright) to 8
  bool complete = true;  // false if the file ends before the picture does
};

ImageProbe ProbeImage(absl::string_view bytes);

}  // namespace dg4d

#endif  // DG4D_FORMATS_IMAGE_PROBE_H_
