#include "dg4d/diffusion/weights.h"

#include <ATen/ops/empty.h>

#include "absl/strings/str_cat.h"

namespace dg4d::diffusion {

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
  return at::empty(shape, at::TensorOptions(at::kFloat).device(at::kMeta));
}

}  // namespace dg4d::diffusion
