#ifndef DG4D_FORMATS_PLY_IO_H_
#define DG4D_FORMATS_PLY_IO_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dg4d/scene/gaussians.h"

namespace dg4d {

// Which way is up in a PLY file. Viewers of 3D Gaussians (SuperSplat and
// others) take -y for up, as the cameras of photogrammetry do; ours is +y. The
// two frames differ by half a turn about z, which changes signs and order of
// the numbers only, so nothing is rounded.
enum class PlyUp { kMinusY, kPlusY };

// The bytes of `gaussians` as a PLY in the layout of 3D Gaussian Splatting
// (Kerbl et al. 2023): binary little-endian floats x y z nx ny nz f_dc_0..2
// f_rest_0..(3K-4) opacity scale_0..2 rot_0..3, where f_rest holds all of red,
// then of green, then of blue, opacity is a logit, scale a logarithm and rot
// w x y z. A file with +y up says so in a comment.
std::string EncodeGaussiansPly(const Gaussians& gaussians,
                               PlyUp up = PlyUp::kMinusY);

// Writes that file, whole or not at all.
absl::Status WriteGaussiansPly(const std::string& path,
                               const Gaussians& gaussians,
                               PlyUp up = PlyUp::kMinusY);

// The Gaussians of such a file, +y up. Properties are found by name, in any
// order and number type, in ASCII or binary of either byte order; others are
// passed over. `up` is the file's axis; by default what its comment says, or
// -y. InvalidArgument, naming the file and what is wrong, for anything that is
// no PLY of Gaussians, is cut off, or holds numbers that are not finite.
absl::StatusOr<Gaussians> ReadGaussiansPly(
    const std::string& path, std::optional<PlyUp> up = std::nullopt);

// As ReadGaussiansPly, from the bytes of a file; `name` stands in the errors.
absl::StatusOr<Gaussians> DecodeGaussiansPly(
    absl::string_view bytes, const std::string& name,
    std::optional<PlyUp> up = std::nullopt);

}  // namespace dg4d

#endif  // DG4D_FORMATS_PLY_IO_H_
