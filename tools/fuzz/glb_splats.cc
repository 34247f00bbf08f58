#include "dg4d/formats/gltf_splats_io.h"
#include "tools/fuzz/fuzz_target.h"

namespace dg4d {

void FuzzOne(absl::string_view bytes) {
  (void)DecodeGltfSplats(bytes, "input");
}

}  // namespace dg4d
