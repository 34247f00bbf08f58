#include "dg4d/base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

namespace dg4d {
namespace {

namespace fs = std::filesystem;

absl::Status ErrnoStatus(absl::string_view doing, const std::string& path,
                         int error) {
  const std::string message =
      absl::StrCat("cannot ", doing, " ", path, ": ", std::strerror(error));
  switch (error) {
    case ENOENT:
      return absl::NotFoundError(message);
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(message);
    case ENOSPC:
    case EFBIG:
    case EDQUOT:
      return absl::ResourceExhaustedError(message);
    default:
      return absl::FailedPreconditionError(message);
  }
}

// A hidden name beside `path` with its ending. It is the same each time, so
// that what a killed process left is written over by the next.
std::string PendingName(const std::string& path) {
  const fs::path target(path);
  return (target.parent_path() / absl::StrCat(".", target.stem().string(),
                                              ".pending",
                                              target.extension().string()))
      .string();
}

absl::Status MakeParents(const std::string& path) {
  const std::string parent = fs::path(path).parent_path().string();
  return parent.empty() ? absl::OkStatus() : CreateDirectories(parent);
}

absl::Status WriteAll(int file, absl::string_view bytes,
                      const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return ErrnoStatus("write", path, errno);
    }
    bytes.remove_prefix(written);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return ErrnoStatus("read", path, errno);
  if (S_ISDIR(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot read ", path, ": it is a directory"));
  }
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return ErrnoStatus("read", path, errno);
  std::string bytes;
  bytes.resize(info.st_size);
  size_t size = 0;
  for (;;) {
    if (size == bytes.size()) bytes.resize(size + (1 << 16));
    const ssize_t got = read(file, bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int error = errno;
      close(file);
      return ErrnoStatus("read", path, error);
    }
    if (got == 0) break;
    size += got;
  }
  close(file);
  bytes.resize(size);
  return bytes;
}

absl::Status CreateDirectories(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return ErrnoStatus("make the folder", path, error.value());
  return absl::OkStatus();
}

absl::Status WriteFileAtomically(const std::string& path,
                                 absl::string_view bytes) {
  absl::StatusOr<PendingFile> pending = PendingFile::Create(path);
  if (!pending.ok()) return pending.status();
  const int file = open(pending->path().c_str(),
                        O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) return ErrnoStatus("write", path, errno);
  const absl::Status written = WriteAll(file, bytes, path);
  if (close(file) != 0 && written.ok()) {
    return ErrnoStatus("write", path, errno);
  }
  return written.ok() ? pending->Commit() : written;
}

absl::StatusOr<PendingFile> PendingFile::Create(const std::string& final_path) {
  if (absl::Status made = MakeParents(final_path); !made.ok()) return made;
  return PendingFile(PendingName(final_path), final_path);
}

PendingFile::PendingFile(PendingFile&& other) noexcept
    : path_(std::exchange(other.path_, "")),
      final_path_(std::move(other.final_path_)) {}

PendingFile::~PendingFile() {
  if (!path_.empty()) unlink(path_.c_str());
}

absl::Status PendingFile::Commit() {
  // The bytes must be on the disk before the name is, or a crash could leave
  // an empty file under the final name.
  const int file = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return ErrnoStatus("write", final_path_, errno);
  const bool synced = fsync(file) == 0;
  const int error = errno;
  close(file);
  if (!synced) return ErrnoStatus("write", final_path_, error);
  if (rename(path_.c_str(), final_path_.c_str()) != 0) {
    return ErrnoStatus("write", final_path_, errno);
  }
  path_.clear();
  return absl::OkStatus();
}

}  // namespace dg4d
