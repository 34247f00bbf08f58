#include "dg4d/base/compression.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

// Neither constant nor random.
std::string SomeText(int words) {
  std::string text;
  for (int i = 0; i < words; ++i) absl::StrAppend(&text, i * i % 101, " ");
  return text;
}

void ExpectRefused(const absl::StatusOr<std::string>& result,
                   const std::string& why) {
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(result.status().message(), why))
      << result.status();
}

TEST(Gzip, ReadsBackEqual) {
  for (const int words : {0, 1, 1000, 100000}) {
    const std::string text = SomeText(words);
    const std::string gzip = Gzip(text);
    const auto read = GunzipUpTo(gzip, text.size() + 1);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, text);
    EXPECT_EQ(gzip, Gzip(text));
  }
}

TEST(Gzip, GivesNoMoreThanAskedFor) {
  const std::string text = SomeText(100000);
  for (const size_t most : {size_t{0}, size_t{1}, size_t{65536}, text.size()}) {
    const auto read = GunzipUpTo(Gzip(text), most);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, text.substr(0, most));
  }
}

TEST(Gzip, TakesNoMoreMemoryThanTheFileFills) {
  // A lie about the size must not be paid for.
  const auto read = GunzipUpTo(Gzip("few"), size_t{1} << 60);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, "few");
}

TEST(Gzip, RefusesWhatIsCutOffOrDamaged) {
  const std::string text = SomeText(1000);
  const std::string gzip = Gzip(text);
  for (size_t size = 0; size < gzip.size(); size += 7) {
    ExpectRefused(GunzipUpTo(gzip.substr(0, size), text.size() + 1), "cut off");
  }
  std::string wrong_sum = gzip;
  wrong_sum[gzip.size() - 8] ^= 1;
  ExpectRefused(GunzipUpTo(wrong_sum, text.size() + 1), "damaged");
  ExpectRefused(GunzipUpTo("no gzip at all", 10), "damaged");
}

TEST(Zstd, ReadsBackEqual) {
  for (const int words : {0, 1, 1000, 100000}) {
    const std::string text = SomeText(words);
    const std::string frame = CompressZstd(text);
    const auto read = DecompressZstd(frame, text.size());
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, text);
    EXPECT_EQ(frame, CompressZstd(text));
  }
}

TEST(Zstd, RefusesAnotherSizeThanIsDue) {
  const std::string frame = CompressZstd(SomeText(1000));
  ExpectRefused(DecompressZstd(frame, 10), "where 10 are due");
  ExpectRefused(DecompressZstd(frame, size_t{1} << 60), "are due");
}

TEST(Zstd, RefusesWhatIsCutOffOrDamaged) {
  const std::string text = SomeText(1000);
  const std::string frame = CompressZstd(text);
  for (size_t size = 0; size < frame.size(); size += 7) {
    ExpectRefused(DecompressZstd(frame.substr(0, size), text.size()),
                  "its zstd data");
  }
  ExpectRefused(DecompressZstd("no zstd at all", 10), "damaged");
}

}  // namespace
}  // namespace dg4d
