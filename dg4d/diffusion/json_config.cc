#include "dg4d/diffusion/json_config.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"

namespace dg4d::diffusion {
namespace {

using nlohmann::json;

constexpr int64_t kLargest = 1000000;
constexpr size_t kLongest = 16;
// Published files nest twice. What is written out or copied below goes as deep
// as the file does, by recursion.
constexpr int kDeepest = 32;

bool IsSize(const json& value) {
  return value.is_number_integer() && value.get<int64_t>() >= 1 &&
         value.get<int64_t>() <= kLargest;
}

}  // namespace

absl::StatusOr<JsonConfig> JsonConfig::Read(const std::string& path) {
  DG4D_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  return Parse(text, path);
}

absl::StatusOr<JsonConfig> JsonConfig::Parse(absl::string_view text,
                                             const std::string& file) {
  JsonConfig config;
  config.file_ = file;
  bool too_deep = false;
  const auto keep = [&](int depth, json::parse_event_t, json&) {
    too_deep |= depth > kDeepest;
    return !too_deep;
  };
  config.json_ = std::make_shared<json>(
      json::parse(text.begin(), text.end(), keep, false));
  if (too_deep) {
    return absl::DataLossError(
        absl::StrCat(file, " nests more than ", kDeepest, " levels deep"));
  }
  if (!config.json_->is_object()) {
    return absl::DataLossError(absl::StrCat(file, " is no JSON object"));
  }
  return config;
}

const json* JsonConfig::Find(const std::string& key) {
  asked_.insert(key);
  const auto found = json_->find(key);
  return found == json_->end() || found->is_null() ? nullptr : &*found;
}

bool JsonConfig::Has(const std::string& key) const {
  return json_->contains(key) && !(*json_)[key].is_null();
}

void JsonConfig::Complain(absl::string_view problem) {
  problems_.emplace_back(problem);
}

int64_t JsonConfig::Integer(const std::string& key, int64_t otherwise) {
  const json* value = Find(key);
  if (value == nullptr) return otherwise;
  if (IsSize(*value)) return value->get<int64_t>();
  Complain(absl::StrCat("'", key, "' must be an integer from 1 to ", kLargest,
                        ", not ", value->dump()));
  return otherwise;
}

double JsonConfig::Number(const std::string& key, double otherwise) {
  const json* value = Find(key);
  if (value == nullptr) return otherwise;
  if (value->is_number()) return value->get<double>();
  Complain(absl::StrCat("'", key, "' must be a number, not ", value->dump()));
  return otherwise;
}

bool JsonConfig::Flag(const std::string& key, bool otherwise) {
  const json* value = Find(key);
  if (value == nullptr) return otherwise;
  if (value->is_boolean()) return value->get<bool>();
  Complain(
      absl::StrCat("'", key, "' must be true or false, not ", value->dump()));
  return otherwise;
}

std::string JsonConfig::Text(const std::string& key,
                             const std::string& otherwise) {
  const json* value = Find(key);
  if (value == nullptr) return otherwise;
  if (value->is_string()) return value->get<std::string>();
  Complain(absl::StrCat("'", key, "' must be text, not ", value->dump()));
  return otherwise;
}

std::vector<int64_t> JsonConfig::Integers(const std::string& key,
                                          const std::vector<int64_t>& otherwise,
                                          size_t count) {
  const json* value = Find(key);
  if (value == nullptr) return otherwise;
  if (IsSize(*value)) {
    return std::vector<int64_t>(count, value->get<int64_t>());
  }
  if (value->is_array() && value->size() == count && count <= kLongest &&
      std::all_of(value->begin(), value->end(), &IsSize)) {
    return value->get<std::vector<int64_t>>();
  }
  Complain(absl::StrCat("'", key, "' must be an integer or ", count,
                        " of them, not ", value->dump()));
  return otherwise;
}

std::vector<double> JsonConfig::Numbers(const std::string& key,
                                        const std::vector<double>& otherwise) {
  const json* value = Find(key);
  if (value == nullptr) return otherwise;
  if (value->is_array() && value->size() == otherwise.size() &&
      std::all_of(value->begin(), value->end(),
                  [](const json& item) { return item.is_number(); })) {
    return value->get<std::vector<double>>();
  }
  Complain(absl::StrCat("'", key, "' must be ", otherwise.size(),
                        " numbers, not ", value->dump()));
  return otherwise;
}

int64_t JsonConfig::Edge(const std::string& key, int64_t otherwise) {
  const json* value = Find(key);
  if (value == nullptr) return otherwise;
  if (IsSize(*value)) return value->get<int64_t>();
  if (value->is_object() && value->contains("height") &&
      value->contains("width") && IsSize((*value)["height"]) &&
      (*value)["height"] == (*value)["width"]) {
    return (*value)["height"].get<int64_t>();
  }
  Complain(absl::StrCat("'", key,
                        "' must be one size or equal 'height' and "
                        "'width', not ",
                        value->dump()));
  return otherwise;
}

std::vector<std::string> JsonConfig::Texts(
    const std::string& key, const std::vector<std::string>& otherwise) {
  const json* value = Find(key);
  if (value == nullptr) return otherwise;
  if (value->is_array() && !value->empty() && value->size() <= kLongest &&
      std::all_of(value->begin(), value->end(),
                  [](const json& item) { return item.is_string(); })) {
    return value->get<std::vector<std::string>>();
  }
  Complain(absl::StrCat("'", key, "' must be a list of 1 to ", kLongest,
                        " names, not ", value->dump()));
  return otherwise;
}

void JsonConfig::Require(const std::string& key) {
  if (!Has(key)) Complain(absl::StrCat("'", key, "' is missing"));
}

void JsonConfig::Only(const std::string& key,
                      const std::vector<std::string>& values) {
  const json* value = Find(key);
  if (value == nullptr) return;
  for (const std::string& allowed : values) {
    if (*value == json::parse(allowed, nullptr, false)) return;
  }
  Complain(absl::StrCat("'", key, "' is ", value->dump(),
                        "; implemented: ", absl::StrJoin(values, ", ")));
}

void JsonConfig::Ignore(const std::vector<std::string>& keys) {
  asked_.insert(keys.begin(), keys.end());
}

void JsonConfig::Enter(const std::string& key) {
  const json* value = Find(key);
  if (value == nullptr) return;
  if (!value->is_object()) {
    Complain(absl::StrCat("'", key, "' must be an object"));
    return;
  }
  const json inner = *value;
  json_->update(inner);
}

absl::Status JsonConfig::Finish() const {
  std::vector<std::string> problems = problems_;
  for (const auto& [key, value] : json_->items()) {
    const bool silent =
        key.empty() || key[0] == '_' || value.is_null() || value == json(false);
    if (asked_.count(key) == 0 && !silent && !lenient_) {
      problems.push_back(
          absl::StrCat("'", key, "' is not supported (", value.dump(), ")"));
    }
  }
  if (problems.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(file_, ": ", absl::StrJoin(problems, "; ")));
}

}  // namespace dg4d::diffusion
