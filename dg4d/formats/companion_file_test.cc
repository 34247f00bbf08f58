#include "dg4d/formats/companion_file.h"

#include <string>

#include "dg4d/base/files.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

TEST(FindCompanion, LooksInTheFolderAndBelowOnly) {
  const std::string root = testing::TempDir() + "/companions";
  const std::string folder = root + "/cat";
  for (const char* name : {"/fur.png", "/maps/fur.png", "/a b.png"}) {
    ASSERT_TRUE(WriteFileAtomically(folder + name, "").ok());
  }
  ASSERT_TRUE(WriteFileAtomically(root + "/secret.png", "").ok());
  const auto find = [&folder](const std::string& name) {
    return FindCompanion(folder, name).value_or("none");
  };
  EXPECT_EQ(find("fur.png"), folder + "/fur.png");
  EXPECT_EQ(find("maps/fur.png"), folder + "/maps/fur.png");
  EXPECT_EQ(find("maps\\fur.png"), folder + "/maps/fur.png");
  EXPECT_EQ(find("a b.png"), folder + "/a b.png");
  // By the last part alone.
  EXPECT_EQ(find("C:\\cats\\fur.png"), folder + "/fur.png");
  EXPECT_EQ(find("/elsewhere/fur.png"), folder + "/fur.png");
  EXPECT_EQ(find("../cat/fur.png"), folder + "/fur.png");
  for (const std::string& name :
       {std::string("../secret.png"), root + "/secret.png",
        std::string("maps/../../secret.png"), std::string(".."),
        std::string("."), std::string(), std::string("maps"),
        std::string("maps/"), std::string("fur.png\0x", 9)}) {
    EXPECT_EQ(find(name), "none") << name;
  }
}

}  // namespace
}  // namespace dg4d
