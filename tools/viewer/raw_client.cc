#include "tools/viewer/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace dg4d::viewer {

RawClient::RawClient(int port, const char* address)
    : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, address, &to.sin_addr);
  connected_ =
      connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0;
}

RawClient::~RawClient() { close(socket_); }

bool RawClient::Send(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent =
        send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(sent);
  }
  return true;
}

// Whether at least `size` bytes are in the buffer before `until`.
bool RawClient::Fill(size_t size, absl::Time until) {
  while (buffer_.size() < size) {
    const int64_t left = absl::ToInt64Milliseconds(until - absl::Now());
    pollfd ready = {.fd = socket_, .events = POLLIN, .revents = 0};
    if (left <= 0 || poll(&ready, 1, static_cast<int>(left)) <= 0) return false;
    char bytes[65536];
    const ssize_t got = recv(socket_, bytes, sizeof(bytes), 0);
    if (got <= 0) return false;
    buffer_.append(bytes, got);
  }
  return true;
}

std::string RawClient::ReadAll(absl::Duration patience) {
  Fill(std::string::npos, absl::Now() + patience);
  return std::move(buffer_);
}

bool RawClient::IsClosed(absl::Duration patience) {
  const absl::Time until = absl::Now() + patience;
  Fill(std::string::npos, until);
  buffer_.clear();
  return absl::Now() < until;
}

std::string RawClient::Get(absl::string_view target,
                           absl::string_view headers) {
  return absl::StrCat("GET ", target, " HTTP/1.1\r\nHost: 127.0.0.1\r\n",
                      headers, "\r\n");
}

int RawClient::Upgrade(absl::string_view target, absl::string_view headers) {
  Send(Get(target,
           absl::StrCat("Upgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
                        headers)));
  const absl::Time until = absl::Now() + absl::Seconds(10);
  size_t end;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!Fill(buffer_.size() + 1, until)) return 0;
  }
  int status = 0;
  if (!absl::SimpleAtoi(buffer_.substr(9, 3), &status)) return 0;
  buffer_.erase(0, end + 4);
  return status;
}

std::string RawClient::FrameHead(uint8_t first, uint64_t size, bool masked) {
  std::string head(1, static_cast<char>(first));
  const int length = size < 126     ? static_cast<int>(size)
                     : size < 65536 ? 126
                                    : 127;
  head += static_cast<char>(length | (masked ? 128 : 0));
  for (int byte = length == 126   ? 1
                  : length == 127 ? 7
                                  : -1;
       byte >= 0; --byte) {
    head += static_cast<char>(size >> (8 * byte));
  }
  // A mask of zeros leaves the payload as it is.
  if (masked) head.append(4, '\0');
  return head;
}

bool RawClient::SendFrame(uint8_t first, absl::string_view payload,
                          bool masked) {
  return Send(absl::StrCat(FrameHead(first, payload.size(), masked), payload));
}

std::optional<std::string> RawClient::ReadMessage(uint8_t* first,
                                                  absl::Duration patience) {
  const absl::Time until = absl::Now() + patience;
  std::string message;
  for (bool begun = false;; begun = true) {
    if (!Fill(2, until)) return std::nullopt;
    const auto byte = [this](size_t i) {
      return static_cast<uint8_t>(buffer_[i]);
    };
    const uint8_t bits = byte(0);
    uint64_t size = byte(1) & 127;
    const size_t head = size == 126 ? 4 : size == 127 ? 10 : 2;
    if (!Fill(head, until)) return std::nullopt;
    if (head > 2) size = 0;
    for (size_t i = 2; i < head; ++i) size = size << 8 | byte(i);
    if (!Fill(head + size, until)) return std::nullopt;
    if (!begun && first != nullptr) *first = bits;
    message.append(buffer_, head, size);
    buffer_.erase(0, head + size);
    if ((bits & 0x80) != 0) return message;
  }
}

}  // namespace dg4d::viewer
