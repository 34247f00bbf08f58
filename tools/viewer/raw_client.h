#ifndef TOOLS_VIEWER_RAW_CLIENT_H_
#define TOOLS_VIEWER_RAW_CLIENT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace dg4d::viewer {

// For tests: a connection to a server on this machine that says whatever it is
// told to say, right or wrong.
class RawClient {
 public:
  explicit RawClient(int port, const char* address = "127.0.0.1");
  RawClient(const RawClient&) = delete;
  ~RawClient();

  bool connected() const { return connected_; }
  // False once the other side has gone.
  bool Send(absl::string_view bytes);
  // What comes until the other side closes, or for `patience`.
  std::string ReadAll(absl::Duration patience = absl::Seconds(10));
  // Whether the other side closes within `patience`; what it says is dropped.
  bool IsClosed(absl::Duration patience = absl::Seconds(10));

  // The head of a GET of `target` with the right Host, `headers` ("A: b\r\n")
  // behind it.
  static std::string Get(absl::string_view target,
                         absl::string_view headers = "");
  // Asks for a WebSocket; the status of the answer: 101 if it is one.
  int Upgrade(absl::string_view target, absl::string_view headers = "");

  // Frames of RFC 6455; `first` holds FIN, reserved bits and opcode.
  static constexpr uint8_t kText = 0x81, kBinary = 0x82, kClose = 0x88;
  static std::string FrameHead(uint8_t first, uint64_t size,
                               bool masked = true);
  bool SendFrame(uint8_t first, absl::string_view payload, bool masked = true);
  // The payload of the next message, whole, whose first byte goes to `first`;
  // nothing if the other side closes, or says nothing for `patience`.
  std::optional<std::string> ReadMessage(
      uint8_t* first = nullptr, absl::Duration patience = absl::Seconds(10));

 private:
  bool Fill(size_t size, absl::Time until);

  int socket_ = -1;
  bool connected_ = false;
  std::string buffer_;
};

}  // namespace dg4d::viewer

#endif  // TOOLS_VIEWER_RAW_CLIENT_H_
