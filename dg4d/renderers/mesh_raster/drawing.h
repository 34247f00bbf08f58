#ifndef DG4D_RENDERERS_MESH_RASTER_DRAWING_H_
#define DG4D_RENDERERS_MESH_RASTER_DRAWING_H_

#include <ATen/core/Tensor.h>
#include <torch/custom_class.h>

#include <cstdint>
#include <vector>

#include "dg4d/renderers/mesh_raster/topology.h"

namespace dg4d::mesh_raster_renderer {

// Private to the plugin.

struct Settings {
  int width;
  int height;
  double near;
  double far;
  bool mip_map;
  bool antialias;
  bool wrap;
};

// As MeshRendering has them.
struct Images {
  at::Tensor rgb, alpha, depth, triangle_ids, uv, normals;
};

// Gradients of the images; undefined: zero.
struct ImageGradients {
  at::Tensor rgb;    // [B, C, H, W]
  at::Tensor alpha;  // [B, 1, H, W]
  at::Tensor depth;  // [B, 1, H, W]
};

struct InputGradients {
  at::Tensor vertices, uvs, texture, background;
};

// Pictures of meshes, and what their backward pass needs.
template <typename Real>
class Drawing : public torch::CustomClassHolder {
 public:
  // Set before Draw.
  Settings settings;
  std::vector<int64_t> mesh_of_image;  // [B]
  std::vector<Real> view_from_world;   // [B, 3, 4]
  std::vector<Real> focal_lengths;     // [B, 2]
  Topology topology;                   // with neighbors if settings.antialias

  // All contiguous: vertices [M, V, 3], uvs [U, 2], texture [R, S, S', C],
  // background [B, C].
  virtual Images Draw(const at::Tensor& vertices, const at::Tensor& uvs,
                      const at::Tensor& texture,
                      const at::Tensor& background) = 0;

  // Fills in those of `wanted` that are defined, of the inputs' shapes. The
  // first four are what was drawn.
  virtual void Backward(const at::Tensor& vertices, const at::Tensor& uvs,
                        const at::Tensor& texture, const at::Tensor& background,
                        const ImageGradients& images,
                        const InputGradients& wanted) const = 0;
};

}  // namespace dg4d::mesh_raster_renderer

#endif  // DG4D_RENDERERS_MESH_RASTER_DRAWING_H_
