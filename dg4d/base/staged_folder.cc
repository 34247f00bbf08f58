#include "dg4d/base/staged_folder.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"

namespace dg4d {
namespace fs = std::filesystem;
namespace {

fs::path Staging(const std::string& path) {
  return fs::path(path) / ".partial";
}

absl::Status CannotReplace(const fs::path& target,
                           const std::error_code& error) {
  std::error_code ignored;
  if (fs::is_directory(target, ignored)) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot write ", target.string(),
                     ": a folder has its name; remove or rename that folder, "
                     "or write somewhere else"));
  }
  const std::string message =
      absl::StrCat("cannot write ", target.string(), ": ", error.message());
  if (error == std::errc::permission_denied ||
      error == std::errc::operation_not_permitted ||
      error == std::errc::read_only_file_system) {
    return absl::PermissionDeniedError(
        absl::StrCat(message, "; make ", target.parent_path().string(),
                     " and what is in it writable, or write somewhere else"));
  }
  if (error == std::errc::no_space_on_device) {
    return absl::ResourceExhaustedError(
        absl::StrCat(message, "; make room, or write somewhere else"));
  }
  return absl::FailedPreconditionError(
      absl::StrCat(message, "; write somewhere else"));
}

}  // namespace

StagedFolder::~StagedFolder() {
  if (!begun_) return;
  std::error_code ignored;
  fs::remove_all(Staging(path_), ignored);
  // Only succeeds, as it should, while nothing else is in it.
  if (made_folder_) fs::remove(path_, ignored);
}

absl::Status StagedFolder::Write(const std::string& name,
                                 absl::string_view contents) {
  if (!begun_) {
    std::error_code ignored;
    const bool was_there = fs::exists(path_, ignored);
    DG4D_RETURN_IF_ERROR(CreateDirectories(path_));
    begun_ = true;
    made_folder_ = !was_there;
    fs::remove_all(Staging(path_), ignored);
    DG4D_RETURN_IF_ERROR(CreateDirectories(Staging(path_).string()));
  }
  DG4D_RETURN_IF_ERROR(
      WriteFileAtomically((Staging(path_) / name).string(), contents));
  names_.push_back(name);
  return absl::OkStatus();
}

absl::Status StagedFolder::Commit(
    absl::FunctionRef<bool(const std::string& name)> is_ours) {
  for (const std::string& name : names_) {
    std::error_code error;
    const fs::path target = fs::path(path_) / name;
    fs::rename(Staging(path_) / name, target, error);
    if (error) return CannotReplace(target, error);
  }
  std::error_code error;
  std::vector<fs::path> left_over;
  for (const auto& entry : fs::directory_iterator(path_, error)) {
    const std::string name = entry.path().filename().string();
    const bool written =
        std::find(names_.begin(), names_.end(), name) != names_.end();
    if (!written && is_ours(name)) left_over.push_back(entry.path());
  }
  for (const fs::path& path : left_over) fs::remove(path, error);
  return absl::OkStatus();
}

}  // namespace dg4d
