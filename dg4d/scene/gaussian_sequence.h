#ifndef DG4D_SCENE_GAUSSIAN_SEQUENCE_H_
#define DG4D_SCENE_GAUSSIAN_SEQUENCE_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dg4d/scene/gaussians.h"

namespace dg4d {

// How Gaussians that move are laid down in formats that know no time.
struct GaussianSequenceOptions {
  std::string extension;  // of the files, without the dot
  bool frames = true;     // false: only the still Gaussians
};

// Writes into `folder`, each file as `encode` makes it of its Gaussians,
// static.EXTENSION (`still`) and, one for each of `moving`,
// frame_0001.EXTENSION and on, which SuperSplat and others open as a sequence.
// If `folder` itself ends in ".EXTENSION", the still Gaussians alone are
// written to that file. `go_on` is asked before each frame, and its error ends
// the writing. All files appear or none; those of an earlier and longer
// sequence are removed.
absl::Status WriteGaussianSequence(
    const std::string& folder, const Gaussians& still,
    const GaussianFrames& moving, const GaussianSequenceOptions& options,
    absl::FunctionRef<absl::StatusOr<std::string>(const Gaussians&)> encode,
    absl::FunctionRef<absl::Status()> go_on);

}  // namespace dg4d

#endif  // DG4D_SCENE_GAUSSIAN_SEQUENCE_H_
