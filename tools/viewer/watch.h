#ifndef TOOLS_VIEWER_WATCH_H_
#define TOOLS_VIEWER_WATCH_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dg4d/core/config.h"
#include "dg4d/core/observer.h"
#include "dg4d/core/run_context.h"

namespace dg4d {

// The live viewer of a run, as long as it lives.
class Watch {
 public:
  virtual ~Watch() = default;

  // The address of the page.
  virtual std::string url() const = 0;
  virtual RunObserver& observer() = 0;
  // The run is over; pages get a moment to be told so.
  virtual void Finish(const absl::Status& status) = 0;
};

struct WatchOptions {
  int port = 0;           // 0: a free one
  std::string directory;  // of the run
  std::vector<std::string> stages;
  ConfigNode config;
  RunControl* control = nullptr;
};

// Each program links one: tools/viewer has the viewer;
// tools/verbs/device_verbs.cc says that there is none (Unimplemented).
absl::StatusOr<std::unique_ptr<Watch>> StartWatch(const WatchOptions& options);

}  // namespace dg4d

#endif  // TOOLS_VIEWER_WATCH_H_
