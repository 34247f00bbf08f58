#ifndef DG4D_SCENE_IMAGE_H_
#define DG4D_SCENE_IMAGE_H_

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <vector>

namespace dg4d {

// A picture: float32 [H, W, C] on the CPU, contiguous, sRGB in [0, 1], row 0 at
// the top. C = 3 (RGB) or 4 (RGB and straight, not premultiplied, alpha).
struct Image {
  at::Tensor pixels;

  bool empty() const { return !pixels.defined() || pixels.numel() == 0; }
  int height() const { return empty() ? 0 : static_cast<int>(pixels.size(0)); }
  int width() const { return empty() ? 0 : static_cast<int>(pixels.size(1)); }
  int channels() const {
    return empty() ? 0 : static_cast<int>(pixels.size(2));
  }
  bool has_alpha() const { return channels() == 4; }
};

// Frames of one size and number of channels, shown `fps` a second.
struct Video {
  std::vector<Image> frames;
  double fps = 7;

  int size() const { return static_cast<int>(frames.size()); }
};

// `image` over `background` (RGB): [3, H, W] float32. An image without alpha
// is returned as it is.
at::Tensor Composite(const Image& image,
                     const std::array<float, 3>& background = {1, 1, 1});

// The alpha of `image`, or ones: [1, H, W] float32.
at::Tensor Alpha(const Image& image);

// `image` at another size. Shrinking averages over the area of each target
// pixel, enlarging is bilinear between pixel centres; colours are weighted by
// alpha, so that no background colour bleeds in.
Image Resize(const Image& image, int height, int width);

// From a tensor [C, H, W] of any float type and device, clamped to [0, 1].
Image ImageFromChw(const at::Tensor& chw);

// Peak signal-to-noise ratio in dB of two tensors of one shape, for a signal
// range of 1: -10 log10(mean squared difference). Infinite for equal tensors.
double Psnr(const at::Tensor& a, const at::Tensor& b);

}  // namespace dg4d

#endif  // DG4D_SCENE_IMAGE_H_
