#ifndef TOOLS_VIEWER_HUB_H_
#define TOOLS_VIEWER_HUB_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "dg4d/core/observer.h"

namespace dg4d::viewer {

// `json` as text; bytes that are no UTF-8 (of file names) become U+FFFD.
std::string Dump(const nlohmann::json& json);

// What the pages are told (protocol.h): the newest message about each subject,
// and the metrics. A run and its helpers write, connections read, each at its
// own pace by a cursor; so nothing ever queues, and what a slow page is told is
// new when it is told. All methods may be called from any thread and take
// microseconds.
class Hub {
 public:
  // A WebSocket frame.
  struct Frame {
    bool binary = false;
    std::shared_ptr<const std::string> bytes;
  };

  // How much a connection has been told.
  struct Cursor {
    uint64_t version = 0;
    uint64_t row = 0;
    std::shared_ptr<const std::string> payload;  // to follow its text
  };

  // A file that messages name by its URL: bytes, or where they lie.
  struct File {
    std::shared_ptr<const std::string> bytes;  // null: at `path`
    std::string path;
    bool download = false;  // to be saved, not shown
  };

  // Sets what pages are told about `subject`: "state", "image frame 3". Pages
  // get subjects in the order in which they were last set. `payload`, if any,
  // follows as a binary frame.
  void Set(const std::string& subject, const nlohmann::json& message,
           std::shared_ptr<const std::string> payload = nullptr);

  // A row of the metrics of `stage`. Every second row of a stage is dropped
  // each time it has more than kMostMetricsRows.
  void AddMetrics(absl::string_view stage, int64_t step,
                  const Metrics& metrics);

  // Makes `file` available as `name`, in place of one that had this name;
  // returns its URL, which pages complete by the token.
  std::string SetFile(const std::string& name, File file);
  std::optional<File> FindFile(const std::string& name) const;

  // What the connection at `cursor` is to be told next, if there is anything;
  // moves the cursor on.
  std::optional<Frame> Next(Cursor& cursor) const;

  // How many pages are connected: the server counts, others look.
  std::atomic<int> pages = 0;

 private:
  struct Message {
    std::string subject;
    std::shared_ptr<const std::string> text;
    std::shared_ptr<const std::string> payload;
  };
  struct Row {
    uint64_t number;
    std::string json;
  };
  struct History {
    std::string stage;
    int64_t stride = 1;
    int64_t seen = 0;
    std::vector<Row> rows;
  };

  mutable std::mutex mutex_;
  uint64_t version_ = 0;
  std::map<uint64_t, Message> messages_;    // by version
  std::map<std::string, uint64_t> newest_;  // subject to version
  uint64_t row_ = 0;
  std::vector<History> histories_;
  std::map<std::string, File> files_;
};

}  // namespace dg4d::viewer

#endif  // TOOLS_VIEWER_HUB_H_
