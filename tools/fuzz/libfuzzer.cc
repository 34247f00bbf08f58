#include <cstddef>
#include <cstdint>

#include "tools/fuzz/fuzz_target.h"

// What libFuzzer calls; it brings the main function.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dg4d::FuzzOne({reinterpret_cast<const char*>(data), size});
  return 0;
}
