#include "dg4d/base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace dg4d {
namespace {

// What went wrong with `path` while it was to be `verb` ("read", "written").
absl::Status ErrnoStatus(int error, absl::string_view verb,
                         const std::string& path) {
  const std::string what = absl::StrCat(path, " cannot be ", verb, ": ");
  switch (error) {
    case ENOENT:
      return absl::NotFoundError(absl::StrCat(
          what, verb == "read" ? "there is no such file; check the path"
                               : "its directory does not exist"));
    case ENOTDIR:
      return absl::NotFoundError(
          absl::StrCat(what, "a part of its path is a file"));
    case EISDIR:
      return absl::FailedPreconditionError(
          absl::StrCat(what, "it is a directory; name a file"));
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(
          absl::StrCat(what, std::strerror(error),
                       "; choose another place or change its permissions"));
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return absl::ResourceExhaustedError(absl::StrCat(
          what, std::strerror(error), "; free some space and try again"));
    default:
      return absl::InternalError(absl::StrCat(what, std::strerror(error)));
  }
}

// Closes on destruction, so that no early return leaks the descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { Close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }
  // Whether the file closed well: a network disk may tell of lost bytes here.
  bool Close() {
    const int fd = fd_;
    fd_ = -1;
    return fd < 0 || close(fd) == 0;
  }

 private:
  int fd_;
};

// 0 or the errno.
int WriteAll(int fd, absl::string_view contents) {
  while (!contents.empty()) {
    const ssize_t written = write(fd, contents.data(), contents.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    contents.remove_prefix(written);
  }
  return 0;
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info;
  if (file.get() < 0 || fstat(file.get(), &info) != 0) {
    return ErrnoStatus(errno, "read", path);
  }
  if (S_ISDIR(info.st_mode)) return ErrnoStatus(EISDIR, "read", path);

  // The size is a hint: it is 0 for pipes and files of the kernel.
  std::string contents(info.st_size > 0 ? info.st_size + 1 : 1 << 16, '\0');
  size_t size = 0;
  while (true) {
    if (size == contents.size()) contents.resize(2 * size);
    const ssize_t got =
        read(file.get(), contents.data() + size, contents.size() - size);
    if (got == 0) break;
    if (got < 0) {
      if (errno == EINTR) continue;
      return ErrnoStatus(errno, "read", path);
    }
    size += got;
  }
  contents.resize(size);
  return contents;
}

absl::Status WriteFileAtomically(const std::string& path,
                                 absl::string_view contents) {
  const std::string partial = path + ".partial";
  Descriptor file(
      open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (file.get() < 0) return ErrnoStatus(errno, "written", path);
  int error = WriteAll(file.get(), contents);
  if (!file.Close() && error == 0) error = errno;
  if (error == 0 && rename(partial.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) return absl::OkStatus();
  unlink(partial.c_str());
  return ErrnoStatus(error, "written", path);
}

absl::Status CreateDirectories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  // Some libraries report an existing directory as an error, others do not.
  if (std::filesystem::is_directory(path)) return absl::OkStatus();
  return ErrnoStatus(error ? error.value() : EEXIST, "created", path);
}

}  // namespace dg4d
