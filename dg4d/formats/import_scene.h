#ifndef DG4D_FORMATS_IMPORT_SCENE_H_
#define DG4D_FORMATS_IMPORT_SCENE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dg4d/formats/ply_io.h"
#include "dg4d/scene/scene.h"

namespace dg4d {

struct ImportOptions {
  // Frames a second of a sequence. Without: what the file says, else 7, the
  // rate of `procedural_video`.
  std::optional<double> fps;
  // The upward axis of PLY files. Without: what their comment says, else -y.
  std::optional<PlyUp> up;
};

struct ImportedScene {
  Scene scene;
  // What was in the files and is not in the scene, one sentence each.
  std::vector<std::string> notes;
};

// The scene in files of other programs, or of our exporters. `path` is
//   - a file: Gaussians as PLY (ply_io.h), SPZ (spz_io.h) or GLB with
//     KHR_gaussian_splatting (gltf_splats_io.h); meshes as OBJ (obj_io.h) or
//     GLB (gltf_meshes_io.h), animated or not;
//   - a pattern with one '*' for the number: "cat/frame_*.ply";
//   - a folder that holds one of these, or one numbered sequence of them
//     (numbered_files.h); `static.ply` or `static.spz` beside a sequence is its
//     canonical frame, as exporters `ply` and `spz` write it.
// What a file is, its content decides, not its name.
//
// The files of a sequence must hold the same Gaussians in the same order;
// without static.ply the first is the canonical one. Times are 0, 1, 2, ...
// The reference camera stands in front (+z), at the distance of a run's if the
// object is of a usual size, else as far as it takes to see it all.
//
// InvalidArgument and NotFound name the file and what is wrong: nothing or more
// than one thing in a folder (listed), a file of a kind that is not read (with
// those that are), and whatever the readers of each kind refuse.
absl::StatusOr<ImportedScene> ImportScene(const std::string& path,
                                          const ImportOptions& options = {});

// What ImportScene can read, for messages and help.
extern const char kImportableFiles[];

}  // namespace dg4d

#endif  // DG4D_FORMATS_IMPORT_SCENE_H_
