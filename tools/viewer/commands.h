#ifndef TOOLS_VIEWER_COMMANDS_H_
#define TOOLS_VIEWER_COMMANDS_H_

#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "dg4d/core/config.h"
#include "dg4d/core/run_context.h"
#include "tools/viewer/hub.h"
#include "tools/viewer/scene_feed.h"

namespace dg4d::viewer {

// Does what pages ask for (protocol.h).
class Commands {
 public:
  struct Options {
    std::string directory;  // of the run
    // The configuration of the run: exporters that it has export as it says.
    ConfigNode config;
    // Takes "pause", "resume" and "stop"; null where nothing runs.
    std::function<absl::Status(absl::string_view command)> control;
  };

  Commands(Hub& hub, const SceneFeed& feed, Options options);
  // Cancels the export that is under way, and waits until it has ended.
  ~Commands();

  // `text` is a page's. Returns soon; exports go on on a thread of their own,
  // one at a time. InvalidArgument for what is no command,
  // FailedPrecondition for one that cannot be done now.
  absl::Status Handle(const std::string& text);

 private:
  absl::Status StartExport(const std::string& exporter);
  // The outcome of an export, which it tells the hub.
  void Export(const std::string& exporter, const Scene& scene);
  absl::Status SaveCameraPath(const nlohmann::json& path);

  Hub& hub_;
  const SceneFeed& feed_;
  const Options options_;
  RunControl control_;  // of exports
  std::mutex mutex_;
  bool exporting_ = false;
  std::thread export_thread_;
};

}  // namespace dg4d::viewer

#endif  // TOOLS_VIEWER_COMMANDS_H_
