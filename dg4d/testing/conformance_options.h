#ifndef DG4D_TESTING_CONFORMANCE_OPTIONS_H_
#define DG4D_TESTING_CONFORMANCE_OPTIONS_H_

#include <cstdio>
#include <cstdlib>
#include <string>

#include "dg4d/core/config.h"

namespace dg4d {

// The options with which conformance tests make the plugin `name`: its
// defaults, or what dg4d_plugin(conformance_options = ...) says of a plugin
// that cannot run on them.
inline ConfigNode ConformanceOptions(const std::string& name) {
  const char* text = std::getenv("DG4D_CONFORMANCE_OPTIONS");
  if (text == nullptr) return {};
  const auto options = ParseYaml(text, "DG4D_CONFORMANCE_OPTIONS");
  // A typing error in a BUILD file: no test could mean anything.
  if (!options.ok()) {
    std::fprintf(stderr, "%s\n",
                 std::string(options.status().message()).c_str());
    std::abort();
  }
  const ConfigNode* own = options->Find(name);
  return own == nullptr ? ConfigNode() : *own;
}

}  // namespace dg4d

#endif  // DG4D_TESTING_CONFORMANCE_OPTIONS_H_
