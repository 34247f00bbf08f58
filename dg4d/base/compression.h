#ifndef DG4D_BASE_COMPRESSION_H_
#define DG4D_BASE_COMPRESSION_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dg4d {

// gzip and zstd in memory. Equal bytes are compressed to equal bytes, for one
// version of zlib and libzstd. What is read may be hostile: nothing grows
// beyond the size that the caller allows.

// `bytes` as one gzip member (RFC 1952) without name and time.
std::string Gzip(absl::string_view bytes);

// What the first member of `gzip` holds, but no more than its first `most`
// bytes. Memory grows with what comes out, not with `most`. InvalidArgument for
// what is no gzip, is damaged or is cut off; behind byte `most` nothing is
// looked at.
absl::StatusOr<std::string> GunzipUpTo(absl::string_view gzip, size_t most);

// `bytes` as one zstd frame (RFC 8878) that says its size.
std::string CompressZstd(absl::string_view bytes);

// What `frame`, one zstd frame, holds: exactly `size` bytes. InvalidArgument
// for what is no zstd, is damaged, is cut off, or holds more or less.
absl::StatusOr<std::string> DecompressZstd(absl::string_view frame,
                                           size_t size);

}  // namespace dg4d

#endif  // DG4D_BASE_COMPRESSION_H_
