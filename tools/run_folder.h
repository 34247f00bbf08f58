#ifndef TOOLS_RUN_FOLDER_H_
#define TOOLS_RUN_FOLDER_H_

#include <string>

#include "absl/status/statusor.h"
#include "dg4d/scene/scene.h"

namespace dg4d {

// What a run has left in its output folder `directory`, as far as it came.
absl::StatusOr<Scene> LoadRun(const std::string& directory);

}  // namespace dg4d

#endif  // TOOLS_RUN_FOLDER_H_
