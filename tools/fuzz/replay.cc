#include <algorithm>
#include <cstdint>
#include <iostream>
#include <string>

#include "dg4d/base/files.h"
#include "tools/fuzz/fuzz_target.h"

// replay FILE...: gives each file to the target, then every beginning of it (as
// if it was cut off) and copies with one byte changed, at most kMost of each.
// Fails if a file cannot be read or there are none.
namespace {

constexpr size_t kMost = 400;

// A fixed sequence of bytes without pattern.
uint8_t NextByte(uint32_t& state) {
  state = state * 1664525u + 1013904223u;
  return static_cast<uint8_t>(state >> 24);
}

void Replay(const std::string& bytes) {
  dg4d::FuzzOne(bytes);
  const size_t step = bytes.size() / kMost + 1;
  uint32_t state = 1;
  for (size_t i = 0; i < bytes.size(); i += step) {
    // A copy, so that a sanitizer sees what is read behind its end.
    dg4d::FuzzOne(std::string(bytes.data(), i));
    std::string changed = bytes;
    changed[i] = static_cast<char>(NextByte(state));
    dg4d::FuzzOne(changed);
  }
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const auto bytes = dg4d::ReadFile(argv[i]);
    if (!bytes.ok()) {
      std::cerr << bytes.status() << "\n";
      return 1;
    }
    Replay(*bytes);
  }
  std::cout << argc - 1 << " files replayed\n";
  return argc > 1 ? 0 : 1;
}
