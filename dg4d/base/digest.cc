#include "dg4d/base/digest.h"

#include <openssl/evp.h>

#include <stdexcept>

#include "absl/strings/escaping.h"

namespace dg4d {

std::string Sha256Hex(absl::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(),
                 nullptr) != 1) {
    throw std::runtime_error("OpenSSL has no SHA-256");
  }
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest), size));
}

}  // namespace dg4d
