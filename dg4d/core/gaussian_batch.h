#ifndef DG4D_CORE_GAUSSIAN_BATCH_H_
#define DG4D_CORE_GAUSSIAN_BATCH_H_

#include <ATen/core/Tensor.h>

#include <array>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "dg4d/core/renderer.h"
#include "dg4d/scene/camera.h"

namespace dg4d {

// The options that all renderers of Gaussians by splatting have.
struct SplattingOptions {
  double low_pass = 0.3;
  double near = 0.2;

  template <typename V>
  void Visit(V& v) {
    v("low_pass", low_pass,
      "Variance added to each splat on the image, in square pixels.");
    v("near", near,
      "Distance along the viewing axis up to which Gaussians are not drawn.");
  }

  absl::Status Validate() const;
};

// For renderers of Gaussians: throws c10::Error, naming what is wrong, unless
// the arguments of GaussianRenderer::Render are as declared there.
void CheckGaussianBatch(const GaussianBatch& batch,
                        absl::Span<const Camera> cameras,
                        const at::Tensor& background,
                        const at::Tensor& screen_offsets);

// How many times T a checked `batch` has: the largest first size.
int64_t TimesOf(const GaussianBatch& batch);

// The degree of spherical harmonics with `coefficients` functions, or -1.
int ShDegreeOf(int64_t coefficients);

// Row-major 3x4, for pixels that count downwards: the view's axes are x right,
// y down, z forward.
std::array<double, 12> ViewFromWorld(const Camera& camera);

}  // namespace dg4d

#endif  // DG4D_CORE_GAUSSIAN_BATCH_H_
