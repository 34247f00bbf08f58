#ifndef DG4D_BASE_FILES_H_
#define DG4D_BASE_FILES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dg4d {

// All bytes of the file at `path`. NotFound if there is none,
// FailedPrecondition if it is a directory, PermissionDenied or Internal if it
// cannot be read; the message names the path and what to do.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// Writes `contents` to `path` so that the file is there whole or not at all: to
// `path` + ".partial" first, which is then renamed. A run that was killed
// leaves at most that one file, and the next write of `path` takes it over.
// The directory must exist. ResourceExhausted if the disk is full.
absl::Status WriteFileAtomically(const std::string& path,
                                 absl::string_view contents);

// Creates the directory `path` and those above it. Fine if it exists.
absl::Status CreateDirectories(const std::string& path);

}  // namespace dg4d

#endif  // DG4D_BASE_FILES_H_
