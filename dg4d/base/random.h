#ifndef DG4D_BASE_RANDOM_H_
#define DG4D_BASE_RANDOM_H_

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "absl/strings/string_view.h"

namespace dg4d {

// All randomness is drawn from CPU generators that are passed in; the global
// generator is never touched. Draws have the same bytes on every device.

// A new CPU generator for the part of a run called `name`. Different names give
// unrelated streams, so that adding a stage does not move the others' numbers.
at::Generator MakeGenerator(uint64_t seed, absl::string_view name);

// float32 tensors of shape `sizes` on the CPU.
at::Tensor Uniform(at::IntArrayRef sizes, double low, double high,
                   at::Generator& generator);
at::Tensor Normal(at::IntArrayRef sizes, at::Generator& generator);

// One number in [low, high), and one integer in [low, high); `low` if the range
// is empty.
double UniformNumber(double low, double high, at::Generator& generator);
int64_t UniformInteger(int64_t low, int64_t high, at::Generator& generator);

}  // namespace dg4d

#endif  // DG4D_BASE_RANDOM_H_
