#ifndef DG4D_TESTING_OPTIONS_CONFORMANCE_H_
#define DG4D_TESTING_OPTIONS_CONFORMANCE_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "dg4d/core/config.h"
#include "dg4d/core/registry.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {

// What every plugin and its options promise: a summary and help to read, valid
// defaults, what is written and described reads back as it is, and an unknown
// key is refused by name. `required` holds options without which the plugin
// cannot be made.
template <typename Interface>
void ExpectOptionsConform(const std::string& plugin,
                          const ConfigNode& required = {}) {
  const auto created = Registry<Interface>::Create(plugin, required);
  ASSERT_TRUE(created.ok()) << created.status();
  const auto resolved = Registry<Interface>::Resolve(plugin, required);
  ASSERT_TRUE(resolved.ok()) << resolved.status();

  const auto reread = ParseYaml(ToYaml(*resolved), "resolved options");
  ASSERT_TRUE(reread.ok()) << reread.status();
  const auto again = Registry<Interface>::Resolve(plugin, *reread);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(ToYaml(*again), ToYaml(*resolved));

  const auto& entry = Registry<Interface>::Plugins().at(plugin);
  EXPECT_NE(entry.summary, "");
  for (const OptionDescription& option : entry.describe()) {
    EXPECT_NE(option.help, "") << option.name;
    ConfigNode node = *resolved;
    const absl::Status status = ApplyOverride(
        absl::StrCat(option.name, "=", option.default_value), node);
    ASSERT_TRUE(status.ok()) << status;
    const auto with_default = Registry<Interface>::Resolve(plugin, node);
    EXPECT_TRUE(with_default.ok()) << with_default.status();
  }

  ConfigNode unknown = required;
  unknown["not_an_option"] = ConfigNode::Scalar("1");
  const absl::Status refused =
      Registry<Interface>::Create(plugin, unknown).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()),
              testing::HasSubstr("not_an_option"));
}

}  // namespace dg4d

#endif  // DG4D_TESTING_OPTIONS_CONFORMANCE_H_
