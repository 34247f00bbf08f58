#ifndef DG4D_BASE_STAGED_FOLDER_H_
#define DG4D_BASE_STAGED_FOLDER_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace dg4d {

// Writes files of one folder that belong together, so that a full disk leaves
// the folder as it was. They are collected in its subfolder ".partial" and
// moved up by Commit; what a killed run left there, the next one takes over.
// The folder's parent must exist, the folder need not.
class StagedFolder {
 public:
  explicit StagedFolder(std::string path) : path_(std::move(path)) {}
  // Takes back everything that was not committed.
  ~StagedFolder();
  StagedFolder(const StagedFolder&) = delete;
  StagedFolder& operator=(const StagedFolder&) = delete;

  absl::Status Write(const std::string& name, absl::string_view contents);

  // Moves the files to their names, over older ones. Then removes the files for
  // which `is_ours` holds and which were not written: left over from an earlier
  // and longer sequence.
  absl::Status Commit(absl::FunctionRef<bool(const std::string& name)> is_ours);

 private:
  const std::string path_;
  std::vector<std::string> names_;
  bool begun_ = false;
  bool made_folder_ = false;
};

}  // namespace dg4d

#endif  // DG4D_BASE_STAGED_FOLDER_H_
