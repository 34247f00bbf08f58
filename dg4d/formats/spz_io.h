#ifndef DG4D_FORMATS_SPZ_IO_H_
#define DG4D_FORMATS_SPZ_IO_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dg4d/scene/gaussians.h"

namespace dg4d {

// SPZ, the packed Gaussians of Niantic (github.com/nianticlabs/spz): 19 bytes
// (version 2) or 20 a Gaussian and 9, 24 or 45 more for harmonics, then gzip
// (versions 2 and 3) or zstd (4). Its axes, x right, y up, z towards the
// viewer, are ours, so places, rotations and harmonics are stored as they are.
// What a number loses, as far as it lies in the range:
//
//   positions       24 bits, steps of 2^-f, |x| < 2^(23 - f), f = 12 by custom
//   log scales      8 bits, steps of 1/16 in [-10, 5.9375]
//   opacities       8 bits, steps of 1/255
//   colours, sh 0   8 bits, steps of 1/38.25 in [-3.33, 3.33]
//   sh 1            5 bits, steps of 1/16 in [-1, 0.99]
//   sh 2, 3         4 bits, steps of 1/8 in [-1, 0.99]
//   quaternions     the three smallest components, 10 bits, steps of
//                   sqrt(1/2) / 511; unit length after (version 2: x, y and z
//                   in steps of 1/127.5)
//
// Numbers beyond the range, but for positions, take its end.
struct SpzOptions {
  int version = 3;           // 3 or 4
  int fractional_bits = 12;  // f, 0 to 23
};

// The bytes of `gaussians` as SPZ. InvalidArgument for Gaussians that are none
// (CheckGaussians) and places beyond the range.
absl::StatusOr<std::string> EncodeGaussiansSpz(const Gaussians& gaussians,
                                               const SpzOptions& options = {});

// The Gaussians of the file `path`, of version 2, 3 or 4. An opacity of 0 or 1
// has an infinite logit; it is read as the middle of what rounds to it, 1/1020
// away. That a file asks to be drawn antialiased, levels of detail and
// extensions of vendors are passed over. InvalidArgument, naming the file and
// what is wrong, for anything that is no SPZ, is damaged or cut off, holds no
// Gaussians, or would grow to more than 64 MiB and 256 times its size.
absl::StatusOr<Gaussians> ReadGaussiansSpz(const std::string& path);

// As ReadGaussiansSpz, from the bytes of a file; `name` stands in the errors.
absl::StatusOr<Gaussians> DecodeGaussiansSpz(absl::string_view bytes,
                                             const std::string& name);

}  // namespace dg4d

#endif  // DG4D_FORMATS_SPZ_IO_H_
