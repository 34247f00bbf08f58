#include "tools/verbs/npy_file.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "dg4d/base/files.h"

namespace dg4d {
namespace {

const char* TypeName(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return "<f4";
    case at::kDouble:
      return "<f8";
    case at::kInt:
      return "<i4";
    case at::kLong:
      return "<i8";
    default:
      return nullptr;
  }
}

}  // namespace

absl::Status WriteNpyFile(const std::string& path, const at::Tensor& tensor) {
  const char* type = TypeName(tensor.scalar_type());
  if (type == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": .npy files are not written of ",
                     c10::toString(tensor.scalar_type())));
  }
  const at::Tensor dense = tensor.detach().cpu().contiguous();
  // The comma behind a single size makes it a Python tuple.
  std::string header = absl::StrCat(
      "{'descr': '", type, "', 'fortran_order': False, 'shape': (",
      absl::StrJoin(dense.sizes(), ", "), dense.dim() == 1 ? ",), }" : "), }");
  // Magic, version and length take 10 bytes; data begins at a multiple of 64.
  constexpr size_t kPrefix = 10, kAlignment = 64;
  const size_t unpadded = kPrefix + header.size() + 1;
  header.append((kAlignment - unpadded % kAlignment) % kAlignment, ' ');
  header.push_back('\n');
  const char prefix[kPrefix] = {'\x93',
                                'N',
                                'U',
                                'M',
                                'P',
                                'Y',
                                1,
                                0,
                                static_cast<char>(header.size() % 256),
                                static_cast<char>(header.size() / 256)};
  return WriteFileAtomically(
      path, absl::StrCat(absl::string_view(prefix, kPrefix), header,
                         absl::string_view(
                             static_cast<const char*>(dense.const_data_ptr()),
                             dense.nbytes())));
}

}  // namespace dg4d
