#include "dg4d/scene/mesh_sequence.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "dg4d/base/status.h"

namespace dg4d {

absl::Status CheckMeshSequence(const std::vector<Mesh>& meshes, double fps) {
  for (size_t frame = 0; frame < meshes.size(); ++frame) {
    DG4D_RETURN_IF_ERROR(Annotate(CheckMesh(meshes[frame]),
                                  absl::StrCat("mesh of frame ", frame)));
  }
  if (meshes.size() > 1 && !(fps > 0 && std::isfinite(fps))) {
    return absl::InvalidArgumentError(
        absl::StrCat("the scene plays ", fps, " frames a second"));
  }
  return absl::OkStatus();
}

bool AreAllTexturedOrNone(const std::vector<Mesh>& meshes) {
  return std::all_of(meshes.begin(), meshes.end(), [&](const Mesh& mesh) {
    return mesh.textured() == meshes[0].textured();
  });
}

at::Tensor UnitNormals(const Mesh& mesh) {
  if (!mesh.normals.defined()) {
    return VertexNormals(mesh.vertices, mesh.triangles);
  }
  const at::Tensor normals = mesh.normals.contiguous().clone();
  float* n = normals.data_ptr<float>();
  for (int64_t i = 0; i < normals.size(0); ++i, n += 3) {
    const float length = std::sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
    const bool is_zero = !(length > 1e-12f);
    for (int c = 0; c < 3; ++c) n[c] = is_zero ? c == 2 : n[c] / length;
  }
  return normals;
}

}  // namespace dg4d
