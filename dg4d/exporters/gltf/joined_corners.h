#ifndef DG4D_EXPORTERS_GLTF_JOINED_CORNERS_H_
#define DG4D_EXPORTERS_GLTF_JOINED_CORNERS_H_

#include <cstdint>
#include <vector>

#include "dg4d/scene/mesh.h"

namespace dg4d::gltf {

// A mesh with one index a corner, as graphics hardware wants it: each pair of a
// vertex and a texture coordinate that occurs is one point, in the order of
// first use. Vertices that no triangle uses are left out.
struct JoinedCorners {
  std::vector<int32_t> vertex_of_point;
  std::vector<int32_t> uv_of_point;  // empty for a mesh without uvs
  std::vector<uint32_t> triangles;   // three points each
};

JoinedCorners JoinCorners(const Mesh& mesh);

}  // namespace dg4d::gltf

#endif  // DG4D_EXPORTERS_GLTF_JOINED_CORNERS_H_
