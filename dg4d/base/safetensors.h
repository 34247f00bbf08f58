#ifndef DG4D_BASE_SAFETENSORS_H_
#define DG4D_BASE_SAFETENSORS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

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
// DataLoss names the file and what is wrong: a header that is truncated, too
// long, no JSON or names a tensor twice; an unknown type; data that overlaps,
// has holes or does not fit.
absl::StatusOr<SafeTensors> ReadSafeTensors(const std::string& path);

// The same from bytes; `name` stands for the file in messages.
absl::StatusOr<SafeTensors> ParseSafeTensors(absl::string_view bytes,
                                             const std::string& name);

// A file opened for reading its tensors one by one, without reading the rest:
// weights of networks have gigabytes. Checked as by ReadSafeTensors before
// Open returns. The file must not be shortened while it is mapped: the kernel
// would end the process.
class MappedSafeTensors {
 public:
  struct Entry {
    at::ScalarType type;
    std::vector<int64_t> shape;
    uint64_t begin;  // of its bytes, from the start of the data
    uint64_t end;
  };

  static absl::StatusOr<MappedSafeTensors> Open(const std::string& path);

  const std::map<std::string, Entry>& entries() const { return entries_; }
  const std::map<std::string, std::string>& metadata() const {
    return metadata_;
  }

  // The tensor `name`, which must be among entries(): contiguous, on the CPU,
  // not to be written to. A view of the mapping, which it keeps alive, or a
  // copy where old files leave data unaligned.
  at::Tensor Get(const std::string& name) const;

 private:
  std::shared_ptr<const void> mapping_;
  const char* data_ = nullptr;
  std::map<std::string, Entry> entries_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace dg4d

#endif  // DG4D_BASE_SAFETENSORS_H_
