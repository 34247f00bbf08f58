#include "dg4d/base/files.h"

#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Files : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = fs::path(testing::TempDir()) /
                 testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(directory_);
    fs::create_directories(directory_);
  }
  std::string Path(const std::string& name) const {
    return (directory_ / name).string();
  }
  int Entries() const {
    return std::distance(fs::directory_iterator(directory_), {});
  }
  fs::path directory_;
};

TEST_F(Files, ReadsBackWhatItWrites) {
  const std::string bytes("a\0b\n", 4);
  ASSERT_TRUE(WriteFileAtomically(Path("new/folder/file.bin"), bytes).ok());
  EXPECT_EQ(ReadFile(Path("new/folder/file.bin")).value(), bytes);
}

TEST_F(Files, ReplacesAnOldFile) {
  ASSERT_TRUE(WriteFileAtomically(Path("file"), "long old text").ok());
  ASSERT_TRUE(WriteFileAtomically(Path("file"), "new").ok());
  EXPECT_EQ(ReadFile(Path("file")).value(), "new");
  EXPECT_EQ(Entries(), 1);
}

TEST_F(Files, SaysThatAFileIsMissing) {
  const absl::Status status = ReadFile(Path("none")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("none"));
}

TEST_F(Files, SaysThatAFileIsADirectory) {
  EXPECT_THAT(std::string(ReadFile(directory_).status().message()),
              HasSubstr("is a directory"));
}

TEST_F(Files, SaysThatAFolderCannotBeMade) {
  ASSERT_TRUE(WriteFileAtomically(Path("file"), "x").ok());
  const absl::Status status = WriteFileAtomically(Path("file/below"), "x");
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("file"));
}

TEST_F(Files, KeepsTheOldFileWhenTheDiskIsFull) {
  ASSERT_TRUE(WriteFileAtomically(Path("file"), "old").ok());
  signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit limit = {1024, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &limit);
  const absl::Status status =
      WriteFileAtomically(Path("file"), std::string(5000, 'x'));
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_EQ(ReadFile(Path("file")).value(), "old");
  EXPECT_EQ(Entries(), 1);
}

TEST_F(Files, RemovesWhatIsNotCommitted) {
  {
    const auto pending = PendingFile::Create(Path("video.mp4"));
    ASSERT_TRUE(pending.ok());
    EXPECT_THAT(pending->path(), testing::EndsWith(".mp4"));
    std::ofstream(pending->path()) << "half";
    EXPECT_EQ(Entries(), 1);
  }
  EXPECT_EQ(Entries(), 0);
}

}  // namespace
}  // namespace dg4d
