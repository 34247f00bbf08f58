#include "tools/viewer/zip.h"

#include <archive.h>
#include <archive_entry.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/base/files.h"
#include "gtest/gtest.h"

namespace dg4d::viewer {
namespace {

namespace fs = std::filesystem;

// Names and contents of the .zip file `path`, in its order.
std::vector<std::pair<std::string, std::string>> ReadZip(
    const std::string& path) {
  std::vector<std::pair<std::string, std::string>> files;
  archive* zip = archive_read_new();
  archive_read_support_format_zip_seekable(zip);
  EXPECT_EQ(archive_read_open_filename(zip, path.c_str(), 1 << 16), ARCHIVE_OK)
      << archive_error_string(zip);
  archive_entry* entry;
  while (archive_read_next_header(zip, &entry) == ARCHIVE_OK) {
    std::string bytes(archive_entry_size(entry), '\0');
    EXPECT_EQ(archive_read_data(zip, bytes.data(), bytes.size()),
              static_cast<la_ssize_t>(bytes.size()));
    files.emplace_back(archive_entry_pathname(entry), bytes);
  }
  archive_read_free(zip);
  return files;
}

class ZipTest : public testing::Test {
 protected:
  ZipTest() { fs::remove_all(testing::TempDir() + "/zip_test"); }
  void Put(const std::string& name, const std::string& bytes) {
    ASSERT_TRUE(
        WriteFileAtomically(absl::StrCat(folder_, "/", name), bytes).ok());
  }

  const std::string folder_ = testing::TempDir() + "/zip_test/meshes";
  const std::string zip_ = testing::TempDir() + "/zip_test/meshes.zip";
};

TEST_F(ZipTest, HoldsTheFilesOfAFolderUnderItsName) {
  const std::string bytes(3 << 20, 'b');
  Put("b.obj", bytes);
  Put("a.obj", "");
  Put(".partial", "hidden");
  fs::create_symlink("b.obj", folder_ + "/c.obj");
  const absl::Status status = WriteZip(folder_, zip_);
  ASSERT_TRUE(status.ok()) << status;
  const auto files = ReadZip(zip_);
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0], std::pair(std::string("meshes/a.obj"), std::string()));
  EXPECT_EQ(files[1], std::pair(std::string("meshes/b.obj"), bytes));
}

TEST_F(ZipTest, GivesEqualFoldersEqualBytes) {
  Put("a", "one");
  ASSERT_TRUE(WriteZip(folder_, zip_).ok());
  const std::string once = ReadFile(zip_).value();
  EXPECT_NE(once.find("one"), std::string::npos);  // as it is
  fs::last_write_time(folder_ + "/a",
                      fs::file_time_type::clock::now() + std::chrono::hours(9));
  fs::permissions(folder_ + "/a", fs::perms::owner_all);
  ASSERT_TRUE(WriteZip(folder_, zip_).ok());
  EXPECT_EQ(ReadFile(zip_).value(), once);
}

TEST_F(ZipTest, LeavesNothingWhereItCannotRead) {
  const absl::Status status = WriteZip(folder_, zip_);
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find(folder_), std::string::npos) << status;
  EXPECT_FALSE(fs::exists(zip_));
}

}  // namespace
}  // namespace dg4d::viewer
