#ifndef DG4D_FORMATS_OBJ_IO_H_
#define DG4D_FORMATS_OBJ_IO_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dg4d/formats/companion_file.h"
#include "dg4d/scene/mesh.h"

namespace dg4d {

struct ObjMesh {
  Mesh mesh;            // without albedo
  std::string texture;  // as the material names it; empty if there is none
  // What the file says and the mesh does not, without the file's name.
  std::vector<std::string> notes;
};

// The mesh in the text of a Wavefront OBJ. All objects and groups become one;
// polygons are cut into fans from their first corner; indices may count from
// the end. Positions are as the file has them; v of texture coordinates is
// turned downwards. Normals are kept where every vertex has one, else left
// undefined. Lines, points and free-form surfaces are left out and noted.
//
// `read` gives the material files. Missing ones are noted. All materials in use
// must have the same picture for map_Kd, or none.
//
// InvalidArgument names `name`, the line and what is wrong: a number that is
// none or not finite, an index that is 0 or out of range, a polygon of fewer
// than three corners, texture coordinates at some corners only, several
// pictures, no triangle at all.
//
// Not tinyobjloader (2.0.0rc10): it hands on indices that are out of range with
// a warning, and does not round decimals to the nearest float, where an OBJ of
// ours must read back equal.
absl::StatusOr<ObjMesh> DecodeObj(absl::string_view text,
                                  const std::string& name,
                                  CompanionReader read);

// The meshes in the files `paths`, one a frame, with their pictures (RGB),
// which must be in the folder of each or below. A picture that is missing
// leaves the mesh untextured. What is left out is added to `notes`, once for
// all files. Equal pictures, triangles and texture coordinates share their
// memory.
absl::StatusOr<std::vector<Mesh>> ReadObjSequence(
    const std::vector<std::string>& paths, std::vector<std::string>& notes);

// Whether `bytes` begin as an OBJ does: text whose first line that says
// something begins with a keyword.
bool LooksLikeObj(absl::string_view bytes);

}  // namespace dg4d

#endif  // DG4D_FORMATS_OBJ_IO_H_
