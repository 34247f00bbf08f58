#include "tools/run_folder.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/base/status.h"
#include "dg4d/core/config.h"
#include "dg4d/core/pipeline.h"

namespace dg4d {

absl::StatusOr<Scene> LoadRun(const std::string& directory) {
  absl::StatusOr<ConfigNode> config = ReadYaml(directory + "/run.yaml");
  if (absl::IsNotFound(config.status())) {
    return absl::NotFoundError(absl::StrCat(
        directory, " is not the output of a run: it has no run.yaml"));
  }
  DG4D_RETURN_IF_ERROR(config.status());
  std::vector<std::string> keys;
  if (const ConfigNode* stages = config->Find("stages")) {
    for (const auto& [key, stage] : stages->entries) keys.push_back(key);
  }
  Scene scene;
  DG4D_RETURN_IF_ERROR(LoadStageCheckpoints(directory, keys, scene));
  return scene;
}

}  // namespace dg4d
