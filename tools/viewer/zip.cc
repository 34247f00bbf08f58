#include "tools/viewer/zip.h"

#include <archive.h>
#include <archive_entry.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"

namespace dg4d::viewer {
namespace {

namespace fs = std::filesystem;

// What libarchive made and frees.
using Archive = std::unique_ptr<archive, decltype(&archive_write_free)>;
using Entry = std::unique_ptr<archive_entry, decltype(&archive_entry_free)>;

absl::StatusOr<std::set<std::string>> FilesOf(const std::string& folder) {
  std::set<std::string> names;
  std::error_code error;
  for (auto entry = fs::directory_iterator(folder, error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name[0] != '.' && fs::is_regular_file(entry->symlink_status())) {
      names.insert(name);
    }
  }
  if (!error) return names;
  return absl::UnavailableError(
      absl::StrCat("cannot read ", folder, ": ", error.message()));
}

absl::Status Add(const std::string& name, absl::string_view bytes,
                 archive* zip) {
  const Entry entry(archive_entry_new(), &archive_entry_free);
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_size(entry.get(), static_cast<int64_t>(bytes.size()));
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0644);
  // It warns of names that are no ASCII.
  if (archive_write_header(zip, entry.get()) >= ARCHIVE_WARN &&
      archive_write_data(zip, bytes.data(), bytes.size()) ==
          static_cast<la_ssize_t>(bytes.size()) &&
      archive_write_finish_entry(zip) == ARCHIVE_OK) {
    return absl::OkStatus();
  }
  return absl::UnavailableError(archive_error_string(zip));
}

}  // namespace

absl::Status WriteZip(const std::string& folder, const std::string& path) {
  DG4D_ASSIGN_OR_RETURN(const std::set<std::string> names, FilesOf(folder));
  DG4D_ASSIGN_OR_RETURN(PendingFile file, PendingFile::Create(path));
  const Archive zip(archive_write_new(), &archive_write_free);
  if (archive_write_set_format_zip(zip.get()) != ARCHIVE_OK ||
      archive_write_zip_set_compression_store(zip.get()) != ARCHIVE_OK ||
      archive_write_open_filename(zip.get(), file.path().c_str()) !=
          ARCHIVE_OK) {
    return absl::UnavailableError(absl::StrCat(
        "cannot write ", path, ": ", archive_error_string(zip.get())));
  }
  const std::string inside = fs::path(folder).filename().string();
  for (const std::string& name : names) {
    DG4D_ASSIGN_OR_RETURN(const std::string bytes,
                          ReadFile(absl::StrCat(folder, "/", name)));
    DG4D_RETURN_IF_ERROR(
        Annotate(Add(absl::StrCat(inside, "/", name), bytes, zip.get()), path));
  }
  if (archive_write_close(zip.get()) != ARCHIVE_OK) {
    return absl::UnavailableError(absl::StrCat(
        "cannot write ", path, ": ", archive_error_string(zip.get())));
  }
  return file.Commit();
}

}  // namespace dg4d::viewer
