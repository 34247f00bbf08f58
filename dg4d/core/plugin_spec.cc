#include "dg4d/core/plugin_spec.h"

namespace dg4d::plugin_spec_internal {

absl::Status ReadSpec(const ConfigNode& node, std::string& plugin,
                      ConfigNode& options, double* weight) {
  if (node.is_scalar()) {
    if (node.scalar != plugin) options = ConfigNode();
    plugin = node.scalar;
    return absl::OkStatus();
  }
  if (!node.is_map()) {
    return absl::InvalidArgumentError(node.Locate(
        "expected a plugin's name, or {plugin: name, options: {...}}"));
  }
  Errors errors;
  for (const auto& [key, value] : node.entries) {
    if (key == "plugin") {
      std::string name;
      errors.Add(options_internal::ReadScalar(value, name));
      if (name != plugin) options = ConfigNode();
      plugin = name;
    } else if (key == "weight" && weight != nullptr) {
      errors.Add(options_internal::ReadScalar(value, *weight));
    } else if (key != "options") {
      const std::vector<std::string> known = {"plugin", "options", "weight"};
      errors.Add(value.Locate(
          absl::StrCat("unknown key '", key, "'", DidYouMean(key, known))));
    }
  }
  if (const ConfigNode* given = node.Find("options")) options = *given;
  if (plugin.empty()) errors.Add(node.Locate("'plugin' is missing"));
  return errors.ToStatus();
}

ConfigNode WriteSpec(const std::string& plugin, const ConfigNode& resolved,
                     const double* weight) {
  ConfigNode node = ConfigNode::Map();
  node["plugin"] = ConfigNode::Scalar(plugin);
  if (weight != nullptr) {
    node["weight"] = ConfigNode::Scalar(options_internal::NumberText(*weight));
  }
  if (!resolved.entries.empty()) node["options"] = resolved;
  return node;
}

}  // namespace dg4d::plugin_spec_internal
