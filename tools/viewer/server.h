#ifndef TOOLS_VIEWER_SERVER_H_
#define TOOLS_VIEWER_SERVER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tools/viewer/hub.h"

namespace dg4d::viewer {

// The live viewer's server (protocol.h), on a thread of its own: hands the page
// to browsers on this machine, tells them what is in a Hub, and takes their
// commands. Whatever they do, it holds little memory and no other thread:
//
// - it listens on 127.0.0.1 and answers none that does not know the token;
// - heads of requests are at most 8 KiB and complete within `patience`; bodies
//   are refused, and so are connections beyond `most_connections`;
// - frames are at most kLongestCommand; commands are taken at most 50 times a
//   second from each page;
// - a page that takes nothing for `patience` while there is something to take
//   is disconnected.
class ViewerServer {
 public:
  struct Options {
    int port = 0;  // 0: a free one
    // The page, where {{nonce}} stands for what scripts and styles must carry
    // as `nonce` to be run.
    std::string page;
    // Called on the server's thread for each text frame, and must return soon;
    // what is not OK is told to the page that sent it.
    std::function<absl::Status(const std::string& text)> command;
    // A browser opens up to seven a page, and ten pages are fine.
    int most_connections = 256;
    absl::Duration patience = absl::Seconds(20);
  };

  // AlreadyExists if the port is taken; other failures of the system's as
  // Unavailable.
  static absl::StatusOr<std::unique_ptr<ViewerServer>> Start(Hub& hub,
                                                             Options options);
  // Closes all connections.
  ~ViewerServer();

  int port() const;
  // "http://127.0.0.1:8080/?token=..."
  std::string url() const;

  // Waits until all pages have been told everything, at most `patience`.
  void Flush(absl::Duration patience);

 private:
  struct State;
  explicit ViewerServer(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace dg4d::viewer

#endif  // TOOLS_VIEWER_SERVER_H_
