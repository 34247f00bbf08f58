#include "dg4d/base/safetensors.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>

#include <cstring>

#include "dg4d/base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using ::testing::HasSubstr;

std::string Path(const std::string& name) { return testing::TempDir() + name; }

// A file of this header and `data_size` bytes of data.
std::string Bytes(const std::string& header, size_t data_size) {
  const uint64_t size = header.size();
  std::string bytes(reinterpret_cast<const char*>(&size), 8);
  return bytes + header + std::string(data_size, '\1');
}

std::string ErrorOf(const std::string& bytes) {
  const absl::Status status = ParseSafeTensors(bytes, "f").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  return std::string(status.message());
}

TEST(SafeTensors, ReadsBackWhatItWrites) {
  SafeTensors content;
  content.metadata = {{"step", "12"}};
  for (const auto type :
       {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kInt,
        at::kShort, at::kChar, at::kByte, at::kBool}) {
    content.tensors[at::toString(type)] =
        at::arange(6, at::kInt).view({2, 3}).to(type);
  }
  content.tensors["scalar"] = at::ones({}, at::kLong);
  content.tensors["nothing"] = at::empty({0, 3}, at::kFloat);
  ASSERT_TRUE(WriteSafeTensors(content, Path("all.safetensors")).ok());

  const auto read = ReadSafeTensors(Path("all.safetensors"));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->metadata, content.metadata);
  ASSERT_EQ(read->tensors.size(), content.tensors.size());
  for (const auto& [name, tensor] : content.tensors) {
    EXPECT_EQ(read->tensors.at(name).scalar_type(), tensor.scalar_type());
    EXPECT_TRUE(read->tensors.at(name).equal(tensor)) << name;
  }
}

TEST(SafeTensors, EqualContentGivesEqualBytes) {
  const at::Tensor x = at::arange(12, at::kFloat).view({3, 4});
  const SafeTensors a = {.tensors = {{"b", x.t().contiguous()}, {"a", x}}};
  const SafeTensors b = {.tensors = {{"a", x.clone()}, {"b", x.t()}}};
  ASSERT_TRUE(WriteSafeTensors(a, Path("1")).ok());
  ASSERT_TRUE(WriteSafeTensors(b, Path("2")).ok());
  EXPECT_EQ(ReadFile(Path("1")).value(), ReadFile(Path("2")).value());
}

TEST(SafeTensors, RefusesWhatIsTruncated) {
  ASSERT_TRUE(
      WriteSafeTensors({.tensors = {{"a", at::ones({9})}}}, Path("t")).ok());
  const std::string whole = ReadFile(Path("t")).value();
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(ParseSafeTensors(whole.substr(0, size), "f").ok()) << size;
  }
}

TEST(SafeTensors, NamesWhatIsWrong) {
  EXPECT_THAT(ErrorOf(Bytes("[]", 0)), HasSubstr("no JSON map"));
  EXPECT_THAT(ErrorOf(Bytes("{nonsense", 0)), HasSubstr("no JSON map"));
  EXPECT_THAT(
      ErrorOf(
          Bytes(R"({"a":{"dtype":"Q4","shape":[],"data_offsets":[0,4]}})", 4)),
      HasSubstr("unknown type Q4"));
  EXPECT_THAT(
      ErrorOf(Bytes(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})",
                    4)),
      HasSubstr("'a' has 4 bytes where its shape needs 8"));
  EXPECT_THAT(
      ErrorOf(Bytes(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                    R"("b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
                    4)),
      HasSubstr("overlaps"));
  EXPECT_THAT(
      ErrorOf(Bytes(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                    8)),
      HasSubstr("hole"));
  EXPECT_THAT(
      ErrorOf(Bytes(R"({"a":{"dtype":"F32","shape":[9223372036854775807,)"
                    R"(9223372036854775807],"data_offsets":[0,4]}})",
                    4)),
      HasSubstr("impossibly large"));
  EXPECT_THAT(ErrorOf(Bytes(R"({"a":{"dtype":"F32","shape":[-1],)"
                            R"("data_offsets":[0,4]}})",
                            4)),
              HasSubstr("malformed"));
  EXPECT_THAT(ErrorOf(std::string(8, '\xff')), HasSubstr("truncated"));
}

TEST(SafeTensors, SurvivesDeepNesting) {
  EXPECT_FALSE(ParseSafeTensors(Bytes(std::string(100000, '['), 0), "f").ok());
}

}  // namespace
}  // namespace dg4d
