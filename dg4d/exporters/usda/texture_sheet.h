#ifndef DG4D_EXPORTERS_USDA_TEXTURE_SHEET_H_
#define DG4D_EXPORTERS_USDA_TEXTURE_SHEET_H_

#include <ATen/core/Tensor.h>

#include <vector>

#include "absl/status/statusor.h"
#include "dg4d/scene/image.h"
#include "dg4d/scene/mesh.h"

namespace dg4d::usda {

// The textures of a sequence of meshes in one picture. Programs do not change a
// material's picture from frame to frame, but they do change where in it
// triangles look.
struct TextureSheet {
  Image picture;
  // Of each mesh, its texture coordinates in `picture`: [U, 2], (0, 0) is the
  // bottom left, v grows upwards.
  std::vector<at::Tensor> uvs;
};

// One texture stays as it is; several become tiles of a square, each with its
// edge repeated around it, so that filtering does not mix neighbours; then
// coordinates are clamped to their tile. All meshes must be textured.
// OutOfRange if the picture would be more than 16384 pixels high or wide.
absl::StatusOr<TextureSheet> MakeTextureSheet(const std::vector<Mesh>& meshes);

}  // namespace dg4d::usda

#endif  // DG4D_EXPORTERS_USDA_TEXTURE_SHEET_H_
