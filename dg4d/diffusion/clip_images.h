#ifndef DG4D_DIFFUSION_CLIP_IMAGES_H_
#define DG4D_DIFFUSION_CLIP_IMAGES_H_

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "dg4d/diffusion/json_config.h"

namespace dg4d::diffusion {

// How pictures become CLIP's input: preprocessor_config.json. The defaults are
// those of all published encoders.
struct ClipImages {
  int64_t size = 224;
  std::array<double, 3> mean = {0.48145466, 0.4578275, 0.40821073};
  std::array<double, 3> deviation = {0.26862954, 0.26130258, 0.27577711};

  static absl::StatusOr<ClipImages> Parse(JsonConfig json);
  // That of a pipeline's folder; the defaults where it has none.
  static absl::StatusOr<ClipImages> Of(const std::string& folder);

  // As transformers' image processor: pictures [B, 3, H, W] in [0, 1] on the
  // CPU, square, are cut to 8 bits (x * 255 without rounding, as Zero-1-to-3's
  // users do), resized by Pillow's bicubic filter, normalised.
  at::Tensor FromBytes(const at::Tensor& pictures) const;

  // As Stable Video Diffusion: blurred and resized in floating-point numbers,
  // normalised. Pictures [B, 3, H, W] in [0, 1]; the aspect ratio is not kept.
  at::Tensor Antialiased(const at::Tensor& pictures) const;

 private:
  at::Tensor Normalise(const at::Tensor& pictures) const;
};

// [..., H, W] to [..., height, width]: a Gaussian blur of as many pixels as the
// size shrinks by, then bicubic interpolation (a = -0.75) between aligned
// corners. Both are linear and separable: one matrix for each axis.
at::Tensor AntialiasedResize(const at::Tensor& images, int64_t height,
                             int64_t width);

}  // namespace dg4d::diffusion

#endif  // DG4D_DIFFUSION_CLIP_IMAGES_H_
