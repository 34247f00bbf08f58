#include "tools/viewer/watch.h"

#include <filesystem>
#include <utility>

#include "absl/time/clock.h"
#include "dg4d/base/status.h"
#include "tools/viewer/commands.h"
#include "tools/viewer/hub.h"
#include "tools/viewer/messages.h"
#include "tools/viewer/page.h"
#include "tools/viewer/scene_feed.h"
#include "tools/viewer/server.h"
#include "tools/viewer/viewer_observer.h"

namespace dg4d {
namespace {

using namespace viewer;  // NOLINT: this is its door

// For the last scene, and again for the last words.
constexpr absl::Duration kFarewell = absl::Seconds(3);

class LiveWatch final : public Watch {
 public:
  explicit LiveWatch(const WatchOptions& options)
      : observer_(hub_, feed_, *options.control, options.stages),
        commands_(hub_, feed_,
                  {.directory = options.directory,
                   .config = options.config,
                   .control = [this](absl::string_view command) {
                     return observer_.Command(command);
                   }}) {
    const std::filesystem::path directory(options.directory);
    hub_.Set("hello", HelloMessage("run", directory.filename().string(),
                                   options.stages, ToYaml(options.config)));
  }

  absl::Status Start(int port) {
    DG4D_ASSIGN_OR_RETURN(
        server_,
        ViewerServer::Start(hub_, {.port = port,
                                   .page = ViewerPage(),
                                   .command = [this](const std::string& text) {
                                     return commands_.Handle(text);
                                   }}));
    return absl::OkStatus();
  }

  std::string url() const override { return server_->url(); }
  RunObserver& observer() override { return observer_; }
  void Finish(const absl::Status& status) override {
    const absl::Time start = absl::Now();
    while (hub_.pages > 0 && feed_.busy() && absl::Now() - start < kFarewell) {
      absl::SleepFor(absl::Milliseconds(20));
    }
    observer_.Finish(status);
    server_->Flush(kFarewell);
  }

 private:
  Hub hub_;
  SceneFeed feed_{hub_};
  ViewerObserver observer_;
  Commands commands_;
  std::unique_ptr<ViewerServer> server_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Watch>> StartWatch(const WatchOptions& options) {
  auto watch = std::make_unique<LiveWatch>(options);
  DG4D_RETURN_IF_ERROR(watch->Start(options.port));
  return watch;
}

}  // namespace dg4d
