#include "tools/run_folder.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"
#include "dg4d/core/config.h"
#include "dg4d/core/pipeline.h"
#include "tools/provenance.h"

namespace dg4d {

using nlohmann::ordered_json;

absl::StatusOr<Scene> LoadRun(const std::string& directory) {
  const std::string yaml_path = directory + "/run.yaml";
  const absl::StatusOr<std::string> yaml = ReadFile(yaml_path);
  if (absl::IsNotFound(yaml.status())) {
    return absl::NotFoundError(absl::StrCat(
        directory, " is not the output of a run: it has no run.yaml"));
  }
  DG4D_RETURN_IF_ERROR(yaml.status());
  DG4D_ASSIGN_OR_RETURN(const ConfigNode config, ParseYaml(*yaml, yaml_path));
  std::vector<std::string> keys;
  if (const ConfigNode* stages = config.Find("stages")) {
    for (const auto& [key, stage] : stages->entries) keys.push_back(key);
  }
  Scene scene;
  DG4D_RETURN_IF_ERROR(LoadStageCheckpoints(directory, keys, scene));
  if (const auto record = ReadFile(directory + "/run.json"); record.ok()) {
    scene.provenance = ProvenanceOf(
        ordered_json::parse(*record, nullptr, /*allow_exceptions=*/false),
        *yaml);
  }
  return scene;
}

}  // namespace dg4d
