#ifndef DG4D_DIFFUSION_SEEDED_WEIGHTS_H_
#define DG4D_DIFFUSION_SEEDED_WEIGHTS_H_

#include <ATen/core/Tensor.h>

#include <string>

#include "absl/strings/string_view.h"
#include "dg4d/diffusion/weights.h"

namespace dg4d::diffusion {

// Number `index` of the stream called `name`: uniform in [-1, 1), the same on
// every machine and in every language (FNV-1a and splitmix64). What networks
// of these numbers compute was recorded with the public implementations.
double SeededNumber(absl::string_view name, int64_t index);

// The stream as a float32 tensor with unit variance: an input of a network.
at::Tensor SeededInput(absl::string_view name, at::IntArrayRef shape);

// Gives every network tensors that follow from their names alone, scaled so
// that signals keep their size. For tests and measurements without weights.
class SeededWeights final : public WeightSource {
 public:
  at::Tensor Take(const std::string& name, at::IntArrayRef shape) override;
};

}  // namespace dg4d::diffusion

#endif  // DG4D_DIFFUSION_SEEDED_WEIGHTS_H_
