#include "dg4d/base/safetensors.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <random>

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

TEST(SafeTensors, RefusesNamesThatComeTwice) {
  const std::string entry =
      R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  EXPECT_THAT(ErrorOf(Bytes("{" + entry + "," + entry + "}", 1)),
              HasSubstr("names 'a' twice"));
  EXPECT_THAT(ErrorOf(Bytes(R"({"a":{"dtype":"U8","shape":[1],)"
                            R"("shape":[1],"data_offsets":[0,1]}})",
                            1)),
              HasSubstr("names 'shape' twice"));
  // The same word inside two entries is no repetition.
  EXPECT_TRUE(ParseSafeTensors(Bytes("{" + entry +
                                         R"(,"b":{"dtype":"U8","shape":[1],)"
                                         R"("data_offsets":[1,2]}})",
                                     2),
                               "f")
                  .ok());
}

TEST(SafeTensors, RefusesEntriesWithMoreThanTheFormatKnows) {
  EXPECT_THAT(ErrorOf(Bytes(R"({"a":{"dtype":"U8","shape":[1],)"
                            R"("data_offsets":[0,1],"stride":[1]}})",
                            1)),
              HasSubstr("malformed"));
  EXPECT_THAT(ErrorOf(Bytes(R"({"a":{"dtype":"U8","shape":)"
                            R"([1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}})",
                            1)),
              HasSubstr("malformed"));
}

TEST(SafeTensors, SurvivesDeepNesting) {
  EXPECT_FALSE(ParseSafeTensors(Bytes(std::string(100000, '['), 0), "f").ok());
}

// Hostile files made from a sound one. The sanitizers (--config=asan) see what
// a plain run survives by luck; DG4D_FUZZ_SECONDS makes it go on by hand.
TEST(SafeTensors, SurvivesFilesThatWereTamperedWith) {
  SafeTensors content;
  content.metadata = {{"format", "pt"}};
  content.tensors["weight"] = at::ones({2, 3}, at::kHalf);
  content.tensors["bias"] = at::ones({3}, at::kFloat);
  content.tensors["empty"] = at::ones({0}, at::kFloat);
  ASSERT_TRUE(WriteSafeTensors(content, Path("sound")).ok());
  const std::string sound = ReadFile(Path("sound")).value();
  const std::vector<std::string> words = {"{",
                                          "}",
                                          "[",
                                          "]",
                                          ":",
                                          ",",
                                          "\"",
                                          "-1",
                                          "0",
                                          "1e9",
                                          "null",
                                          "[[[[[",
                                          "F64",
                                          "BF16",
                                          "\"a\":{",
                                          "18446744073709551615",
                                          "shape",
                                          "data_offsets",
                                          "__metadata__",
                                          std::string("\0", 1)};
  const char* seconds = std::getenv("DG4D_FUZZ_SECONDS");
  const auto end = std::chrono::steady_clock::now() +
                   std::chrono::seconds(seconds ? std::atoi(seconds) : 0);
  std::mt19937_64 random(1);
  const auto below = [&](size_t n) { return random() % n; };
  int64_t accepted = 0;
  for (int64_t run = 0; run < 20000 || std::chrono::steady_clock::now() < end;
       ++run) {
    std::string bytes = sound;
    for (size_t edits = 1 + below(4); edits > 0; --edits) {
      const size_t at = below(bytes.size());
      const size_t length = std::min(below(12), bytes.size() - at);
      switch (below(5)) {
        case 0:
          bytes[at] = static_cast<char>(below(256));
          break;
        case 1:
          bytes.erase(at, length);
          break;
        case 2:
          bytes.insert(at, words[below(words.size())]);
          break;
        case 3:
          bytes.insert(below(bytes.size()), bytes.substr(at, length));
          break;
        default:
          bytes[at % 9] = static_cast<char>(below(256));
      }
      if (bytes.size() < 9) bytes = sound;
    }
    // Half of them keep a header length that fits, to get behind it.
    if (below(2) == 0) {
      const size_t close = bytes.rfind('}');
      if (close != std::string::npos && close > 8) {
        const uint64_t size = close - 7;
        std::memcpy(bytes.data(), &size, 8);
      }
    }
    const auto parsed = ParseSafeTensors(bytes, "f");
    if (parsed.ok()) {
      ++accepted;
      for (const auto& [name, tensor] : parsed->tensors) {
        ASSERT_LE(tensor.nbytes(), bytes.size()) << name;
      }
    } else {
      ASSERT_EQ(parsed.status().code(), absl::StatusCode::kDataLoss);
    }
  }
  // Some edits only change a name or a number: else nothing got far.
  EXPECT_GT(accepted, 100);
}

TEST(MappedSafeTensors, GivesTheTensorsOfTheFile) {
  SafeTensors content;
  content.metadata = {{"format", "pt"}};
  content.tensors["a"] = at::arange(12, at::kFloat).view({3, 4});
  content.tensors["b"] = at::arange(5, at::kInt).to(at::kBFloat16);
  content.tensors["none"] = at::empty({0, 3}, at::kFloat);
  content.tensors["scalar"] = at::ones({}, at::kLong);
  ASSERT_TRUE(WriteSafeTensors(content, Path("mapped")).ok());
  at::Tensor kept;
  {
    const auto mapped = MappedSafeTensors::Open(Path("mapped"));
    ASSERT_TRUE(mapped.ok()) << mapped.status();
    EXPECT_EQ(mapped->metadata(), content.metadata);
    ASSERT_EQ(mapped->entries().size(), content.tensors.size());
    EXPECT_EQ(mapped->entries().at("a").shape, (std::vector<int64_t>{3, 4}));
    for (const auto& [name, tensor] : content.tensors) {
      EXPECT_EQ(mapped->Get(name).scalar_type(), tensor.scalar_type());
      EXPECT_TRUE(mapped->Get(name).equal(tensor)) << name;
    }
    kept = mapped->Get("a");
  }
  EXPECT_TRUE(kept.equal(content.tensors.at("a")));  // holds the mapping
}

TEST(MappedSafeTensors, ReadsDataThatOldWritersLeftUnaligned) {
  const std::string header =
      R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  std::string bytes =
      Bytes(header + std::string(header.size() % 2 ? 2 : 1, ' '), 0);
  ASSERT_EQ(bytes.size() % 2, 1u);
  const float values[] = {1.5f, -2.0f};
  bytes.append(reinterpret_cast<const char*>(values), 8);
  ASSERT_TRUE(WriteFileAtomically(Path("odd"), bytes).ok());
  const auto mapped = MappedSafeTensors::Open(Path("odd"));
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  const at::Tensor a = mapped->Get("a");
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a.const_data_ptr()) % 4, 0u);
  EXPECT_EQ(a[0].item<float>(), 1.5f);
  EXPECT_EQ(a[1].item<float>(), -2.0f);
}

TEST(MappedSafeTensors, SaysWhatItCannotOpen) {
  const auto open = [](const std::string& path) {
    return MappedSafeTensors::Open(path).status();
  };
  EXPECT_EQ(open(Path("absent")).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(open(testing::TempDir()).code(),
            absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(WriteFileAtomically(Path("void"), "").ok());
  EXPECT_EQ(open(Path("void")).code(), absl::StatusCode::kDataLoss);
  ASSERT_TRUE(WriteFileAtomically(Path("cut"), Bytes("{", 0)).ok());
  const absl::Status cut = open(Path("cut"));
  EXPECT_EQ(cut.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(cut.message()), HasSubstr(Path("cut")));
}

}  // namespace
}  // namespace dg4d
