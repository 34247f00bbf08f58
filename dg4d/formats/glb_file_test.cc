#include "dg4d/formats/glb_file.h"

#include <string>

#include "absl/strings/match.h"
#include "dg4d/formats/glb_builder.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using Json = nlohmann::json;

std::string SomeGlb() {
  GlbBuilder glb;
  glb.AddVertexFloats({1, 2, 3, 4, 5, 6}, 3);
  glb.AddVertexColors({0, 13107, 65535, 65535});
  return glb.Finish({{"asset", {{"version", "2.0"}}}}).value();
}

// The file of `json`, which is changed by `change`, with what it had else.
template <typename Change>
std::string Changed(const std::string& glb, Change change) {
  const size_t json_size =
      static_cast<uint8_t>(glb[12]) | static_cast<uint8_t>(glb[13]) << 8;
  Json json = Json::parse(glb.substr(20, json_size));
  change(json);
  std::string text = json.dump();
  while (text.size() % 4 != 0) text.push_back(' ');
  std::string changed = glb.substr(0, 20) + text + glb.substr(20 + json_size);
  changed[12] = static_cast<char>(text.size() & 255);
  changed[13] = static_cast<char>(text.size() >> 8);
  changed[8] = static_cast<char>(changed.size() & 255);
  changed[9] = static_cast<char>(changed.size() >> 8);
  return changed;
}

TEST(GlbFile, ReadsFloatsAndNormalisedIntegers) {
  const std::string bytes = SomeGlb();
  const auto file = GlbFile::Parse(bytes);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(*file->Count(0), 2);
  EXPECT_EQ(*file->Floats(0, 3), std::vector<float>({1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(*file->Floats(1, 4), std::vector<float>({0, 0.2f, 1, 1}));
}

TEST(GlbFile, ReadsStridesOffsetsAndSignedIntegers) {
  const std::string bytes = Changed(SomeGlb(), [](Json& json) {
    json["bufferViews"][0]["byteStride"] = 8;
    json["accessors"][0]["byteOffset"] = 4;
    json["accessors"][0]["type"] = "SCALAR";
    json["accessors"][1]["componentType"] = 5122;  // signed shorts
  });
  const auto file = GlbFile::Parse(bytes);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(*file->Floats(0, 1), std::vector<float>({2, 4}));
  const auto shorts = file->Floats(1, 4);
  ASSERT_TRUE(shorts.ok()) << shorts.status();
  EXPECT_FLOAT_EQ((*shorts)[1], 13107 / 32767.0f);
  EXPECT_FLOAT_EQ((*shorts)[2], -1 / 32767.0f);
}

TEST(GlbFile, ReadsSparseAccessorsAndZerosWithinTheirLimit) {
  GlbBuilder glb;
  glb.AddVertexFloats({7, 8, 9}, 3);
  glb.AddIndices({1});
  const std::string bytes = Changed(
      glb.Finish({{"asset", {{"version", "2.0"}}}}).value(), [](Json& json) {
        json["accessors"][0]["count"] = 2;
        json["accessors"][0].erase("bufferView");
        json["accessors"][0]["sparse"] = {
            {"count", 1},
            {"indices", {{"bufferView", 1}, {"componentType", 5123}}},
            {"values", {{"bufferView", 0}}}};
      });
  const auto file = GlbFile::Parse(bytes);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(*file->Floats(0, 3, /*most_zeros=*/2),
            std::vector<float>({0, 0, 0, 7, 8, 9}));
  EXPECT_FALSE(file->Floats(0, 3).ok());
  EXPECT_FALSE(file->Floats(0, 3, /*most_zeros=*/1).ok());
  EXPECT_EQ(*file->Integers(1), std::vector<uint32_t>({1}));
  EXPECT_FALSE(file->Integers(0).ok());
}

TEST(GlbFile, RefusesWhatIsCutOff) {
  const std::string bytes = SomeGlb();
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(GlbFile::Parse(bytes.substr(0, size)).ok()) << size;
  }
}

TEST(GlbFile, RefusesAccessorsThatLeaveTheFile) {
  const auto floats = [](auto change) {
    const std::string bytes = Changed(SomeGlb(), change);
    const auto file = GlbFile::Parse(bytes);
    EXPECT_TRUE(file.ok()) << file.status();
    return file->Floats(0, 3).status();
  };
  const double kHuge[] = {3, 1e9, 9e15, 1e300};
  for (const double huge : kHuge) {
    EXPECT_FALSE(
        floats([=](Json& j) { j["accessors"][0]["count"] = huge; }).ok());
    EXPECT_FALSE(
        floats([=](Json& j) { j["accessors"][0]["byteOffset"] = huge; }).ok());
    EXPECT_FALSE(
        floats([=](Json& j) { j["accessors"][0]["bufferView"] = huge; }).ok());
    EXPECT_FALSE(floats([=](Json& j) {
                   j["bufferViews"][0]["byteLength"] = huge + 200;
                 }).ok());
    EXPECT_FALSE(floats([=](Json& j) {
                   j["bufferViews"][0]["byteOffset"] = huge + 200;
                 }).ok());
    EXPECT_FALSE(floats([=](Json& j) {
                   j["bufferViews"][0]["byteStride"] = huge + 20;
                 }).ok());
  }
  EXPECT_FALSE(
      floats([](Json& j) { j["bufferViews"][0]["byteStride"] = 0; }).ok());
  EXPECT_FALSE(floats([](Json& j) { j["accessors"] = "none"; }).ok());
  EXPECT_FALSE(floats([](Json& j) { j["bufferViews"] = Json::object(); }).ok());
  EXPECT_FALSE(
      floats([](Json& j) { j["buffers"][0]["uri"] = "other.bin"; }).ok());
  EXPECT_FALSE(floats([](Json& j) {
                 j["accessors"][0]["sparse"] = Json::object();
               }).ok());
  EXPECT_TRUE(floats([](Json&) {}).ok());
}

TEST(GlbFile, SurvivesDeepNesting) {
  std::string text = "{\"a\":" + std::string(200000, '[');
  std::string bytes = SomeGlb();
  bytes.resize(20);
  bytes += text;
  const auto put = [&bytes](size_t at, size_t value) {
    for (int i = 0; i < 4; ++i) {
      bytes[at + i] = static_cast<char>(value >> (8 * i) & 255);
    }
  };
  put(8, bytes.size());
  put(12, text.size());
  const auto file = GlbFile::Parse(bytes);
  EXPECT_TRUE(absl::StrContains(file.status().message(), "JSON"))
      << file.status();
}

}  // namespace
}  // namespace dg4d
