#ifndef DG4D_FORMATS_GLTF_SPLATS_IO_H_
#define DG4D_FORMATS_GLTF_SPLATS_IO_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dg4d/scene/gaussians.h"
#include "dg4d/scene/provenance.h"

namespace dg4d {

// The Gaussians of a glTF 2.0 file, as Khronos's extension
// KHR_gaussian_splatting stores them: points with float attributes ROTATION
// (x y z w, unit), SCALE, OPACITY and SH_DEGREE_l_COEF_m beside POSITION, and
// COLOR_0 for programs that do not know it. Its axes are ours, y up, and its
// harmonics those of 3D Gaussian Splatting, so nothing is turned.
//
// glTF knows no Gaussians that move: each frame is a node of its own, shown in
// turn (gltf_turns.h).
struct GltfSplats {
  // One, or all of a sequence. Row i need not be the same Gaussian.
  std::vector<Gaussians> frames;
  double fps = 0;  // of more than one
  // What a file that was read has beside them, without its name.
  std::vector<std::string> notes;
};

// The bytes of `splats` as a .glb file whose object is called `name` and which
// carries `provenance`. What two frames in a row have in common is stored once.
// InvalidArgument, naming the frame, for Gaussians that are none
// (CheckGaussians), scales that are no floats, and a sequence without a rate;
// OutOfRange beyond 4 GiB.
absl::StatusOr<std::string> EncodeGltfSplats(const GltfSplats& splats,
                                             const std::string& name,
                                             const Provenance& provenance = {});

// The Gaussians of the .glb file `path`: all that its scene shows, in each
// frame of its first animation, if that moves any (gltf_poses.h); sampled at
// `fps` instead of its keys if given. Nodes may be moved, turned and evenly
// scaled. An opacity of 0 or 1 is read as 1e-7 from it, a scale of 0 as e^-20:
// their logarithms are infinite.
//
// InvalidArgument, naming the file and what is wrong, for anything that is no
// .glb, is cut off or contradicts itself, has no Gaussians or at some time
// shows none, or uses what cannot be read: other kernels and colour spaces than
// "ellipse" and "srgb_rec709_display", uneven scales, harmonics in nodes that
// are turned, bones, compressed or external buffers.
absl::StatusOr<GltfSplats> ReadGltfSplats(
    const std::string& path, std::optional<double> fps = std::nullopt);

// As ReadGltfSplats, from the bytes of a file; `name` stands in the errors.
absl::StatusOr<GltfSplats> DecodeGltfSplats(
    absl::string_view bytes, const std::string& name,
    std::optional<double> fps = std::nullopt);

}  // namespace dg4d

#endif  // DG4D_FORMATS_GLTF_SPLATS_IO_H_
