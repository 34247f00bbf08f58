#include "dg4d/base/staged_folder.h"

#include <filesystem>
#include <set>

#include "absl/strings/match.h"
#include "dg4d/base/files.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

namespace fs = std::filesystem;

class StagedFolderTest : public testing::Test {
 protected:
  StagedFolderTest() { fs::remove_all(path_); }

  std::set<std::string> Names() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(path_)) {
      names.insert(entry.path().filename().string());
    }
    return names;
  }
  static bool IsFrame(const std::string& name) {
    return absl::StartsWith(name, "frame_");
  }

  const std::string path_ = testing::TempDir() + "/staged_folder_test";
};

TEST_F(StagedFolderTest, ShowsNothingBeforeTheCommit) {
  StagedFolder folder(path_);
  ASSERT_TRUE(folder.Write("frame_1", "one").ok());
  EXPECT_FALSE(fs::exists(path_ + "/frame_1"));
  ASSERT_TRUE(folder.Commit(IsFrame).ok());
  EXPECT_EQ(ReadFile(path_ + "/frame_1").value(), "one");
}

TEST_F(StagedFolderTest, RemovesItselfWithoutACommit) {
  {
    StagedFolder folder(path_);
    ASSERT_TRUE(folder.Write("frame_1", "one").ok());
  }
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(StagedFolderTest, KeepsWhatWasThereWithoutACommit) {
  fs::create_directory(path_);
  ASSERT_TRUE(WriteFileAtomically(path_ + "/frame_1", "old").ok());
  {
    StagedFolder folder(path_);
    ASSERT_TRUE(folder.Write("frame_1", "new").ok());
  }
  EXPECT_EQ(ReadFile(path_ + "/frame_1").value(), "old");
  EXPECT_EQ(Names(), std::set<std::string>({"frame_1"}));
}

TEST_F(StagedFolderTest, RemovesTheRestOfALongerSequenceAndNothingElse) {
  fs::create_directories(path_ + "/.partial");
  for (const char* name : {"/frame_1", "/frame_2", "/notes", "/.partial/x"}) {
    ASSERT_TRUE(WriteFileAtomically(path_ + name, "old").ok());
  }
  {
    StagedFolder folder(path_);
    ASSERT_TRUE(folder.Write("frame_1", "new").ok());
    ASSERT_TRUE(folder.Commit(IsFrame).ok());
  }
  EXPECT_EQ(ReadFile(path_ + "/frame_1").value(), "new");
  EXPECT_EQ(Names(), std::set<std::string>({"frame_1", "notes"}));
}

TEST_F(StagedFolderTest, SaysThatAFolderIsInTheWay) {
  fs::create_directories(path_ + "/frame_1/notes");
  StagedFolder folder(path_);
  ASSERT_TRUE(folder.Write("frame_1", "one").ok());
  const absl::Status status = folder.Commit(IsFrame);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(status.message(), path_ + "/frame_1"))
      << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "remove or rename"))
      << status;
  EXPECT_TRUE(fs::exists(path_ + "/frame_1/notes"));
}

TEST_F(StagedFolderTest, SaysThatAFileIsInTheWay) {
  ASSERT_TRUE(WriteFileAtomically(path_, "a file").ok());
  StagedFolder folder(path_);
  const absl::Status status = folder.Write("frame_1", "one");
  EXPECT_FALSE(status.ok());
  EXPECT_TRUE(absl::StrContains(status.message(), path_)) << status;
  EXPECT_EQ(ReadFile(path_).value(), "a file");
}

}  // namespace
}  // namespace dg4d
