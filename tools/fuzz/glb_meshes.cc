#include "dg4d/formats/gltf_meshes_io.h"
#include "tools/fuzz/fuzz_target.h"

namespace dg4d {

// Without pictures: their decoders are OpenCV's, and slow.
void FuzzOne(absl::string_view bytes) {
  (void)DecodeGltfMeshes(bytes, "input", {.textures = false});
}

}  // namespace dg4d
