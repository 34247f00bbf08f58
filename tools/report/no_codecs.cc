#include "absl/status/status.h"
#include "tools/report/codecs.h"

namespace dg4d {
namespace {

absl::Status NoCodecs() {
  return absl::UnimplementedError(
      "This program, which is for GPU machines, has no library of pictures: a "
      "run that goes on with the whole program puts them here.");
}

}  // namespace

absl::StatusOr<std::string> DataUrl(const Image&) { return NoCodecs(); }

absl::StatusOr<Image> ReadPicture(const std::string&) { return NoCodecs(); }

}  // namespace dg4d
