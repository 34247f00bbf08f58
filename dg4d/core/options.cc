#include "dg4d/core/options.h"

#include <charconv>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_replace.h"

namespace dg4d {
namespace options_internal {
namespace {

absl::Status Expected(const ConfigNode& node, absl::string_view what) {
  const std::string found = node.is_scalar()
                                ? absl::StrCat("'", node.scalar, "'")
                            : node.is_list() ? "a list"
                            : node.is_map()  ? "a map"
                                             : "nothing";
  return absl::InvalidArgumentError(
      node.Locate(absl::StrCat("expected ", what, ", found ", found)));
}

}  // namespace

absl::Status ReadScalar(const ConfigNode& node, bool& value) {
  if (node.is_scalar()) {
    const std::string text = absl::AsciiStrToLower(node.scalar);
    if (text == "true" || text == "yes" || text == "on") {
      value = true;
      return absl::OkStatus();
    }
    if (text == "false" || text == "no" || text == "off") {
      value = false;
      return absl::OkStatus();
    }
  }
  return Expected(node, "true or false");
}

absl::Status ReadScalar(const ConfigNode& node, int64_t& value) {
  if (node.is_scalar() && absl::SimpleAtoi(node.scalar, &value)) {
    return absl::OkStatus();
  }
  return Expected(node, "a whole number");
}

absl::Status ReadScalar(const ConfigNode& node, double& value) {
  if (node.is_scalar() && absl::SimpleAtod(node.scalar, &value) &&
      std::isfinite(value)) {
    return absl::OkStatus();
  }
  return Expected(node, "a number");
}

absl::Status ReadScalar(const ConfigNode& node, std::string& value) {
  if (node.is_null()) {
    value.clear();
    return absl::OkStatus();
  }
  if (!node.is_scalar()) return Expected(node, "text");
  value = node.scalar;
  return absl::OkStatus();
}

std::string NumberText(double value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  return std::string(buffer, end);
}

}  // namespace options_internal

double Schedule::At(int64_t step) const {
  const double t = steps <= 0 ? 1.0
                              : std::min(1.0, std::max<double>(0, step) /
                                                  static_cast<double>(steps));
  if (from > 0 && to > 0)
    return std::exp((1 - t) * std::log(from) + t * std::log(to));
  return from + t * (to - from);
}

absl::Status Errors::ToStatus() const {
  if (messages_.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(messages_, "\n"));
}

OptionReader::OptionReader(const ConfigNode& node) : node_(node) {
  if (!node.is_map() && !node.is_null()) {
    errors_.Add(node.Locate("expected options as key: value"));
  }
}

const ConfigNode* OptionReader::Take(const char* name) {
  known_.push_back(name);
  return node_.Find(name);
}

void OptionReader::operator()(const char* name, std::string& value,
                              std::initializer_list<const char*> choices,
                              const char*) {
  const ConfigNode* node = Take(name);
  if (node == nullptr) return;
  std::string read;
  if (absl::Status status = options_internal::ReadScalar(*node, read);
      !status.ok()) {
    errors_.Add(status);
    return;
  }
  const std::vector<std::string> names(choices.begin(), choices.end());
  for (const std::string& choice : names) {
    if (read == choice) {
      value = read;
      return;
    }
  }
  errors_.Add(node->Locate(absl::StrCat(
      "'", name, "' cannot be '", read, "'", DidYouMean(read, names),
      "; it is one of: ", absl::StrJoin(names, ", "))));
}

absl::Status OptionReader::Finish() {
  for (const auto& [key, value] : node_.entries) {
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    errors_.Add(value.Locate(absl::StrCat(
        "unknown option '", key, "'", DidYouMean(key, known_),
        known_.empty()
            ? "; there are none here"
            : absl::StrCat("; known: ", absl::StrJoin(known_, ", ")))));
  }
  return errors_.ToStatus();
}

std::string OptionDescriber::OneLineYaml(const ConfigNode& node) {
  switch (node.kind) {
    case ConfigNode::Kind::kNull:
      return "";
    case ConfigNode::Kind::kScalar:
      return node.scalar.empty() ? "\"\"" : node.scalar;
    case ConfigNode::Kind::kList: {
      std::vector<std::string> parts;
      for (const auto& item : node.items) parts.push_back(OneLineYaml(item));
      return absl::StrCat("[", absl::StrJoin(parts, ", "), "]");
    }
    case ConfigNode::Kind::kMap: {
      std::vector<std::string> parts;
      for (const auto& [key, value] : node.entries) {
        parts.push_back(absl::StrCat(key, ": ", OneLineYaml(value)));
      }
      return absl::StrCat("{", absl::StrJoin(parts, ", "), "}");
    }
  }
  return "";
}

}  // namespace dg4d
