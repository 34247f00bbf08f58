#ifndef DG4D_SCENE_MESH_SEQUENCE_H_
#define DG4D_SCENE_MESH_SEQUENCE_H_

#include <ATen/core/Tensor.h>

#include <vector>

#include "absl/status/status.h"
#include "dg4d/scene/mesh.h"

namespace dg4d {

// What exporters ask of the meshes of a scene, one a frame.

// OK if every mesh is valid (CheckMesh) and more than one play at a rate that
// can be; else InvalidArgument names the frame.
absl::Status CheckMeshSequence(const std::vector<Mesh>& meshes, double fps);

// Whether all meshes are textured, or none is.
bool AreAllTexturedOrNone(const std::vector<Mesh>& meshes);

// The mesh's own normals, or those of its surface (VertexNormals), of exactly
// unit length, +z where they have none: [V, 3]. Formats refuse zeros.
at::Tensor UnitNormals(const Mesh& mesh);

}  // namespace dg4d

#endif  // DG4D_SCENE_MESH_SEQUENCE_H_
