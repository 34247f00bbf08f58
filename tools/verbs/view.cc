#include <signal.h>

#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"
#include "dg4d/core/config.h"
#include "dg4d/core/observer.h"
#include "gflags/gflags.h"
#include "tools/flags.h"
#include "tools/run_folder.h"
#include "tools/verb.h"
#include "tools/viewer/commands.h"
#include "tools/viewer/hub.h"
#include "tools/viewer/messages.h"
#include "tools/viewer/page.h"
#include "tools/viewer/scene_feed.h"
#include "tools/viewer/server.h"

namespace dg4d {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// What the run wrote into metrics.jsonl, as far as it can be read.
void TellMetrics(const std::string& directory, viewer::Hub& hub) {
  const absl::StatusOr<std::string> text =
      ReadFile(directory + "/metrics.jsonl");
  if (!text.ok()) return;
  for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
    const json row = json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!row.is_object() || !row["stage"].is_string() ||
        !row["step"].is_number_integer()) {
      continue;
    }
    Metrics metrics;
    for (const auto& [name, value] : row.items()) {
      if (name != "step" && value.is_number()) {
        metrics.emplace_back(name, value.get<double>());
      }
    }
    hub.AddMetrics(row["stage"].get<std::string>(), row["step"].get<int64_t>(),
                   metrics);
  }
}

// The warnings of run.json.
void TellWarnings(const std::string& directory, viewer::Hub& hub) {
  const absl::StatusOr<std::string> text = ReadFile(directory + "/run.json");
  if (!text.ok()) return;
  const json record = json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!record.is_object() || !record.contains("warnings")) return;
  int count = 0;
  for (const json& warning : record["warnings"]) {
    if (!warning.is_object()) continue;
    hub.Set(absl::StrCat("warning ", count++),
            viewer::WarningMessage(warning.value("stage", ""),
                                   warning.value("message", "")));
  }
}

std::vector<std::string> StageKeys(const ConfigNode& config) {
  std::vector<std::string> keys;
  if (const ConfigNode* stages = config.Find("stages")) {
    for (const auto& [key, stage] : stages->entries) keys.push_back(key);
  }
  return keys;
}

// Waits for Ctrl-C or its like.
void WaitForSignal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  int signal;
  sigwait(&signals, &signal);
}

// Must come before there are threads, which inherit it.
void BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

absl::Status ViewRun(const std::vector<std::string>& arguments) {
  if (arguments.size() != 1) {
    return absl::InvalidArgumentError("which run? Say dg4d view FOLDER");
  }
  const std::string directory =
      fs::path(arguments[0]).lexically_normal().string();
  DG4D_ASSIGN_OR_RETURN(Scene scene, LoadRun(directory));
  DG4D_ASSIGN_OR_RETURN(const ConfigNode config,
                        ReadYaml(directory + "/run.yaml"));
  BlockSignals();
  ApplyThreads();

  viewer::Hub hub;
  fs::path name = fs::absolute(directory);
  if (!name.has_filename()) name = name.parent_path();
  const std::vector<std::string> stages = StageKeys(config);
  hub.Set("hello", viewer::HelloMessage("view", name.filename().string(),
                                        stages, ToYaml(config)));
  hub.Set("state", {{"type", "state"},
                    {"state", "finished"},
                    {"stage", ""},
                    {"step", 0},
                    {"steps", 0},
                    {"eta_seconds", nullptr},
                    {"stage_seconds", 0},
                    {"message", ""}});
  TellMetrics(directory, hub);
  TellWarnings(directory, hub);
  viewer::SceneFeed feed(hub);
  feed.Offer("", 0, std::move(scene));
  viewer::Commands commands(hub, feed,
                            {.directory = directory, .config = config});
  DG4D_ASSIGN_OR_RETURN(const auto server,
                        viewer::ViewerServer::Start(
                            hub, {.port = FLAGS_port,
                                  .page = viewer::ViewerPage(),
                                  .command = [&](const std::string& text) {
                                    return commands.Handle(text);
                                  }}));
  std::cout << server->url() << std::endl;
  WaitForSignal();
  return absl::OkStatus();
}

}  // namespace

const Verb& ViewVerb() {
  static const auto& verb = *new Verb{
      .name = "view",
      .summary = "Shows a run in a browser on this machine.",
      .usage = "FOLDER [--port=8080]",
      .flags = {"port", "threads"},
      .notes =
          "Prints the address of the page, which only who knows it can open, "
          "and serves it\nuntil Ctrl-C. dg4d run --view does the same while it "
          "runs.\n",
      .run = &ViewRun,
  };
  return verb;
}

}  // namespace dg4d
