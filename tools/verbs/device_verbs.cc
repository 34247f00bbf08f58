// The verbs that read and write no pictures but PNG, for a program that goes
// where no larger library of pictures is.

#include "tools/run_folder.h"
#include "tools/scene_input.h"
#include "tools/verb.h"
#include "tools/viewer/watch.h"

namespace dg4d {

std::vector<const Verb*> Verbs() {
  return {&RunVerb(),    &ExportVerb(),   &PluginsVerb(),
          &DoctorVerb(), &EvaluateVerb(), &BenchmarkVerb()};
}

std::vector<std::pair<std::string, std::string>> CodecFindings() { return {}; }

absl::StatusOr<Scene> LoadScene(const std::string& path) {
  return LoadRun(path);
}

absl::StatusOr<std::unique_ptr<Watch>> StartWatch(const WatchOptions&) {
  return absl::UnimplementedError(
      "this program has no viewer: leave out --view");
}

}  // namespace dg4d
