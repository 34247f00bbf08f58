#ifndef DG4D_FORMATS_SCENE_IO_H_
#define DG4D_FORMATS_SCENE_IO_H_

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

#include "absl/status/status.h"
#include "dg4d/scene/scene.h"

namespace dg4d {

// The content of one slot as named tensors, and back: what checkpoints hold.
// Names begin with the slot's ("video/frames"). Meshes of one topology share
// their triangles and texture coordinates, and their texture if it is one.
std::map<std::string, at::Tensor> SlotToTensors(const Scene& scene, Slot slot);

// Replaces `slot` of `scene`. DataLoss names a tensor that is missing or has
// the wrong shape; the scene is then as before.
absl::Status SlotFromTensors(const std::map<std::string, at::Tensor>& tensors,
                             Slot slot, Scene& scene);

}  // namespace dg4d

#endif  // DG4D_FORMATS_SCENE_IO_H_
