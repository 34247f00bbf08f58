#include "dg4d/training/view_metrics.h"

#include <ATen/ops/ones.h>
#include <c10/core/GradMode.h>

#include <numeric>

#include "dg4d/base/status.h"
#include "dg4d/scene/image.h"

namespace dg4d {

Views HeldOutViews(const Camera& reference_camera, int size, int directions,
                   absl::Span<const double> frames) {
  constexpr double kElevationsDegrees[] = {-22.3, 4.7, 17.9, -9.1};
  const Orbit reference = OrbitOf(reference_camera);
  const Camera intrinsics = reference_camera.WithSize(size, size);
  Views views;
  for (int i = 0; i < directions; ++i) {
    Orbit orbit = reference;
    orbit.elevation_degrees += kElevationsDegrees[i % 4];
    orbit.azimuth_degrees += 360.0 * (i + 0.37) / directions;
    for (const double frame : frames) {
      views.cameras.push_back(OrbitCamera(orbit, intrinsics));
      views.frames.push_back(frame);
    }
  }
  views.frames_per_clip = static_cast<int>(frames.size());
  views.background = at::ones({views.size(), 3});
  views.reference_camera = reference_camera;
  return views;
}

void RenderInto(const GaussianRenderer& renderer, const Gaussians& gaussians,
                Views& views) {
  GaussianRendering rendering =
      renderer.Render(BatchOf(gaussians, views.size()), views.cameras,
                      views.background.to(gaussians.means.device()), {});
  views.rgb = rendering.rgb;
  views.alpha = rendering.alpha;
  views.depth = rendering.depth;
}

absl::StatusOr<std::vector<double>> PsnrAgainst(Guidance& guidance,
                                                const Views& views,
                                                at::Generator& generator) {
  c10::NoGradGuard no_grad;
  DG4D_ASSIGN_OR_RETURN(
      const at::Tensor wanted,
      guidance.Refine(views, guidance.Draw(views, 1, generator)));
  std::vector<double> psnrs;
  for (int i = 0; i < views.size(); ++i) {
    psnrs.push_back(
        Psnr(views.rgb[i].clamp(0, 1).cpu(), wanted[i].clamp(0, 1).cpu()));
  }
  return psnrs;
}

double Mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) /
         static_cast<double>(values.size());
}

}  // namespace dg4d
