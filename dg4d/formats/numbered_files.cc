#include "dg4d/formats/numbered_files.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>
#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace dg4d {
namespace {

namespace fs = std::filesystem;

bool IsDigit(char c) { return absl::ascii_isdigit(c); }

// A name about its last run of digits before the ending.
struct SplitName {
  std::string prefix;
  std::string digits;  // empty: the name has no number
  std::string suffix;
};

SplitName Split(const std::string& name) {
  const size_t dot = std::min(name.rfind('.'), name.size());
  size_t end = dot;
  while (end > 0 && !IsDigit(name[end - 1])) --end;
  size_t begin = end;
  while (begin > 0 && IsDigit(name[begin - 1])) --begin;
  // "frame_1.compressed.ply" has its number before another word of the ending.
  // Digits inside a word that goes on ("mp4_model.ply") are part of a name.
  const bool ends_word = end == dot || name[end] == '.';
  if (begin == end || !ends_word) return {name, "", ""};
  return {name.substr(0, begin), name.substr(begin, end - begin),
          name.substr(end)};
}

// Orders numbers of any length, equal ones by their leading zeros.
bool NumberIsLess(const std::string& a, const std::string& b) {
  const auto value = [](const std::string& digits) {
    const size_t first = digits.find_first_not_of('0');
    return first == std::string::npos ? "" : digits.substr(first);
  };
  const std::string value_a = value(a), value_b = value(b);
  return std::tuple(value_a.size(), value_a, a.size()) <
         std::tuple(value_b.size(), value_b, b.size());
}

}  // namespace

std::vector<NumberedFiles> GroupByNumber(std::vector<std::string> names) {
  std::map<std::string, std::vector<std::pair<std::string, std::string>>>
      numbers_and_names;
  for (const std::string& name : names) {
    const SplitName split = Split(name);
    const std::string pattern =
        split.digits.empty() ? name
                             : absl::StrCat(split.prefix, "*", split.suffix);
    numbers_and_names[pattern].emplace_back(split.digits, name);
  }
  std::vector<NumberedFiles> groups;
  for (auto& [pattern, files] : numbers_and_names) {
    std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) {
      return NumberIsLess(a.first, b.first);
    });
    NumberedFiles group;
    for (const auto& [number, name] : files) group.names.push_back(name);
    group.pattern = files.size() == 1 ? group.names.front() : pattern;
    groups.push_back(std::move(group));
  }
  return groups;
}

absl::StatusOr<std::vector<std::string>> ListFiles(
    const std::string& folder, const std::vector<std::string>& endings) {
  std::error_code error;
  std::vector<std::string> names;
  fs::directory_iterator entries(folder, error);
  for (; !error && entries != fs::directory_iterator();
       entries.increment(error)) {
    const std::string name = entries->path().filename().string();
    std::error_code ignored;
    const bool fits = std::any_of(
        endings.begin(), endings.end(), [&name](const std::string& ending) {
          return absl::EndsWithIgnoreCase(name, ending);
        });
    // Names that begin with a dot are other programs' notes (".DS_Store").
    if (fits && name[0] != '.' && entries->is_regular_file(ignored)) {
      names.push_back(name);
    }
  }
  if (error) {
    const std::string message =
        absl::StrCat("cannot read folder ", folder, ": ", error.message());
    return error == std::errc::no_such_file_or_directory
               ? absl::NotFoundError(message)
               : absl::InvalidArgumentError(message);
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool MatchesPattern(absl::string_view name, absl::string_view pattern) {
  const size_t star = pattern.find('*');
  if (star == absl::string_view::npos) return name == pattern;
  return absl::ConsumePrefix(&name, pattern.substr(0, star)) &&
         absl::ConsumeSuffix(&name, pattern.substr(star + 1)) &&
         !name.empty() && std::all_of(name.begin(), name.end(), IsDigit);
}

}  // namespace dg4d
