#include <algorithm>

#include "absl/status/status.h"
#include "dg4d/formats/obj_io.h"
#include "tools/fuzz/fuzz_target.h"

namespace dg4d {

// An OBJ, and after a '%' the text of every material file that it names.
void FuzzOne(absl::string_view bytes) {
  const size_t end = std::min(bytes.find('%'), bytes.size());
  const absl::string_view materials =
      bytes.substr(std::min(end + 1, bytes.size()));
  (void)LooksLikeObj(bytes);
  (void)DecodeObj(
      bytes.substr(0, end), "input",
      [materials](const std::string& name) -> absl::StatusOr<std::string> {
        if (name.empty()) return absl::NotFoundError("no name");
        return std::string(materials);
      });
}

}  // namespace dg4d
