#include "tools/verb.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "dg4d/core/config.h"
#include "gflags/gflags.h"

namespace dg4d {
namespace {

bool Takes(const Verb& verb, const std::string& flag) {
  return std::find(verb.flags.begin(), verb.flags.end(), flag) !=
         verb.flags.end();
}

bool IsSwitch(const std::string& flag) {
  gflags::CommandLineFlagInfo info;
  return gflags::GetCommandLineFlagInfo(flag.c_str(), &info) &&
         info.type == "bool";
}

absl::Status SetFlag(const std::string& name, const std::string& value) {
  if (!gflags::SetCommandLineOption(name.c_str(), value.c_str()).empty()) {
    return absl::OkStatus();
  }
  gflags::CommandLineFlagInfo info;
  gflags::GetCommandLineFlagInfo(name.c_str(), &info);
  return absl::InvalidArgumentError(
      absl::StrCat("flag --", name, " cannot be '", value, "': expected ",
                   info.type == "bool"     ? "true or false"
                   : info.type == "string" ? "another value"
                                           : "a number"));
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ParseFlags(
    const Verb& verb, const std::vector<std::string>& words) {
  std::vector<std::string> arguments;
  for (size_t i = 0; i < words.size(); ++i) {
    absl::string_view word = words[i];
    if (word == "--") {
      arguments.insert(arguments.end(), words.begin() + i + 1, words.end());
      break;
    }
    if (!absl::StartsWith(word, "-") || word.size() == 1) {
      arguments.push_back(words[i]);
      continue;
    }
    absl::ConsumePrefix(&word, "-");
    absl::ConsumePrefix(&word, "-");
    const size_t equals = word.find('=');
    std::string name(word.substr(0, equals));
    std::string value;
    if (equals != absl::string_view::npos) {
      value = std::string(word.substr(equals + 1));
    } else if (Takes(verb, name) && IsSwitch(name)) {
      value = "true";
    } else if (absl::StartsWith(name, "no") && Takes(verb, name.substr(2)) &&
               IsSwitch(name.substr(2))) {
      name = name.substr(2);
      value = "false";
    } else if (Takes(verb, name)) {
      if (i + 1 == words.size() || absl::StartsWith(words[i + 1], "--")) {
        return absl::InvalidArgumentError(
            absl::StrCat("flag --", name, " needs a value: --", name, "=…"));
      }
      value = words[++i];
    }
    if (!Takes(verb, name)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "dg4d ", verb.name, " has no flag --", name,
          DidYouMean(name, verb.flags), "; see dg4d help ", verb.name));
    }
    if (absl::Status status = SetFlag(name, value); !status.ok()) return status;
  }
  return arguments;
}

std::string HelpText() {
  std::string text =
      "dg4d turns one picture or video of an object into an animated 3D asset."
      "\n\n  dg4d run --image=cat.png --output=out/cat\n\nCommands:\n";
  for (const Verb* verb : Verbs()) {
    absl::StrAppendFormat(&text, "  %-10s %s\n", verb->name, verb->summary);
  }
  absl::StrAppend(&text, "\ndg4d help COMMAND tells more.\n");
  return text;
}

std::string HelpText(const Verb& verb) {
  std::string text = absl::StrCat(verb.summary, "\n\n  dg4d ", verb.name, " ",
                                  verb.usage, "\n");
  if (!verb.flags.empty()) absl::StrAppend(&text, "\nFlags:\n");
  for (const std::string& flag : verb.flags) {
    gflags::CommandLineFlagInfo info;
    if (!gflags::GetCommandLineFlagInfo(flag.c_str(), &info)) continue;
    const std::string shown =
        info.type == "bool"
            ? absl::StrCat("--", flag)
            : absl::StrCat(
                  "--", flag, "=",
                  info.default_value.empty() ? "…" : info.default_value);
    absl::StrAppendFormat(&text, "  %-24s %s\n", shown, info.description);
  }
  if (!verb.notes.empty()) absl::StrAppend(&text, "\n", verb.notes);
  return text;
}

}  // namespace dg4d
