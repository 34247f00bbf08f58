#ifndef TOOLS_SCENE_INPUT_H_
#define TOOLS_SCENE_INPUT_H_

#include <string>

#include "absl/status/statusor.h"
#include "dg4d/scene/scene.h"

namespace dg4d {

// The scene that a verb's first argument names: a run's output folder
// (run_folder.h), or files of other programs (dg4d/formats/import_scene.h) read
// as --input_fps and --input_up say. What of the files is left out, it says on
// stderr. Programs without libraries of pictures read runs only: each program
// links the one or the other (tools/verbs/device_verbs.cc).
absl::StatusOr<Scene> LoadScene(const std::string& path);

}  // namespace dg4d

#endif  // TOOLS_SCENE_INPUT_H_
