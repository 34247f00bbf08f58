#ifndef DG4D_GEOMETRY_UV_ATLAS_H_
#define DG4D_GEOMETRY_UV_ATLAS_H_

#include "absl/status/statusor.h"
#include "dg4d/scene/mesh.h"

namespace dg4d {

struct AtlasOptions {
  // Texels along each side of the texture that the charts are laid out for.
  int texture_size = 1024;
  // Texels kept free around each chart, so that no colour of a neighbour is
  // met by bilinear lookups, or by the first smaller copies of the texture.
  int padding = 4;
};

// `mesh` with `uvs` and `uv_triangles`: its triangles laid out in the square
// [0, 1]^2 without overlap by xatlas. Vertices and triangles stay as they are;
// along the seams of charts a vertex has several rows of uvs. Deterministic.
//
// InvalidArgument for a mesh without triangles or options out of range.
absl::StatusOr<Mesh> UnwrapUvs(const Mesh& mesh, const AtlasOptions& options);

}  // namespace dg4d

#endif  // DG4D_GEOMETRY_UV_ATLAS_H_
