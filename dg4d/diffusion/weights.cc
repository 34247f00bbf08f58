#include "dg4d/diffusion/weights.h"

#include <ATen/ops/empty.h>

#include "absl/strings/str_cat.h"

namespace dg4d::diffusion {

bool IsTooLarge(at::IntArrayRef shape) {
  constexpr double kMost = double(int64_t{1} << 48);
  double count = 1;
  for (const int64_t size : shape) count *= static_cast<double>(size);
  return count > kMost;
}

at::Tensor WithoutMemory(at::IntArrayRef shape) {
  return at::empty(IsTooLarge(shape) ? at::IntArrayRef(0) : shape,
                   at::TensorOptions(at::kFloat).device(at::kMeta));
}

Weights Weights::operator/(absl::string_view child) const {
  return Weights(*source_, absl::StrCat(path_, child, "."));
}

Weights Weights::operator/(int64_t index) const {
  return *this / absl::StrCat(index);
}

at::Tensor Weights::Take(absl::string_view leaf, at::IntArrayRef shape) const {
  return source_->Take(absl::StrCat(path_, leaf), shape);
}

at::Tensor WeightLayout::Take(const std::string& name, at::IntArrayRef shape) {
  shapes_[name] = shape.vec();
  return WithoutMemory(shape);
}

}  // namespace dg4d::diffusion
