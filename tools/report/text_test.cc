#include "tools/report/text.h"

#include "gtest/gtest.h"

namespace dg4d {
namespace {

TEST(DurationText, ChoosesItsUnits) {
  EXPECT_EQ(DurationText(0), "0.0 s");
  EXPECT_EQ(DurationText(59.94), "59.9 s");
  EXPECT_EQ(DurationText(75.6), "1 min 15 s");
  EXPECT_EQ(DurationText(7500), "2 h 05 min");
}

TEST(BytesText, KeepsThreeDigits) {
  EXPECT_EQ(BytesText(0), "0 B");
  EXPECT_EQ(BytesText(999), "999 B");
  EXPECT_EQ(BytesText(11200), "11.2 kB");
  EXPECT_EQ(BytesText(1500000), "1.50 MB");
  EXPECT_EQ(BytesText(5000000000000000), "5000 TB");
  EXPECT_EQ(MemoryText(int64_t{3} << 29), "1.50 GiB");
}

TEST(NumberText, GroupsThousands) {
  EXPECT_EQ(NumberText(7), "7");
  EXPECT_EQ(NumberText(9341), "9,341");
  EXPECT_EQ(NumberText(-1234567), "−1,234,567");
  EXPECT_EQ(NumberText(0.01234), "0.01234");
  EXPECT_EQ(CountText(1, "file", "files"), "1 file");
  EXPECT_EQ(CountText(2000, "file", "files"), "2,000 files");
}

TEST(ValidUtf8, KeepsWhatIsValidAndReplacesEachOtherByte) {
  const std::string fine = "a ü € 𝄞";
  EXPECT_EQ(ValidUtf8(fine), fine);
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(ValidUtf8("a\xFFz"), "a" + bad + "z");
  EXPECT_EQ(ValidUtf8("\xC3"), bad);                      // cut off
  EXPECT_EQ(ValidUtf8("\xC0\xAF"), bad + bad);            // overlong
  EXPECT_EQ(ValidUtf8("\xED\xA0\x80"), bad + bad + bad);  // a surrogate
  EXPECT_EQ(ValidUtf8("\xF4\x90\x80\x80"), bad + bad + bad + bad);
}

TEST(RelativeAddress, LeavesNoSchemeAndNoMarkup) {
  EXPECT_EQ(RelativeAddress("meshes/mesh_0001.obj"), "./meshes/mesh_0001.obj");
  EXPECT_EQ(RelativeAddress("javascript:alert(1)"),
            "./javascript%3Aalert%281%29");
  EXPECT_EQ(RelativeAddress("a \"<>?#%\xFF"), "./a%20%22%3C%3E%3F%23%25%FF");
}

TEST(ShellWord, QuotesWhatAShellWouldTakeApart) {
  EXPECT_EQ(ShellWord("--image=out/fox.png"), "--image=out/fox.png");
  EXPECT_EQ(ShellWord("a b"), "'a b'");
  EXPECT_EQ(ShellWord("it's $(x)"), "'it'\\''s $(x)'");
  EXPECT_EQ(ShellWord(""), "''");
}

}  // namespace
}  // namespace dg4d
