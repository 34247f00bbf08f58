#include "dg4d/scene/gaussian_sequence.h"

#include <algorithm>
#include <cctype>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "dg4d/base/files.h"
#include "dg4d/base/staged_folder.h"
#include "dg4d/base/status.h"

namespace dg4d {
namespace {

constexpr absl::string_view kFramePrefix = "frame_";

bool IsFrameName(absl::string_view name, absl::string_view ending) {
  if (!absl::ConsumePrefix(&name, kFramePrefix) ||
      !absl::ConsumeSuffix(&name, ending) || name.size() < 4) {
    return false;
  }
  return std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isdigit(c) != 0; });
}

}  // namespace

absl::Status WriteGaussianSequence(
    const std::string& folder, const Gaussians& still,
    const GaussianFrames& moving, const GaussianSequenceOptions& options,
    absl::FunctionRef<absl::StatusOr<std::string>(const Gaussians&)> encode,
    absl::FunctionRef<absl::Status()> go_on) {
  DG4D_RETURN_IF_ERROR(CheckGaussians(still));
  DG4D_RETURN_IF_ERROR(CheckGaussianFrames(still, moving));
  DG4D_ASSIGN_OR_RETURN(const std::string still_bytes, encode(still));
  const std::string ending = absl::StrCat(".", options.extension);
  if (absl::EndsWithIgnoreCase(folder, ending)) {
    return WriteFileAtomically(folder, still_bytes);
  }
  StagedFolder staged(folder);
  DG4D_RETURN_IF_ERROR(
      staged.Write(absl::StrCat("static", ending), still_bytes));
  const int frames = options.frames ? moving.size() : 0;
  for (int i = 0; i < frames; ++i) {
    DG4D_RETURN_IF_ERROR(go_on());
    const std::string name =
        absl::StrFormat("%s%04d%s", kFramePrefix, i + 1, ending);
    const Gaussians frame = FrameAt(still, moving, i);
    DG4D_RETURN_IF_ERROR(Annotate(CheckGaussians(frame), name));
    const absl::StatusOr<std::string> bytes = encode(frame);
    DG4D_RETURN_IF_ERROR(Annotate(bytes.status(), name));
    DG4D_RETURN_IF_ERROR(staged.Write(name, *bytes));
  }
  return staged.Commit(
      [&](const std::string& name) { return IsFrameName(name, ending); });
}

}  // namespace dg4d
