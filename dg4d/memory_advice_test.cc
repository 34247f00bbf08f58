// What the bulkhead (base/status.h) says where memory does not suffice: names
// of plugins and of their options, which base cannot look up.

#include <algorithm>
#include <map>
#include <new>
#include <regex>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "dg4d/base/status.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/stage.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using ::testing::Contains;

std::vector<std::string> OptionsOf(const std::string& plugin) {
  const auto stage = Registry<Stage>::Find(plugin);
  const auto guidance = Registry<Guidance>::Find(plugin);
  if (!stage.ok() && !guidance.ok()) return {};
  std::vector<std::string> names;
  for (const OptionDescription& option :
       stage.ok() ? (*stage)->describe() : (*guidance)->describe()) {
    names.push_back(option.name);
  }
  return names;
}

// The options that the advice names, by plugin.
std::map<std::string, std::vector<std::string>> Advice() {
  const std::string message(CatchExceptions([]() -> absl::Status {
                              throw std::bad_alloc();
                            }).message());
  std::map<std::string, std::vector<std::string>> advice;
  const std::vector<std::string> lines = absl::StrSplit(message, "\n  ");
  for (size_t i = 1; i < lines.size(); ++i) {
    // Without remarks in parentheses.
    const std::string line =
        std::regex_replace(lines[i], std::regex(R"( \([^)]*\))"), "");
    const std::vector<std::string> parts = absl::StrSplit(line, ": ");
    EXPECT_EQ(parts.size(), 2u) << line;
    for (const absl::string_view plugin : absl::StrSplit(parts[0], ", ")) {
      advice[std::string(plugin)] = absl::StrSplit(parts[1], ", ");
    }
  }
  return advice;
}

TEST(MemoryAdvice, NamesOptionsThatThereAre) {
  const auto advice = Advice();
  ASSERT_FALSE(advice.empty());
  for (const auto& [plugin, options] : advice) {
    for (const std::string& option : options) {
      EXPECT_THAT(OptionsOf(plugin), Contains(option)) << plugin;
    }
  }
}

// What only such plugins can spare.
TEST(MemoryAdvice, NamesEveryOptionThatSplitsWork) {
  const auto advice = Advice();
  const std::vector<std::string> splitting = {
      "batched_guidance", "clip_frames", "decode_chunk",
      "encode_chunk",     "micro_batch", "views.max_views_per_batch"};
  std::vector<std::string> plugins = Registry<Stage>::Names();
  const std::vector<std::string> guidances = Registry<Guidance>::Names();
  plugins.insert(plugins.end(), guidances.begin(), guidances.end());
  for (const std::string& plugin : plugins) {
    for (const std::string& option : OptionsOf(plugin)) {
      if (std::find(splitting.begin(), splitting.end(), option) ==
          splitting.end()) {
        continue;
      }
      ASSERT_TRUE(advice.count(plugin) > 0) << plugin << " has " << option;
      EXPECT_THAT(advice.at(plugin), Contains(option)) << plugin;
    }
  }
}

}  // namespace
}  // namespace dg4d
