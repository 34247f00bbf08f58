#include "dg4d/core/renderer.h"

namespace dg4d {

GaussianBatch BatchOf(const Gaussians& gaussians, int cameras) {
  return {
      .means = gaussians.means.unsqueeze(0),
      .quaternions = gaussians.quaternions.unsqueeze(0),
      .log_scales = gaussians.log_scales.unsqueeze(0),
      .opacity_logits = gaussians.opacity_logits.unsqueeze(0),
      .sh = gaussians.sh.unsqueeze(0),
      .time_of_camera = std::vector<int>(cameras, 0),
  };
}

MeshBatch BatchOf(const Mesh& mesh, int cameras) {
  return {
      .vertices = mesh.vertices.unsqueeze(0),
      .triangles = mesh.triangles,
      .uvs = mesh.uvs,
      .uv_triangles = mesh.uv_triangles,
      .texture = mesh.albedo.pixels.unsqueeze(0),
      .mesh_of_camera = std::vector<int>(cameras, 0),
  };
}

}  // namespace dg4d
