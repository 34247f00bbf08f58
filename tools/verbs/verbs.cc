#include "tools/verb.h"

namespace dg4d {

std::vector<const Verb*> Verbs() {
  return {&RunVerb(),     &ExportVerb(), &RenderVerb(),
          &PluginsVerb(), &DoctorVerb(), &BenchmarkVerb()};
}

}  // namespace dg4d
