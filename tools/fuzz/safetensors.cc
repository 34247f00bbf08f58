#include "dg4d/base/safetensors.h"

#include "tools/fuzz/fuzz_target.h"

namespace dg4d {

void FuzzOne(absl::string_view bytes) {
  (void)ParseSafeTensors(bytes, "input");
}

}  // namespace dg4d
