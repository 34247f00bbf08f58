#ifndef DG4D_DIFFUSION_SEEDED_FOLDER_H_
#define DG4D_DIFFUSION_SEEDED_FOLDER_H_

#include <ATen/core/ScalarType.h>

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace dg4d::diffusion {

// Writes the folder of a pipeline with seeded weights (SeededWeights) in the
// diffusers layout: for tests and measurements, as no weights can be downloaded
// where this is built. `pipeline` is zero123 or svd; `size` is tiny (a few MB)
// or full (the published shapes). Where `components` names some, as unet, only
// these networks are written.
absl::Status WriteSeededPipeline(
    const std::string& pipeline, const std::string& size, at::ScalarType type,
    const std::string& folder, const std::vector<std::string>& components = {});

// One component of it: `kind` is the class that its config.json names.
absl::Status WriteSeededComponent(const std::string& kind,
                                  const std::string& config,
                                  at::ScalarType type,
                                  const std::string& folder);

}  // namespace dg4d::diffusion

#endif  // DG4D_DIFFUSION_SEEDED_FOLDER_H_
