#include "dg4d/diffusion/json_config.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d::diffusion {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Nested(int levels) {
  return absl::StrCat("{\"act_fn\": ", std::string(levels, '['),
                      std::string(levels, ']'), "}");
}

TEST(JsonConfig, RefusesWhatNestsSoDeepThatItCannotBeWrittenOut) {
  for (const int levels : {40, 1000000}) {
    const auto json = JsonConfig::Parse(Nested(levels), "unet/config.json");
    EXPECT_EQ(json.status().code(), absl::StatusCode::kDataLoss) << levels;
    EXPECT_THAT(std::string(json.status().message()),
                HasSubstr("unet/config.json nests more than"));
  }
  // An ordinary depth is quoted.
  auto json = JsonConfig::Parse(Nested(3), "unet/config.json");
  ASSERT_TRUE(json.ok()) << json.status();
  json->Only("act_fn", {"\"silu\""});
  EXPECT_THAT(std::string(json->Finish().message()), HasSubstr("[[[]]]"));
}

TEST(JsonConfig, CollectsAllThatIsWrong) {
  auto json = JsonConfig::Parse(
      R"({"width": 0, "mean": [1], "heads": [1, 2], "extra": 3, "none": null})",
      "config.json");
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(json->Integer("width", 7), 7);
  EXPECT_EQ(json->Numbers("mean", {0, 0, 0}).size(), 3u);
  EXPECT_EQ(json->Integers("heads", {4}, 1).size(), 1u);
  const std::string problems(json->Finish().message());
  for (const char* key : {"'width'", "'mean'", "'heads'", "'extra'"}) {
    EXPECT_THAT(problems, HasSubstr(key));
  }
  EXPECT_THAT(problems, Not(HasSubstr("'none'")));
}

TEST(JsonConfig, IsAnObject) {
  for (const char* text : {"", "[]", "{", "7", "{\"a\": \"\xff\"}"}) {
    EXPECT_EQ(JsonConfig::Parse(text, "f").status().code(),
              absl::StatusCode::kDataLoss)
        << text;
  }
}

}  // namespace
}  // namespace dg4d::diffusion
