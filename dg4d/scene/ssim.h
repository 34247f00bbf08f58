#ifndef DG4D_SCENE_SSIM_H_
#define DG4D_SCENE_SSIM_H_

#include <ATen/core/Tensor.h>

namespace dg4d {

// Structural similarity (Wang et al. 2004) of images `a` and `b` [B, C, H, W]
// in [0, 1]: the mean over pixels and channels, 1 for equal images. Window: a
// Gaussian of standard deviation 1.5 over 11 x 11 pixels; pixels beyond the
// border count as 0 in both. Differentiable.
at::Tensor Ssim(const at::Tensor& a, const at::Tensor& b);

}  // namespace dg4d

#endif  // DG4D_SCENE_SSIM_H_
