#ifndef DG4D_CORE_STATE_ARCHIVE_H_
#define DG4D_CORE_STATE_ARCHIVE_H_

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace dg4d {

// Everything a stage needs to go on where it was: tensors by name. One visit
// saves and restores:
//
//   void VisitState(StateArchive& archive) {
//     archive("step", step_);
//     archive("means", means_);
//     archive("generator", context.generator());
//   }
class StateArchive {
 public:
  // An archive that collects what it visits.
  StateArchive() = default;
  // An archive that gives back what one collected.
  explicit StateArchive(std::map<std::string, at::Tensor> tensors)
      : restoring_(true), tensors_(std::move(tensors)) {}

  bool restoring() const { return restoring_; }

  // A tensor is restored as a new CPU tensor without gradient, of any shape;
  // one that was undefined stays undefined.
  void operator()(absl::string_view name, at::Tensor& value);
  void operator()(absl::string_view name, int64_t& value);
  void operator()(absl::string_view name, double& value);
  void operator()(absl::string_view name, std::vector<double>& value);
  void operator()(absl::string_view name, std::vector<int64_t>& value);
  void operator()(absl::string_view name, at::Generator& generator);

  const std::map<std::string, at::Tensor>& tensors() const { return tensors_; }

  // InvalidArgument if something that was asked for was not there.
  const absl::Status& status() const { return status_; }

 private:
  bool restoring_ = false;
  std::map<std::string, at::Tensor> tensors_;
  absl::Status status_;
};

}  // namespace dg4d

#endif  // DG4D_CORE_STATE_ARCHIVE_H_
