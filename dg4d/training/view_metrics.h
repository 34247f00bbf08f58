#ifndef DG4D_TRAINING_VIEW_METRICS_H_
#define DG4D_TRAINING_VIEW_METRICS_H_

#include <ATen/core/Generator.h>

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/renderer.h"

namespace dg4d {

// `directions` fixed views for each of `frames`, all around
// `reference_camera`'s orbit at four elevations, on white, without images: for
// telling whether a stage improves where it was not made to look. Views that
// stages draw at random never coincide with these.
Views HeldOutViews(const Camera& reference_camera, int size, int directions,
                   absl::Span<const double> frames = {0.0});

// Renders `gaussians` into the images of `views`.
void RenderInto(const GaussianRenderer& renderer, const Gaussians& gaussians,
                Views& views);

// The PSNR of each rendered view against what `guidance` would have there.
// Unimplemented for a guidance that only knows directions.
absl::StatusOr<std::vector<double>> PsnrAgainst(Guidance& guidance,
                                                const Views& views,
                                                at::Generator& generator);

// Their mean, in dB.
double Mean(const std::vector<double>& values);

}  // namespace dg4d

#endif  // DG4D_TRAINING_VIEW_METRICS_H_
