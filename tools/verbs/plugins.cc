#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "dg4d/core/exporter.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/renderer.h"
#include "dg4d/core/stage.h"
#include "gflags/gflags.h"
#include "tools/verb.h"

DEFINE_string(format, "text", "text, json or markdown.");

namespace dg4d {
namespace {

// A plugin of any kind.
struct PluginInfo {
  std::string kind;
  std::string name;
  std::string summary;
  std::string source;
  std::vector<OptionDescription> options;
};

template <typename Interface>
void Append(std::vector<PluginInfo>& infos) {
  for (const auto& [name, plugin] : Registry<Interface>::Plugins()) {
    infos.push_back({Interface::kKind, name, plugin.summary, plugin.source,
                     plugin.describe()});
  }
}

std::vector<PluginInfo> AllPlugins() {
  std::vector<PluginInfo> infos;
  Append<Stage>(infos);
  Append<Guidance>(infos);
  Append<Renderer>(infos);
  Append<Exporter>(infos);
  return infos;
}

std::string Help(const OptionDescription& option) {
  return option.choices.empty()
             ? option.help
             : absl::StrCat(option.help,
                            " One of: ", absl::StrJoin(option.choices, ", "),
                            ".");
}

// With `details`, the options too.
void PrintText(const std::vector<PluginInfo>& infos, bool details) {
  std::string kind;
  for (const PluginInfo& info : infos) {
    if (info.kind != kind) std::cout << (kind = info.kind) << "\n";
    std::cout << absl::StrFormat("  %-22s %s\n", info.name, info.summary);
    if (!details) continue;
    std::cout << "    from " << info.source << "\n";
    for (const OptionDescription& option : info.options) {
      std::cout << absl::StrFormat("    %s (%s) = %s\n        %s\n",
                                   option.name, option.type,
                                   option.default_value, Help(option));
    }
  }
}

void PrintMarkdown(const std::vector<PluginInfo>& infos) {
  for (const PluginInfo& info : infos) {
    std::cout << "## " << info.kind << " `" << info.name << "`\n\n"
              << info.summary << "\n\n";
    if (info.options.empty()) continue;
    std::cout << "| option | type | default | |\n|---|---|---|---|\n";
    for (const OptionDescription& option : info.options) {
      std::cout << "| `" << option.name << "` | " << option.type << " | `"
                << option.default_value << "` | " << Help(option) << " |\n";
    }
    std::cout << "\n";
  }
}

void PrintJson(const std::vector<PluginInfo>& infos) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const PluginInfo& info : infos) {
    nlohmann::ordered_json options = nlohmann::ordered_json::array();
    for (const OptionDescription& option : info.options) {
      options.push_back({{"name", option.name},
                         {"type", option.type},
                         {"default", option.default_value},
                         {"choices", option.choices},
                         {"help", option.help}});
    }
    all.push_back({{"kind", info.kind},
                   {"name", info.name},
                   {"summary", info.summary},
                   {"source", info.source},
                   {"options", options}});
  }
  std::cout << all.dump(2) << "\n";
}

absl::Status PrintPlugins(const std::vector<std::string>& arguments) {
  if (arguments.size() > 1) {
    return absl::InvalidArgumentError("expected one KIND or KIND/NAME");
  }
  std::vector<PluginInfo> infos = AllPlugins();
  const std::string wanted = arguments.empty() ? "" : arguments[0];
  const std::vector<std::string> parts = absl::StrSplit(wanted, '/');
  std::vector<std::string> known;
  for (const PluginInfo& info : infos) {
    known.push_back(info.kind);
    known.push_back(absl::StrCat(info.kind, "/", info.name));
  }
  std::erase_if(infos, [&](const PluginInfo& info) {
    return !wanted.empty() && (info.kind != parts[0] ||
                               (parts.size() > 1 && info.name != parts[1]));
  });
  if (infos.empty() && !wanted.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "no plugin or kind '", wanted, "'", DidYouMean(wanted, known)));
  }
  if (FLAGS_format == "text") {
    PrintText(infos, /*details=*/!wanted.empty());
  } else if (FLAGS_format == "markdown") {
    PrintMarkdown(infos);
  } else if (FLAGS_format == "json") {
    PrintJson(infos);
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("flag --format cannot be '", FLAGS_format,
                     "'; it is text, json or markdown"));
  }
  return absl::OkStatus();
}

}  // namespace

const Verb& PluginsVerb() {
  static const auto& verb = *new Verb{
      .name = "plugins",
      .summary = "Lists the plugins in this binary and their options.",
      .usage = "[KIND[/NAME]] [--format=text|json|markdown]",
      .flags = {"format"},
      .notes = "KIND is stage, guidance, renderer or exporter.\n",
      .run = &PrintPlugins,
  };
  return verb;
}

}  // namespace dg4d
