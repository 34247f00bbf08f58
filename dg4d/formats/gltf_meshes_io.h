#ifndef DG4D_FORMATS_GLTF_MESHES_IO_H_
#define DG4D_FORMATS_GLTF_MESHES_IO_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dg4d/scene/mesh.h"

namespace dg4d {

struct GltfMeshesOptions {
  std::optional<double> fps;  // without: the rate of the animation's keys
  bool textures = true;       // whether pictures are decoded
};

struct GltfMeshes {
  std::vector<Mesh> meshes;  // one a frame, at least one
  double fps = 0;            // of more than one
  // What the file has and the meshes have not, without the file's name.
  std::vector<std::string> notes;
};

// The triangle meshes of a .glb file (glTF 2.0) with its first animation, one
// mesh a frame of it (gltf_poses.h): all that is to be seen then, where nodes
// and morph targets put it. So both ways of exporter `gltf`, morph targets and
// nodes shown in turn, are read as the frames they came from.
//
// Integer positions and texture coordinates (KHR_mesh_quantization,
// KHR_texture_transform), sparse accessors, strips and fans are read. Points
// with equal positions and normals (in all targets) become one vertex, which
// closes the seams of textures. The texture is that of baseColorTexture; what
// is visible in one frame must have the same, or none.
//
// InvalidArgument, naming the file, for anything that is no .glb, is cut off or
// contradicts itself, has no triangles, is moved by bones, needs an extension
// that is not read (as compression), or would make far more vertices than it
// has bytes.
//
// Not tinygltf (2.7): it parses the same JSON library's objects into structs
// and leaves all that a hostile file can lie about to its user: ranges of
// accessors, strides, sparse indices, cycles of nodes.
absl::StatusOr<GltfMeshes> DecodeGltfMeshes(
    absl::string_view bytes, const std::string& name,
    const GltfMeshesOptions& options = {});

}  // namespace dg4d

#endif  // DG4D_FORMATS_GLTF_MESHES_IO_H_
