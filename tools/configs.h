#ifndef TOOLS_CONFIGS_H_
#define TOOLS_CONFIGS_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "dg4d/core/config.h"

namespace dg4d {

// The configurations of configs/, which are part of the binary: name to YAML.
const std::map<std::string, std::string>& EmbeddedConfigs();

// The configuration that --config names: a YAML file, or an embedded one by
// name ("image_to_4d"). NotFound lists what there is.
absl::StatusOr<ConfigNode> LoadConfig(const std::string& name);

}  // namespace dg4d

#endif  // TOOLS_CONFIGS_H_
