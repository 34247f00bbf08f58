#include "tools/viewer/commands.h"

#include <ATen/Parallel.h>

#include <filesystem>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"
#include "dg4d/core/exporter.h"
#include "dg4d/core/registry.h"
#include "dg4d/scene/camera_path.h"
#include "tools/viewer/messages.h"
#include "tools/viewer/zip.h"

namespace dg4d::viewer {
namespace {

using nlohmann::json;

// A string of the object `value`, or empty.
std::string Text(const json& value, const char* key) {
  const auto found = value.find(key);
  return found != value.end() && found->is_string() ? found->get<std::string>()
                                                    : std::string();
}

// The options that `config` gives the exporter `name`; none if it does not.
ConfigNode ExporterOptions(const ConfigNode& config, const std::string& name) {
  ConfigNode options = ConfigNode::Map();
  const ConfigNode* exporters = config.Find("exporters");
  if (exporters == nullptr) return options;
  for (const auto& [key, entry] : exporters->entries) {
    const ConfigNode* plugin = entry.Find("plugin");
    if ((plugin != nullptr ? plugin->scalar : key) != name) continue;
    for (const auto& [option, value] : entry.entries) {
      if (option != "plugin" && option != "path") options[option] = value;
    }
    break;
  }
  return options;
}

}  // namespace

Commands::Commands(Hub& hub, const SceneFeed& feed, Options options)
    : hub_(hub), feed_(feed), options_(std::move(options)) {}

Commands::~Commands() {
  control_.state = RunControl::kStop;
  if (export_thread_.joinable()) export_thread_.join();
}

absl::Status Commands::Handle(const std::string& text) {
  const json message = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!message.is_object()) {
    return absl::InvalidArgumentError("a command is a JSON object");
  }
  const std::string command = Text(message, "command");
  if (command == "pause" || command == "resume" || command == "stop") {
    if (options_.control) return options_.control(command);
    return absl::FailedPreconditionError(
        absl::StrCat("cannot ", command, ": nothing runs"));
  }
  if (command == "export") return StartExport(Text(message, "exporter"));
  if (command == "camera_path") {
    return SaveCameraPath(message.value("path", json()));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("there is no command '", command, "'"));
}

absl::Status Commands::StartExport(const std::string& exporter) {
  DG4D_RETURN_IF_ERROR(Registry<Exporter>::Find(exporter).status());
  std::optional<SceneFeed::Offered> newest = feed_.newest();
  if (!newest.has_value()) {
    return absl::FailedPreconditionError("there is nothing to export yet");
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  if (exporting_) {
    return absl::FailedPreconditionError(
        "an export is under way; try again when it is done");
  }
  if (export_thread_.joinable()) export_thread_.join();
  exporting_ = true;
  hub_.Set(absl::StrCat("export ", exporter),
           ExportMessage(exporter, "running", ""));
  export_thread_ =
      std::thread([this, exporter, scene = std::move(newest->scene)] {
        at::set_num_threads(1);
        Export(exporter, scene);
        const std::lock_guard<std::mutex> done(mutex_);
        exporting_ = false;
      });
  return absl::OkStatus();
}

void Commands::Export(const std::string& exporter, const Scene& scene) {
  std::string path, file;  // what was written, and what a page gets of it
  const absl::Status status = CatchExceptions([&]() -> absl::Status {
    DG4D_ASSIGN_OR_RETURN(
        const auto plugin,
        Registry<Exporter>::Create(exporter,
                                   ExporterOptions(options_.config, exporter)));
    path = absl::StrCat(options_.directory, "/exports/", plugin->DefaultPath());
    RunContext context({.control = &control_});
    context.EnterStage(exporter);
    DG4D_RETURN_IF_ERROR(plugin->Export(scene, path, context));
    file = path;
    if (!std::filesystem::is_directory(path)) return absl::OkStatus();
    return WriteZip(path, file += ".zip");
  });
  const std::string subject = absl::StrCat("export ", exporter);
  if (!status.ok()) {
    hub_.Set(subject, ExportMessage(exporter, "failed", status.message()));
    return;
  }
  const std::string name = std::filesystem::path(file).filename().string();
  hub_.Set(subject,
           ExportMessage(exporter, "done", path,
                         hub_.SetFile(name, {.path = file, .download = true})));
}

absl::Status Commands::SaveCameraPath(const json& path) {
  DG4D_ASSIGN_OR_RETURN(const CameraPath checked,
                        ParseCameraPath(Dump(path), "the camera path"));
  const std::string file =
      absl::StrCat(options_.directory, "/camera_path.json");
  DG4D_RETURN_IF_ERROR(WriteFileAtomically(file, FormatCameraPath(checked)));
  const std::string url =
      hub_.SetFile("camera_path.json", {.path = file, .download = true});
  hub_.Set("export camera_path",
           ExportMessage("camera_path", "done", file, url));
  return absl::OkStatus();
}

}  // namespace dg4d::viewer
