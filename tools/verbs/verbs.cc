#include "tools/verb.h"

namespace dg4d {

std::vector<const Verb*> Verbs() {
  return {&RunVerb(),    &ExportVerb(),   &RenderVerb(),   &PluginsVerb(),
          &DoctorVerb(), &EvaluateVerb(), &BenchmarkVerb()};
}

}  // namespace dg4d
