// The verbs that neither read nor write pictures, for a program that goes where
// no library of pictures is.

#include "tools/run_folder.h"
#include "tools/scene_input.h"
#include "tools/verb.h"

namespace dg4d {

std::vector<const Verb*> Verbs() {
  return {&RunVerb(), &ExportVerb(), &PluginsVerb(), &DoctorVerb(),
          &BenchmarkVerb()};
}

std::vector<std::pair<std::string, std::string>> CodecFindings() { return {}; }

absl::StatusOr<Scene> LoadScene(const std::string& path) {
  return LoadRun(path);
}

}  // namespace dg4d
