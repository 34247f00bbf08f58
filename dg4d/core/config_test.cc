#include "dg4d/core/config.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using ::testing::HasSubstr;

std::string Message(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  return std::string(status.message());
}

TEST(Config, KnowsTheLineOfEachValue) {
  const auto root = ParseYaml("a:\n  b: 1\n  c: [x, y]\n", "f.yaml");
  ASSERT_TRUE(root.ok()) << root.status();
  EXPECT_EQ(root->Find("a")->Find("b")->where, "f.yaml:2");
  EXPECT_EQ(root->Find("a")->Find("c")->items[1].where, "f.yaml:3");
  EXPECT_EQ(root->Find("a")->Find("c")->Locate("oh"), "f.yaml:3: oh");
}

TEST(Config, NamesTheLineOfBrokenYaml) {
  EXPECT_THAT(Message(ParseYaml("a: 1\nb: [1,\n", "f.yaml").status()),
              HasSubstr("f.yaml:3: broken YAML"));
}

TEST(Config, RefusesAKeyThatIsThereTwice) {
  EXPECT_EQ(Message(ParseYaml("a: 1\nb: 2\na: 3\n", "f.yaml").status()),
            "f.yaml:3: 'a' is there twice");
}

TEST(Config, RefusesSeveralDocuments) {
  EXPECT_THAT(Message(ParseYaml("a: 1\n---\nb: 2\n", "f").status()),
              HasSubstr("several"));
}

TEST(Config, EmptyTextIsNull) {
  EXPECT_TRUE(ParseYaml("", "f")->is_null());
  EXPECT_TRUE(ParseYaml("# nothing\n", "f")->is_null());
}

TEST(Config, RefusesBottomlessNesting) {
  EXPECT_FALSE(ParseYaml(std::string(300, '['), "f").ok());
  EXPECT_FALSE(
      ParseYaml(std::string(300, '[') + std::string(300, ']'), "f").ok());
}

TEST(Config, ReadsBackWhatItWrites) {
  const auto root = ParseYaml(
      "a: {b: 'x: y', c: [1, 2], d: [], e: {}}\nf: [{g: 1}]\nh: \"\"\n"
      "i: \"true\"\n",
      "f");
  ASSERT_TRUE(root.ok()) << root.status();
  const auto again = ParseYaml(ToYaml(*root), "again");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(*root == *again) << ToYaml(*root);
}

class Override : public testing::Test {
 protected:
  ConfigNode root_ = *ParseYaml("a: {b: 1}\nlist: [{x: 1}, {x: 2}]\n", "f");
};

TEST_F(Override, SetsAndAddsValues) {
  ASSERT_TRUE(ApplyOverride("a.b=2", root_).ok());
  ASSERT_TRUE(ApplyOverride("a.new.deep=[1, two]", root_).ok());
  ASSERT_TRUE(ApplyOverride("list.1.x=a=b", root_).ok());
  EXPECT_EQ(root_.Find("a")->Find("b")->scalar, "2");
  EXPECT_EQ(root_.Find("a")->Find("new")->Find("deep")->items[1].scalar, "two");
  EXPECT_EQ(root_.Find("list")->items[1].Find("x")->scalar, "a=b");
}

TEST_F(Override, IsNamedInLaterMessages) {
  ASSERT_TRUE(ApplyOverride("a.b=2", root_).ok());
  EXPECT_EQ(root_.Find("a")->Find("b")->Locate("bad"), "option 'a.b=2': bad");
}

TEST_F(Override, ExplainsWhatIsMalformed) {
  EXPECT_THAT(Message(ApplyOverride("iterations", root_)),
              HasSubstr("expected key=value"));
  EXPECT_THAT(Message(ApplyOverride("=1", root_)),
              HasSubstr("expected key=value"));
  EXPECT_THAT(Message(ApplyOverride("a..b=1", root_)), HasSubstr("is empty"));
  EXPECT_THAT(Message(ApplyOverride("a.b.c=1", root_)),
              HasSubstr("'a.b' is the value '1', not a map"));
  EXPECT_THAT(Message(ApplyOverride("list.2.x=1", root_)),
              HasSubstr("a list of 2"));
  EXPECT_THAT(Message(ApplyOverride("a.b=[1", root_)), HasSubstr("broken"));
}

TEST(DidYouMean, NamesTheNearest) {
  const std::vector<std::string> names = {"iterations", "radius"};
  EXPECT_EQ(DidYouMean("itertions", names), " (did you mean 'iterations'?)");
  EXPECT_EQ(DidYouMean("Radius", names), " (did you mean 'radius'?)");
  EXPECT_EQ(DidYouMean("zzz", names), "");
}

}  // namespace
}  // namespace dg4d
