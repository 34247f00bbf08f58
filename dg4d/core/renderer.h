#ifndef DG4D_CORE_RENDERER_H_
#define DG4D_CORE_RENDERER_H_

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "dg4d/core/registry.h"
#include "dg4d/scene/camera.h"
#include "dg4d/scene/gaussians.h"
#include "dg4d/scene/mesh.h"

namespace dg4d {

// Differentiable drawing of Gaussians or of meshes. The kind has two
// interfaces below; a plugin derives from one of them.
class Renderer {
 public:
  static constexpr char kKind[] = "renderer";
  virtual ~Renderer() = default;
};

class GaussianViews;  // gaussian_views.h

// The Gaussians of T times and which of them each of B cameras sees. A
// parameter that does not change with time may have a first size of 1.
struct GaussianBatch {
  at::Tensor means;                 // [T or 1, N, 3]
  at::Tensor quaternions;           // [T or 1, N, 4], w x y z, need not be unit
  at::Tensor log_scales;            // [T or 1, N, 3]
  at::Tensor opacity_logits;        // [T or 1, N, 1]
  at::Tensor sh;                    // [T or 1, N, K, 3]
  std::vector<int> time_of_camera;  // B numbers in [0, T)
  // What was set last of the cameras and time_of_camera, for CUDA graphs; may
  // be null.
  std::shared_ptr<GaussianViews> views;
  // Whether the rendering is to have these too, which takes longer.
  bool median_depth = false;
  bool normals = false;
};

// One time, seen by all of `cameras` cameras.
GaussianBatch BatchOf(const Gaussians& gaussians, int cameras);

struct GaussianRendering {
  at::Tensor rgb;    // [B, 3, H, W], over the background, not clamped
  at::Tensor alpha;  // [B, 1, H, W], in [0, 1]
  at::Tensor depth;  // [B, 1, H, W], sum of weight x distance along the viewing
                     // axis; divide by alpha for the expected depth
  at::Tensor radii;  // [B, N] int32, pixels; 0 where a Gaussian is not seen

  // Undefined unless the batch asks for them.
  //
  // [B, 1, H, W], distance along the viewing axis of the Gaussian behind which
  // at most half of the light is left, 0 where more is: a surface, where the
  // expected depth mixes several. Has no gradient, as it jumps.
  at::Tensor median_depth;
  // [B, 3, H, W], sum of weight x normal in the world frame, with gradients.
  // A Gaussian's normal is its shortest axis, towards the camera. Nothing for
  // the background; not of unit length.
  at::Tensor normals;
};

class GaussianRenderer : public Renderer {
 public:
  using Registered = Renderer;
  static constexpr char kDescription[] = "renderer of Gaussians";

  // Draws `batch` from each of `cameras` (all of one size) by EWA splatting,
  // front to back, over `background` [B, 3]. Differentiable in every parameter
  // of the batch, the background and `screen_offsets`. Runs on the device that
  // holds the batch; all tensors have one floating type.
  //
  // `screen_offsets` [B, N, 2], if defined, is added to the projected centres
  // in normalised device coordinates; its gradient at zero is what drives
  // densification.
  virtual GaussianRendering Render(const GaussianBatch& batch,
                                   absl::Span<const Camera> cameras,
                                   const at::Tensor& background,
                                   const at::Tensor& screen_offsets) const = 0;
};

// Meshes of one topology (M poses) and which of them each of B cameras sees.
struct MeshBatch {
  at::Tensor vertices;      // [M, V, 3]
  at::Tensor triangles;     // [T, 3] int32
  at::Tensor uvs;           // [U, 2]
  at::Tensor uv_triangles;  // [T, 3] int32
  at::Tensor texture;       // [M or 1, S, S', C], C channels, row 0 at the top
  std::vector<int> mesh_of_camera;  // B numbers in [0, M)
};

// The batch of one textured mesh, seen by all of `cameras` cameras.
MeshBatch BatchOf(const Mesh& mesh, int cameras);

struct MeshRendering {
  at::Tensor rgb;           // [B, C, H, W], over the background
  at::Tensor alpha;         // [B, 1, H, W], anti-aliased coverage
  at::Tensor depth;         // [B, 1, H, W], along the viewing axis; 0 if empty
  at::Tensor triangle_ids;  // [B, H, W] int32, -1 where nothing is hit
  at::Tensor uv;            // [B, 2, H, W], 0 if empty
  at::Tensor normals;       // [B, 3, H, W], unit, world frame; 0 if empty
};

class MeshRenderer : public Renderer {
 public:
  using Registered = Renderer;
  static constexpr char kDescription[] = "renderer of meshes";

  // Draws unlit, textured triangles from each of `cameras` (all of one size)
  // over `background` [B, C]. rgb and alpha are differentiable in vertices,
  // uvs, texture and background.
  virtual MeshRendering Render(const MeshBatch& batch,
                               absl::Span<const Camera> cameras,
                               const at::Tensor& background) const = 0;
};

}  // namespace dg4d

#endif  // DG4D_CORE_RENDERER_H_
