#ifndef DG4D_FORMATS_NUMBERED_FILES_H_
#define DG4D_FORMATS_NUMBERED_FILES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dg4d {

// Files of one folder that are one thing: a file, or the frames of a sequence,
// whose names differ by a number alone ("frame_0001.ply", "000.ply",
// "time_00000.ply", "cat_mesh_003.obj").
struct NumberedFiles {
  std::string pattern;             // "frame_*.ply", or the one file's name
  std::vector<std::string> names;  // by their numbers, which may have gaps
};

// What the names stand for. The last digits before the ending are a name's
// number; a name without digits, or one that no other name follows, stands
// alone. Sorted by pattern.
std::vector<NumberedFiles> GroupByNumber(std::vector<std::string> names);

// The plain files of `folder` whose names end in one of `endings` (".ply"), in
// either case, sorted by name. NotFound or InvalidArgument if `folder` is no
// folder that can be read.
absl::StatusOr<std::vector<std::string>> ListFiles(
    const std::string& folder, const std::vector<std::string>& endings);

// Whether `name` is `pattern` with a number in the place of its '*'.
bool MatchesPattern(absl::string_view name, absl::string_view pattern);

}  // namespace dg4d

#endif  // DG4D_FORMATS_NUMBERED_FILES_H_
