#include "dg4d/diffusion/weight_folder.h"
#include "tools/fuzz/fuzz_target.h"

namespace dg4d {

void FuzzOne(absl::string_view bytes) {
  (void)diffusion::ParseShardIndex(bytes, "input");
}

}  // namespace dg4d
