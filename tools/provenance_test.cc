#include "tools/provenance.h"

#include <nlohmann/json.hpp>

#include "gtest/gtest.h"

namespace dg4d {
namespace {

using nlohmann::ordered_json;

TEST(ProvenanceOf, TakesWhatTheRunsFolderKeeps) {
  const ordered_json record = {{"dg4d", "9.8.7"},
                               {"seed", 18446744073709551615u},
                               {"image", {{"path", "a"}, {"sha256", "12"}}},
                               {"video", {{"path", "frames"}}}};
  const Provenance provenance = ProvenanceOf(record, "name: cat\n");
  EXPECT_EQ(provenance.version, "9.8.7");
  EXPECT_EQ(provenance.seed, 18446744073709551615u);
  EXPECT_EQ(provenance.image_sha256, "12");
  EXPECT_EQ(provenance.video_sha256, "");  // a folder
  EXPECT_EQ(provenance.config, "cat");
  // printf 'name: cat\n' | sha256sum
  EXPECT_EQ(provenance.config_sha256,
            "e2e183f55a05d5d7e782c5e09b75645c1d832fb8b926b52380784b146c550a7d");
  EXPECT_EQ(ProvenanceJson(provenance).dump(),
            "{\"config\":\"cat\",\"config_sha256\":\"" +
                provenance.config_sha256 +
                "\",\"dg4d\":\"9.8.7\",\"image_sha256\":\"12\","
                "\"seed\":18446744073709551615}");
}

TEST(ProvenanceOf, KnowsNothingOfAFolderThatSomebodyBroke) {
  EXPECT_EQ(ProvenanceOf(ordered_json(), "name: cat\n"), Provenance());
  EXPECT_TRUE(ProvenanceJson(Provenance()).empty());
  const ordered_json record = {{"dg4d", "1"}, {"seed", "x"}, {"image", 3}};
  const Provenance provenance = ProvenanceOf(record, "name: [1\n");
  EXPECT_EQ(provenance.version, "1");
  EXPECT_EQ(provenance.seed, 0u);
  EXPECT_EQ(provenance.config, "");
}

TEST(ProvenanceOf, ReplacesWhatIsNoUtf8) {
  const ordered_json record = {{"dg4d", "1"}};
  EXPECT_NO_THROW(
      ProvenanceJson(ProvenanceOf(record, "name: \"\xff\"\n")).dump());
}

}  // namespace
}  // namespace dg4d
