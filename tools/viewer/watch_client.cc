// For tests: a page without a browser.
//
//   watch_client [--leave] ADDRESS [COMMAND | =TEXT ...]
//
// Connects to the server of a live viewer and prints what text it is told. Says
// each COMMAND; at =TEXT waits until TEXT has been told. Then stays until the
// server closes, or leaves.

#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tools/viewer/raw_client.h"

namespace dg4d::viewer {
namespace {

// Prints the next text; false if there will be none.
bool Read(RawClient& client, std::string& told) {
  uint8_t first = 0;
  const auto message = client.ReadMessage(&first, absl::Minutes(5));
  if (!message.has_value()) return false;
  // The low bits are the opcode; long texts come in pieces.
  if ((first & 15) != (RawClient::kText & 15)) return true;
  std::cout << *message << std::endl;
  absl::StrAppend(&told, *message, "\n");
  return true;
}

int Watch(const std::vector<std::string>& words, bool leave) {
  absl::string_view rest;
  if (!words.empty()) rest = words[0];
  int port = 0;
  if (!absl::ConsumePrefix(&rest, "http://127.0.0.1:") ||
      !absl::SimpleAtoi(rest.substr(0, rest.find('/')), &port)) {
    std::cerr << "watch_client: expected the address of a viewer\n";
    return 2;
  }
  RawClient client(port);
  const std::string query(rest.substr(rest.find('?')));
  if (client.Upgrade("/socket" + query) != 101) return 1;
  std::string told;
  for (size_t i = 1; i < words.size(); ++i) {
    absl::string_view text = words[i];
    if (!absl::ConsumePrefix(&text, "=")) {
      client.SendFrame(RawClient::kText, text);
      continue;
    }
    while (!absl::StrContains(told, text)) {
      if (!Read(client, told)) return 1;
    }
  }
  while (!leave && Read(client, told)) {
  }
  return 0;
}

}  // namespace
}  // namespace dg4d::viewer

int main(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  const bool leave = !words.empty() && words[0] == "--leave";
  if (leave) words.erase(words.begin());
  return dg4d::viewer::Watch(words, leave);
}
