#ifndef DG4D_BASE_DIGEST_H_
#define DG4D_BASE_DIGEST_H_

#include <string>

#include "absl/strings/string_view.h"

namespace dg4d {

// The SHA-256 digest of `bytes` as 64 hexadecimal digits, as sha256sum prints.
std::string Sha256Hex(absl::string_view bytes);

}  // namespace dg4d

#endif  // DG4D_BASE_DIGEST_H_
