#include "tools/configs.h"

#include <filesystem>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace dg4d {

absl::StatusOr<ConfigNode> LoadConfig(const std::string& name) {
  const auto embedded = EmbeddedConfigs().find(name);
  if (embedded != EmbeddedConfigs().end()) {
    return ParseYaml(embedded->second, absl::StrCat("config ", name, ".yaml"));
  }
  if (absl::EndsWith(name, ".yaml") || absl::EndsWith(name, ".yml") ||
      std::filesystem::exists(name)) {
    return ReadYaml(name);
  }
  std::vector<std::string> names;
  for (const auto& [known, text] : EmbeddedConfigs()) names.push_back(known);
  return absl::InvalidArgumentError(absl::StrCat(
      "no configuration '", name, "'", DidYouMean(name, names),
      "; built in: ", absl::StrJoin(names, ", "), "; or name a .yaml file"));
}

}  // namespace dg4d
