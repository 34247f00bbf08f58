#include "dg4d/core/state_archive.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"

namespace dg4d {

void StateArchive::operator()(absl::string_view name, at::Tensor& value) {
  if (!restoring_) {
    // An undefined tensor is told from a missing one by an empty shadow.
    const std::string key =
        value.defined() ? std::string(name) : absl::StrCat(name, "?");
    tensors_[key] = value.defined() ? value.detach().cpu().clone()
                                    : at::empty({0}, at::kByte);
    return;
  }
  const auto found = tensors_.find(std::string(name));
  if (found != tensors_.end()) {
    value = found->second.clone();
  } else if (tensors_.count(absl::StrCat(name, "?"))) {
    value = at::Tensor();
  } else if (status_.ok()) {
    status_ =
        absl::InvalidArgumentError(absl::StrCat("'", name, "' is missing"));
  }
}

void StateArchive::operator()(absl::string_view name, int64_t& value) {
  std::vector<int64_t> values = {value};
  (*this)(name, values);
  if (values.size() == 1) value = values[0];
}

void StateArchive::operator()(absl::string_view name, double& value) {
  std::vector<double> values = {value};
  (*this)(name, values);
  if (values.size() == 1) value = values[0];
}

void StateArchive::operator()(absl::string_view name,
                              std::vector<double>& value) {
  at::Tensor tensor = at::tensor(value, at::kDouble);
  (*this)(name, tensor);
  if (!restoring_ || !status_.ok()) return;
  const at::Tensor wide = tensor.to(at::kDouble).contiguous();
  const double* data = wide.const_data_ptr<double>();
  value.assign(data, data + wide.numel());
}

void StateArchive::operator()(absl::string_view name,
                              std::vector<int64_t>& value) {
  at::Tensor tensor = at::tensor(value, at::kLong);
  (*this)(name, tensor);
  if (!restoring_ || !status_.ok()) return;
  const at::Tensor wide = tensor.to(at::kLong).contiguous();
  const int64_t* data = wide.const_data_ptr<int64_t>();
  value.assign(data, data + wide.numel());
}

void StateArchive::operator()(absl::string_view name,
                              at::Generator& generator) {
  const std::lock_guard<std::mutex> lock(generator.mutex());
  at::Tensor state = generator.get_state();
  (*this)(name, state);
  if (restoring_ && status_.ok()) generator.set_state(state);
}

}  // namespace dg4d
