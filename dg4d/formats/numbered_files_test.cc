#include "dg4d/formats/numbered_files.h"

#include <filesystem>
#include <string>
#include <vector>

#include "dg4d/base/files.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using Names = std::vector<std::string>;

TEST(NumberedFiles, FindsTheSequencesOfOtherPrograms) {
  for (const auto& [names, pattern] :
       std::vector<std::pair<Names, std::string>>{
           {{"frame_0002.ply", "frame_0001.ply"}, "frame_*.ply"},
           {{"001.ply", "000.ply"}, "*.ply"},
           {{"time_00001.ply", "time_00000.ply"}, "time_*.ply"},
           {{"cat2_mesh_001.obj", "cat2_mesh_000.obj"}, "cat2_mesh_*.obj"},
           {{"a2.compressed.ply", "a1.compressed.ply"}, "a*.compressed.ply"}}) {
    const auto groups = GroupByNumber(names);
    ASSERT_EQ(groups.size(), 1) << pattern;
    EXPECT_EQ(groups[0].pattern, pattern);
    EXPECT_EQ(groups[0].names, Names({names[1], names[0]}));
  }
}

TEST(NumberedFiles, CountsInsteadOfSpelling) {
  const auto groups = GroupByNumber(
      {"f10.ply", "f9.ply", "f100.ply", "f123456789012345678901234567890.ply"});
  ASSERT_EQ(groups.size(), 1);
  EXPECT_EQ(groups[0].names, Names({"f9.ply", "f10.ply", "f100.ply",
                                    "f123456789012345678901234567890.ply"}));
}

TEST(NumberedFiles, KeepsApartWhatDiffersByMoreThanANumber) {
  const auto groups =
      GroupByNumber({"static.ply", "frame_1.ply", "frame_2.ply", "b_1.ply",
                     "frame_1.obj", "mp4_model.ply"});
  Names patterns;
  for (const NumberedFiles& group : groups) patterns.push_back(group.pattern);
  EXPECT_EQ(patterns, Names({"b_1.ply", "frame_1.obj", "frame_*.ply",
                             "mp4_model.ply", "static.ply"}));
}

TEST(NumberedFiles, MatchesAPatternWithANumberOnly) {
  EXPECT_TRUE(MatchesPattern("frame_12.ply", "frame_*.ply"));
  EXPECT_TRUE(MatchesPattern("12.ply", "*.ply"));
  EXPECT_TRUE(MatchesPattern("cat.ply", "cat.ply"));
  EXPECT_FALSE(MatchesPattern("frame_.ply", "frame_*.ply"));
  EXPECT_FALSE(MatchesPattern("frame_of_mind.ply", "frame_*.ply"));
  EXPECT_FALSE(MatchesPattern("frame_12.obj", "frame_*.ply"));
  EXPECT_FALSE(MatchesPattern("f.ply", "f.ply*.ply"));
}

TEST(NumberedFiles, ListsPlainFilesOfAFolder) {
  const std::string folder = testing::TempDir() + "/list_files";
  ASSERT_TRUE(WriteFileAtomically(folder + "/b.PLY", "").ok());
  ASSERT_TRUE(WriteFileAtomically(folder + "/a.ply", "").ok());
  ASSERT_TRUE(WriteFileAtomically(folder + "/.hidden.ply", "").ok());
  ASSERT_TRUE(WriteFileAtomically(folder + "/c.txt", "").ok());
  std::filesystem::create_directories(folder + "/d.ply");
  const auto names = ListFiles(folder, {".ply"});
  ASSERT_TRUE(names.ok()) << names.status();
  EXPECT_EQ(*names, Names({"a.ply", "b.PLY"}));
  EXPECT_TRUE(absl::IsNotFound(ListFiles(folder + "/no", {".ply"}).status()));
  EXPECT_FALSE(ListFiles(folder + "/a.ply", {".ply"}).ok());
}

}  // namespace
}  // namespace dg4d
