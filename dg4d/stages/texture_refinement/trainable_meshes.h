#ifndef DG4D_STAGES_TEXTURE_REFINEMENT_TRAINABLE_MESHES_H_
#define DG4D_STAGES_TEXTURE_REFINEMENT_TRAINABLE_MESHES_H_

#include <ATen/core/Tensor.h>

#include <vector>

#include "absl/types/span.h"
#include "c10/core/Device.h"
#include "dg4d/core/options.h"
#include "dg4d/core/renderer.h"
#include "dg4d/core/state_archive.h"
#include "dg4d/scene/camera.h"
#include "dg4d/scene/mesh.h"
#include "dg4d/training/adam.h"

namespace dg4d::texture_refinement {

// Textured meshes whose colours, and on wish whose vertices, can be optimised.
//
// Colours are trained as logits, so that they stay within [0, 1], but rendered
// and filtered as colours. Meshes of one topology have one texture and one set
// of vertex offsets for all times, so that what one frame shows corrects every
// frame; otherwise each mesh has its own.
class TrainableMeshes {
 public:
  struct Options {
    // One texture for all: only for meshes of one topology.
    bool share_texture = true;
    Schedule texture_rate = {0.2, 0.2, 1};
    // World units; 0 leaves the vertices alone.
    Schedule geometry_rate = {0, 0, 1};
  };

  // `meshes` are textured, their albedos of one size; mesh i stands at
  // `times[i]`.
  TrainableMeshes(const std::vector<Mesh>& meshes, std::vector<double> times,
                  const Options& options, c10::Device device);

  // Each camera sees the mesh nearest to its frame, as BatchOf would have it.
  // Differentiable in what is trained.
  MeshRendering Render(const MeshRenderer& renderer,
                       absl::Span<const Camera> cameras,
                       absl::Span<const double> frames,
                       const at::Tensor& background) const;

  // The mean squared difference of neighbouring texels, over all textures.
  at::Tensor TotalVariation() const;
  // The mean squared difference of the colours from where they started.
  at::Tensor ColourChange() const;
  // The mean squared difference of a vertex's offset from the mean of its
  // neighbours' (uniform Laplacian), in world units; 0 without offsets.
  at::Tensor Roughness() const;

  void Step(int64_t steps_done) { adam_.Step(steps_done); }
  const Adam& adam() const { return adam_; }
  void VisitState(StateArchive& archive) { adam_.VisitState(archive); }

  // The meshes as they are now, with new normals if vertices moved.
  std::vector<Mesh> Result() const;

 private:
  // Edges of one topology, each in both directions.
  struct Neighbours {
    at::Tensor from;     // [E] int64
    at::Tensor to;       // [E] int64
    at::Tensor degrees;  // [V, 1], at least 1
  };

  size_t MeshAt(double frame) const;
  size_t TextureOf(size_t mesh) const { return share_texture_ ? 0 : mesh; }
  size_t OffsetsOf(size_t mesh) const { return one_topology_ ? 0 : mesh; }
  at::Tensor Colours(size_t texture) const;  // [S, S', 3], differentiable
  at::Tensor Vertices(size_t mesh) const;    // [V, 3], differentiable
  MeshRendering RenderTopology(const MeshRenderer& renderer,
                               absl::Span<const Camera> cameras,
                               const std::vector<size_t>& meshes,
                               const at::Tensor& background) const;

  std::vector<Mesh> meshes_;  // on the device
  std::vector<double> times_;
  bool one_topology_;
  bool share_texture_;
  bool train_geometry_;
  c10::Device device_;
  std::vector<at::Tensor> initial_logits_;
  std::vector<Neighbours> neighbours_;
  Adam adam_;
};

}  // namespace dg4d::texture_refinement

#endif  // DG4D_STAGES_TEXTURE_REFINEMENT_TRAINABLE_MESHES_H_
