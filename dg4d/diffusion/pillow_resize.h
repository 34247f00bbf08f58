#ifndef DG4D_DIFFUSION_PILLOW_RESIZE_H_
#define DG4D_DIFFUSION_PILLOW_RESIZE_H_

#include <cstdint>
#include <vector>

namespace dg4d::diffusion {

// 8-bit pictures, resized to the bit as the Pillow library does: that is how
// the networks' training pictures were made. Antialiased; two passes, the first
// (horizontal) rounded to 8 bits, in fixed-point numbers of 22 bits.
struct BytePicture {
  int height = 0;
  int width = 0;
  int channels = 0;
  std::vector<uint8_t> pixels;  // [height, width, channels]
};

enum class PillowFilter { kBicubic, kLanczos };

BytePicture PillowResize(const BytePicture& picture, int height, int width,
                         PillowFilter filter);

}  // namespace dg4d::diffusion

#endif  // DG4D_DIFFUSION_PILLOW_RESIZE_H_
