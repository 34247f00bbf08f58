#include "dg4d/exporters/gltf/joined_corners.h"

#include <unordered_map>

namespace dg4d::gltf {

JoinedCorners JoinCorners(const Mesh& mesh) {
  const at::Tensor triangles = mesh.triangles.contiguous();
  const bool has_uvs = mesh.uvs.defined();
  const at::Tensor uv_triangles =
      has_uvs ? mesh.uv_triangles.contiguous() : triangles;
  const int32_t* vertices = triangles.data_ptr<int32_t>();
  const int32_t* uvs = uv_triangles.data_ptr<int32_t>();

  JoinedCorners joined;
  joined.triangles.reserve(triangles.numel());
  std::unordered_map<uint64_t, uint32_t> point_of_pair;
  point_of_pair.reserve(2 * mesh.vertex_count());
  for (int64_t corner = 0; corner < triangles.numel(); ++corner) {
    const uint64_t pair = static_cast<uint64_t>(vertices[corner]) << 32 |
                          static_cast<uint32_t>(uvs[corner]);
    const auto [entry, is_new] =
        point_of_pair.emplace(pair, joined.vertex_of_point.size());
    if (is_new) {
      joined.vertex_of_point.push_back(vertices[corner]);
      if (has_uvs) joined.uv_of_point.push_back(uvs[corner]);
    }
    joined.triangles.push_back(entry->second);
  }
  return joined;
}

}  // namespace dg4d::gltf
