#ifndef TOOLS_FUZZ_FUZZ_TARGET_H_
#define TOOLS_FUZZ_FUZZ_TARGET_H_

#include "absl/strings/string_view.h"

namespace dg4d {

// Gives `bytes`, which may be anything, to one reader of files. Each fuzz
// target defines it; what must not happen is what a sanitizer or the memory
// limit finds, and exceptions. Two programs are made of each: a test that
// replays its corpus (replay.cc) and, by hand, a fuzzer (libfuzzer.cc).
void FuzzOne(absl::string_view bytes);

}  // namespace dg4d

#endif  // TOOLS_FUZZ_FUZZ_TARGET_H_
