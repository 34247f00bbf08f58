#include "tools/verb.h"

#include "gflags/gflags.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

DEFINE_string(word, "", "A word.");
DEFINE_int32(count, 3, "A count.");
DEFINE_bool(loud, false, "A switch.");
DEFINE_bool(other, false, "A switch of another verb.");

namespace dg4d {

// The verb library asks the program which verbs there are.
std::vector<const Verb*> Verbs() { return {}; }
std::vector<std::pair<std::string, std::string>> CodecFindings() { return {}; }

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Verb kVerb = {.name = "say",
                    .summary = "Says something.",
                    .usage = "WORD",
                    .flags = {"word", "count", "loud"},
                    .notes = "",
                    .run = nullptr};

class ParseFlagsTest : public testing::Test {
 protected:
  std::vector<std::string> Parse(const std::vector<std::string>& words) {
    const auto rest = ParseFlags(kVerb, words);
    EXPECT_TRUE(rest.ok()) << rest.status();
    return rest.value_or(std::vector<std::string>());
  }
  std::string ErrorOf(const std::vector<std::string>& words) {
    const absl::Status status = ParseFlags(kVerb, words).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  }
  const gflags::FlagSaver saver_;
};

TEST_F(ParseFlagsTest, TakesValuesWithAndWithoutEqualsSign) {
  EXPECT_THAT(Parse({"a", "--word=x=y", "--count", "-4", "k=v"}),
              ElementsAre("a", "k=v"));
  EXPECT_EQ(FLAGS_word, "x=y");
  EXPECT_EQ(FLAGS_count, -4);
}

TEST_F(ParseFlagsTest, SwitchesTakeNoWordBehindThem) {
  EXPECT_THAT(Parse({"--loud", "false"}), ElementsAre("false"));
  EXPECT_TRUE(FLAGS_loud);
  Parse({"--noloud"});
  EXPECT_FALSE(FLAGS_loud);
  Parse({"--loud=true"});
  EXPECT_TRUE(FLAGS_loud);
}

TEST_F(ParseFlagsTest, LeavesWhatFollowsTwoDashes) {
  EXPECT_THAT(Parse({"--", "--word=x"}), ElementsAre("--word=x"));
  EXPECT_EQ(FLAGS_word, "");
}

TEST_F(ParseFlagsTest, RefusesFlagsOfOtherVerbs) {
  EXPECT_THAT(ErrorOf({"--other"}), HasSubstr("dg4d say has no flag --other"));
  EXPECT_THAT(ErrorOf({"--wrod=x"}), HasSubstr("did you mean 'word'"));
}

TEST_F(ParseFlagsTest, RefusesValuesThatDoNotFit) {
  EXPECT_THAT(ErrorOf({"--count=many"}),
              HasSubstr("flag --count cannot be 'many': expected a number"));
  EXPECT_THAT(ErrorOf({"--word"}), HasSubstr("needs a value"));
  EXPECT_THAT(ErrorOf({"--word", "--loud"}), HasSubstr("needs a value"));
}

TEST(HelpText, NamesFlagsWithTheirDefaults) {
  const std::string help = HelpText(kVerb);
  EXPECT_THAT(help, HasSubstr("dg4d say WORD"));
  EXPECT_THAT(help, HasSubstr("--count=3"));
  EXPECT_THAT(help, HasSubstr("A switch."));
  EXPECT_THAT(help, testing::Not(HasSubstr("another verb")));
}

}  // namespace
}  // namespace dg4d
