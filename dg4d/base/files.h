#ifndef DG4D_BASE_FILES_H_
#define DG4D_BASE_FILES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dg4d {

// The bytes of the file `path`. NotFound, or InvalidArgument for a directory.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// Writes `bytes` to `path`, whose parents are made: a reader sees the old file
// or the whole new one, also after a crash. On failure (no permission, full
// disk) nothing is left behind and the Status says which file and why.
absl::Status WriteFileAtomically(const std::string& path,
                                 absl::string_view bytes);

// mkdir -p.
absl::Status CreateDirectories(const std::string& path);

// For writers that want a file name: they write to path(), which lies beside
// the final file and has the same ending, and Commit renames it. What is not
// committed is removed.
class PendingFile {
 public:
  // The parents of `final_path` are made.
  static absl::StatusOr<PendingFile> Create(const std::string& final_path);

  PendingFile(PendingFile&& other) noexcept;
  PendingFile& operator=(PendingFile&&) = delete;
  ~PendingFile();

  const std::string& path() const { return path_; }
  absl::Status Commit();

 private:
  PendingFile(std::string path, std::string final_path)
      : path_(std::move(path)), final_path_(std::move(final_path)) {}

  std::string path_;  // empty once committed or moved from
  std::string final_path_;
};

}  // namespace dg4d

#endif  // DG4D_BASE_FILES_H_
