#include "dg4d/scene/camera_path.h"

#include "tools/fuzz/fuzz_target.h"

namespace dg4d {

void FuzzOne(absl::string_view bytes) { (void)ParseCameraPath(bytes, "input"); }

}  // namespace dg4d
