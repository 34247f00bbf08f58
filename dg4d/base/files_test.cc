#include "dg4d/base/files.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using ::testing::HasSubstr;

std::string TestDirectory(const std::string& name) {
  const std::string path = testing::TempDir() + "/files_test_" + name;
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  return path;
}

TEST(Files, ReadsBackWhatItWrites) {
  const std::string path = TestDirectory("roundtrip") + "/file";
  const std::string contents("a\0b\n", 4);
  ASSERT_TRUE(WriteFileAtomically(path, contents).ok());
  ASSERT_TRUE(WriteFileAtomically(path, contents + contents).ok());
  EXPECT_EQ(*ReadFile(path), contents + contents);
}

TEST(Files, LeavesNothingButTheFile) {
  const std::string directory = TestDirectory("nothing_else");
  // What a killed run left behind is taken over.
  std::ofstream(directory + "/file.partial") << "half of an older fi";
  ASSERT_TRUE(WriteFileAtomically(directory + "/file", "whole").ok());
  int entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    EXPECT_EQ(entry.path().filename(), "file");
    ++entries;
  }
  EXPECT_EQ(entries, 1);
}

TEST(Files, KeepsTheOldFileWhenTheNewOneCannotBeWritten) {
  const std::string directory = TestDirectory("keeps");
  std::filesystem::create_directories(directory + "/taken/inside");
  const absl::Status status = WriteFileAtomically(directory + "/taken", "x");
  EXPECT_FALSE(status.ok());
  EXPECT_TRUE(std::filesystem::exists(directory + "/taken/inside"));
  EXPECT_FALSE(std::filesystem::exists(directory + "/taken.partial"));
}

TEST(Files, SaysThatTheDiskIsFull) {
  const absl::Status status = WriteFileAtomically("/dev/full/x", "x");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
  // /dev/full itself takes no rename; what its write reports is what counts.
  std::error_code error;
  const std::string directory = TestDirectory("full");
  std::filesystem::create_symlink("/dev/full", directory + "/file.partial",
                                  error);
  ASSERT_FALSE(error);
  const absl::Status full = WriteFileAtomically(directory + "/file", "x");
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted) << full;
  EXPECT_FALSE(std::filesystem::exists(directory + "/file"));
}

TEST(Files, TellsMissingFilesFromDirectories) {
  const std::string directory = TestDirectory("missing");
  const absl::Status missing = ReadFile(directory + "/none").status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), HasSubstr("no such file"));
  const absl::Status is_directory = ReadFile(directory).status();
  EXPECT_EQ(is_directory.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(is_directory.message()), HasSubstr("directory"));
  EXPECT_EQ(WriteFileAtomically(directory + "/none/file", "x").code(),
            absl::StatusCode::kNotFound);
}

TEST(Files, CreatesDirectoriesOnceAndAgain) {
  const std::string path = TestDirectory("directories") + "/a/b/c";
  EXPECT_TRUE(CreateDirectories(path).ok());
  EXPECT_TRUE(CreateDirectories(path).ok());
  ASSERT_TRUE(WriteFileAtomically(path + "/file", "").ok());
  EXPECT_FALSE(CreateDirectories(path + "/file").ok());
}

}  // namespace
}  // namespace dg4d
