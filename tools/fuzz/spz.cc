#include "dg4d/formats/spz_io.h"
#include "tools/fuzz/fuzz_target.h"

namespace dg4d {

void FuzzOne(absl::string_view bytes) {
  (void)DecodeGaussiansSpz(bytes, "input");
}

}  // namespace dg4d
