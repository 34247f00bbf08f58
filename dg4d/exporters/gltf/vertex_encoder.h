#ifndef DG4D_EXPORTERS_GLTF_VERTEX_ENCODER_H_
#define DG4D_EXPORTERS_GLTF_VERTEX_ENCODER_H_

#include <array>
#include <vector>

#include "dg4d/formats/glb_builder.h"
#include "dg4d/scene/mesh.h"

namespace dg4d::gltf {

// Adds what vertices have to a .glb file, and what morph targets add to it, as
// floats or rounded (KHR_mesh_quantization):
//
//   positions  int16 steps of scale() / 32767 around center(), so off by at
//   most
//              half a step; targets are rounded to the same steps
//   normals    int8 steps of 1 / 127; targets that turn one so far that a
//              component changes by more than 1 stay floats
//   uvs        uint16 steps of 1 / 65535, if all lie in [0, 1], else floats
//
// Lists hold x y z (or u v) of one point after the other.
class VertexEncoder {
 public:
  // For `meshes`; `morphs` if all but the first become targets. Adds to
  // `builder`, which must outlive the encoder.
  VertexEncoder(const std::vector<Mesh>& meshes, bool quantize, bool morphs,
                GlbBuilder& builder);

  // What a node must be moved and enlarged by to show rounded positions.
  const std::array<double, 3>& center() const { return center_; }
  double scale() const { return scale_; }

  // Each returns the index of the new accessor.
  int AddPositions(const std::vector<float>& positions);
  int AddNormals(const std::vector<float>& normals);
  int AddUvs(const std::vector<float>& uvs);
  // The way from `base` to `target`.
  int AddPositionTarget(const std::vector<float>& base,
                        const std::vector<float>& target);
  int AddNormalTarget(const std::vector<float>& base,
                      const std::vector<float>& target);

 private:
  std::vector<int> GridPositions(const std::vector<float>& positions) const;

  const bool quantize_;
  GlbBuilder& builder_;
  std::array<double, 3> center_ = {0, 0, 0};
  double scale_ = 1;
};

}  // namespace dg4d::gltf

#endif  // DG4D_EXPORTERS_GLTF_VERTEX_ENCODER_H_
