#include "dg4d/core/config.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"

namespace dg4d {
namespace {

constexpr int kMaxDepth = 64;

std::string Place(absl::string_view file, const YAML::Mark& mark) {
  return mark.is_null() ? std::string(file)
                        : absl::StrCat(file, ":", mark.line + 1);
}

absl::Status Invalid(absl::string_view where, absl::string_view message) {
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", message));
}

absl::StatusOr<ConfigNode> Convert(const YAML::Node& yaml,
                                   absl::string_view file, int depth) {
  ConfigNode node;
  node.where = Place(file, yaml.Mark());
  if (depth > kMaxDepth) return Invalid(node.where, "nested too deeply");
  switch (yaml.Type()) {
    case YAML::NodeType::Undefined:
    case YAML::NodeType::Null:
      return node;
    case YAML::NodeType::Scalar:
      node.kind = ConfigNode::Kind::kScalar;
      node.scalar = yaml.Scalar();
      return node;
    case YAML::NodeType::Sequence:
      node.kind = ConfigNode::Kind::kList;
      for (const YAML::Node& item : yaml) {
        DG4D_ASSIGN_OR_RETURN(node.items.emplace_back(),
                              Convert(item, file, depth + 1));
      }
      return node;
    case YAML::NodeType::Map:
      break;
  }
  node.kind = ConfigNode::Kind::kMap;
  for (const auto& entry : yaml) {
    const std::string where = Place(file, entry.first.Mark());
    if (!entry.first.IsScalar()) return Invalid(where, "a key must be a word");
    const std::string& key = entry.first.Scalar();
    if (node.Find(key) != nullptr) {
      return Invalid(where, absl::StrCat("'", key, "' is there twice"));
    }
    DG4D_ASSIGN_OR_RETURN(ConfigNode value,
                          Convert(entry.second, file, depth + 1));
    if (value.is_null()) value.where = where;
    node.entries.emplace_back(key, std::move(value));
  }
  return node;
}

void Emit(const ConfigNode& node, YAML::Emitter& out) {
  switch (node.kind) {
    case ConfigNode::Kind::kNull:
      out << YAML::Null;
      break;
    case ConfigNode::Kind::kScalar:
      out << node.scalar;
      break;
    case ConfigNode::Kind::kList: {
      const bool flat =
          std::all_of(node.items.begin(), node.items.end(),
                      [](const ConfigNode& item) { return item.is_scalar(); });
      if (flat) out << YAML::Flow;
      out << YAML::BeginSeq;
      for (const ConfigNode& item : node.items) Emit(item, out);
      out << YAML::EndSeq;
      break;
    }
    case ConfigNode::Kind::kMap:
      if (node.entries.empty()) out << YAML::Flow;
      out << YAML::BeginMap;
      for (const auto& [key, value] : node.entries) {
        out << YAML::Key << key << YAML::Value;
        Emit(value, out);
      }
      out << YAML::EndMap;
      break;
  }
}

void SetWhere(ConfigNode& node, const std::string& where) {
  node.where = where;
  for (ConfigNode& item : node.items) SetWhere(item, where);
  for (auto& [key, value] : node.entries) SetWhere(value, where);
}

int EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<int> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const int replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

ConfigNode ConfigNode::Scalar(std::string text) {
  ConfigNode node;
  node.kind = Kind::kScalar;
  node.scalar = std::move(text);
  return node;
}

ConfigNode ConfigNode::List(std::vector<ConfigNode> items) {
  ConfigNode node;
  node.kind = Kind::kList;
  node.items = std::move(items);
  return node;
}

ConfigNode ConfigNode::Map() {
  ConfigNode node;
  node.kind = Kind::kMap;
  return node;
}

const ConfigNode* ConfigNode::Find(absl::string_view key) const {
  for (const auto& [name, value] : entries) {
    if (name == key) return &value;
  }
  return nullptr;
}

ConfigNode& ConfigNode::operator[](absl::string_view key) {
  if (is_null()) kind = Kind::kMap;
  for (auto& [name, value] : entries) {
    if (name == key) return value;
  }
  return entries.emplace_back(std::string(key), ConfigNode()).second;
}

std::string ConfigNode::Locate(absl::string_view message) const {
  return where.empty() ? std::string(message)
                       : absl::StrCat(where, ": ", message);
}

absl::StatusOr<ConfigNode> ParseYaml(absl::string_view text,
                                     absl::string_view file) {
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
    if (documents.size() > 1) {
      return Invalid(file, "several YAML documents where one is expected");
    }
    if (documents.empty()) {
      ConfigNode empty;
      empty.where = std::string(file);
      return empty;
    }
    return Convert(documents.front(), file, 0);
  } catch (const YAML::Exception& error) {
    return Invalid(Place(file, error.mark),
                   absl::StrCat("broken YAML: ", error.msg));
  }
}

absl::StatusOr<ConfigNode> ReadYaml(const std::string& path) {
  DG4D_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  return ParseYaml(text, path);
}

absl::Status ApplyOverride(absl::string_view assignment, ConfigNode& root) {
  const std::string where = absl::StrCat("option '", assignment, "'");
  const size_t equals = assignment.find('=');
  if (equals == absl::string_view::npos || equals == 0) {
    return Invalid(where,
                   "expected key=value, as stages.static_gaussians.iterations"
                   "=100");
  }
  DG4D_ASSIGN_OR_RETURN(ConfigNode value,
                        ParseYaml(assignment.substr(equals + 1), where));
  SetWhere(value, where);

  ConfigNode* node = &root;
  std::string path;
  for (const absl::string_view key :
       absl::StrSplit(assignment.substr(0, equals), '.')) {
    if (key.empty()) return Invalid(where, "a part of the key is empty");
    if (node->is_list()) {
      size_t index;
      if (!absl::SimpleAtoi(key, &index) || index >= node->items.size()) {
        return Invalid(where, absl::StrCat("'", path, "' is a list of ",
                                           node->items.size(),
                                           ": expected a number below that "
                                           "instead of '",
                                           key, "'"));
      }
      node = &node->items[index];
    } else if (node->is_scalar()) {
      return Invalid(where, absl::StrCat("'", path, "' is the value '",
                                         node->scalar, "', not a map"));
    } else {
      const bool is_new = node->Find(key) == nullptr;
      node = &(*node)[key];
      if (is_new) node->where = where;
    }
    absl::StrAppend(&path, path.empty() ? "" : ".", key);
  }
  *node = std::move(value);
  return absl::OkStatus();
}

std::string ToYaml(const ConfigNode& node) {
  YAML::Emitter out;
  Emit(node, out);
  return absl::StrCat(out.c_str(), "\n");
}

bool operator==(const ConfigNode& a, const ConfigNode& b) {
  return a.kind == b.kind && a.scalar == b.scalar && a.items == b.items &&
         a.entries == b.entries;
}

std::string DidYouMean(absl::string_view name,
                       const std::vector<std::string>& candidates) {
  const std::string lower = absl::AsciiStrToLower(name);
  int best = std::max<int>(2, name.size() / 3) + 1;
  const std::string* nearest = nullptr;
  for (const std::string& candidate : candidates) {
    const int distance = EditDistance(lower, candidate);
    if (distance < best) {
      best = distance;
      nearest = &candidate;
    }
  }
  return nearest ? absl::StrCat(" (did you mean '", *nearest, "'?)") : "";
}

}  // namespace dg4d
