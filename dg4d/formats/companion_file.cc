#include "dg4d/formats/companion_file.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace dg4d {
namespace {

namespace fs = std::filesystem;

bool StaysInside(const fs::path& path) {
  return path.is_relative() &&
         std::none_of(path.begin(), path.end(),
                      [](const fs::path& part) { return part == ".."; });
}

}  // namespace

absl::StatusOr<std::string> FindCompanion(const std::string& folder,
                                          absl::string_view name) {
  std::string slashed(name);
  std::replace(slashed.begin(), slashed.end(), '\\', '/');
  fs::path path(slashed);
  const bool has_drive = slashed.size() > 1 && slashed[1] == ':';
  if (!StaysInside(path) || has_drive) path = path.filename();
  const std::string full = (fs::path(folder) / path).string();
  std::error_code error;
  // A name with a NUL would be another for the system than for us.
  const bool is_name = path.has_filename() && path.filename() != ".." &&
                       slashed.find('\0') == std::string::npos;
  if (is_name && fs::is_regular_file(full, error)) return full;
  return absl::NotFoundError(absl::StrCat("there is no file ", full));
}

}  // namespace dg4d
