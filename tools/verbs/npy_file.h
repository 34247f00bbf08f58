#ifndef TOOLS_VERBS_NPY_FILE_H_
#define TOOLS_VERBS_NPY_FILE_H_

#include <ATen/core/Tensor.h>

#include <string>

#include "absl/status/status.h"

namespace dg4d {

// Writes a tensor of float, double, int32 or int64, on any device, as NumPy
// reads it (numpy.load): the format's version 1.0, row-major.
absl::Status WriteNpyFile(const std::string& path, const at::Tensor& tensor);

}  // namespace dg4d

#endif  // TOOLS_VERBS_NPY_FILE_H_
