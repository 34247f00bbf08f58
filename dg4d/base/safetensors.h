#ifndef DG4D_BASE_SAFETENSORS_H_
#define DG4D_BASE_SAFETENSORS_H_

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dg4d {

// Tensors by name and a few words about them, as one .safetensors file: eight
// bytes with the header's length (little-endian), a JSON header, raw data.
struct SafeTensors {
  std::map<std::string, at::Tensor> tensors;  // contiguous, on the CPU
  std::map<std::string, std::string> metadata;
};

// Equal content gives equal bytes: names are sorted, data is in their order.
// Tensors on other devices are copied. Written atomically.
absl::Status WriteSafeTensors(const SafeTensors& content,
                              const std::string& path);

// Reads float64/32/16, bfloat16, int64/32/16/8, uint8 and bool tensors.
// DataLoss names the file and what is wrong: a header that is truncated or no
// JSON, an unknown type, data that overlaps, has holes or does not fit.
absl::StatusOr<SafeTensors> ReadSafeTensors(const std::string& path);

// The same from bytes; `name` stands for the file in messages.
absl::StatusOr<SafeTensors> ParseSafeTensors(absl::string_view bytes,
                                             const std::string& name);

}  // namespace dg4d

#endif  // DG4D_BASE_SAFETENSORS_H_
