#ifndef DG4D_CORE_CONFIG_H_
#define DG4D_CORE_CONFIG_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dg4d {

// A value of a configuration: what a YAML file says, and where it says it.
struct ConfigNode {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  std::string scalar;                                       // kScalar: its text
  std::vector<ConfigNode> items;                            // kList
  std::vector<std::pair<std::string, ConfigNode>> entries;  // kMap, in order
  // "image_to_4d.yaml:14", "option 'seed=x'", or empty: for messages.
  std::string where;

  static ConfigNode Scalar(std::string text);
  static ConfigNode List(std::vector<ConfigNode> items = {});
  static ConfigNode Map();

  bool is_null() const { return kind == Kind::kNull; }
  bool is_scalar() const { return kind == Kind::kScalar; }
  bool is_list() const { return kind == Kind::kList; }
  bool is_map() const { return kind == Kind::kMap; }

  // The value of `key`, or null if this is no map or has no such key.
  const ConfigNode* Find(absl::string_view key) const;
  // The value of `key`, added at the end if missing. A null becomes a map.
  ConfigNode& operator[](absl::string_view key);

  // "config image_to_4d.yaml:14: message", as far as the place is known.
  std::string Locate(absl::string_view message) const;
};

// Parses YAML; `file` names it in messages. Anchors and merge keys work;
// repeated keys and several documents are errors.
absl::StatusOr<ConfigNode> ParseYaml(absl::string_view text,
                                     absl::string_view file);
absl::StatusOr<ConfigNode> ReadYaml(const std::string& path);

// Sets one value by its dotted path: "stages.static_gaussians.iterations=100",
// "stages.static_gaussians.guidances.0.weight=2". The value is YAML, so lists
// and maps work too. Maps grow as needed, lists do not.
absl::Status ApplyOverride(absl::string_view assignment, ConfigNode& root);

// YAML that ParseYaml reads back equal.
std::string ToYaml(const ConfigNode& node);

// Whether both say the same, wherever they say it.
bool operator==(const ConfigNode& a, const ConfigNode& b);

// " (did you mean 'iterations'?)" for the candidate nearest to `name`, or ""
// if none is near.
std::string DidYouMean(absl::string_view name,
                       const std::vector<std::string>& candidates);

}  // namespace dg4d

#endif  // DG4D_CORE_CONFIG_H_
