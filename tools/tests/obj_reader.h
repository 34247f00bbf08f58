#ifndef TOOLS_TESTS_OBJ_READER_H_
#define TOOLS_TESTS_OBJ_READER_H_

#include <string>

#include "absl/status/statusor.h"
#include "dg4d/scene/mesh.h"

namespace dg4d {

// The mesh in a Wavefront OBJ file as a program sees it that did not write it:
// positions, texture coordinates, triangles, and the picture that map_Kd of its
// first material file names. Normals are not kept. InvalidArgument for lines
// that are not understood.
absl::StatusOr<Mesh> ReadObj(const std::string& path);

}  // namespace dg4d

#endif  // TOOLS_TESTS_OBJ_READER_H_
