#include "dg4d/diffusion/weight_folder.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>

#include <filesystem>
#include <string>

#include "dg4d/base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d::diffusion {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kFile[] = "diffusion_pytorch_model.safetensors";
constexpr char kIndexFile[] = "diffusion_pytorch_model.safetensors.index.json";

// An empty folder of the running test's own.
class WeightFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() +
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }

  void Write(const std::string& file,
             std::map<std::string, at::Tensor> tensors) {
    ASSERT_TRUE(
        WriteSafeTensors({.tensors = std::move(tensors)}, folder_ + "/" + file)
            .ok());
  }
  void WriteText(const std::string& file, const std::string& text) {
    ASSERT_TRUE(WriteFileAtomically(folder_ + "/" + file, text).ok());
  }

  std::string Found(const std::string& variant = "") {
    const auto file = FindWeightFile(folder_, variant);
    return file.ok() ? std::filesystem::path(*file).filename().string()
                     : std::string(file.status().message());
  }
  std::string Error() {
    return std::string(WeightFolder::Open(folder_).status().message());
  }

  std::string folder_;
};

const at::Tensor& One() {
  static const auto& one = *new at::Tensor(at::ones({1}));
  return one;
}

TEST_F(WeightFolderTest, PrefersTheVariantThatWasAskedFor) {
  Write("model.fp16.safetensors", {{"a", One()}});
  EXPECT_EQ(Found(), "model.fp16.safetensors");  // the only one there is
  Write("model.fp16_ema.safetensors", {{"a", One()}});
  EXPECT_THAT(Found(), HasSubstr("variants fp16, fp16_ema; say which"));
  EXPECT_EQ(Found("fp16_ema"), "model.fp16_ema.safetensors");
  EXPECT_THAT(Found("bf16"), HasSubstr("fp16, fp16_ema, not bf16"));
  Write("model.safetensors", {{"a", One()}});
  EXPECT_EQ(Found(), "model.safetensors");
  EXPECT_EQ(Found("fp16"), "model.fp16.safetensors");
  EXPECT_EQ(Found("bf16"), "model.safetensors");
}

TEST_F(WeightFolderTest, RefusesPicklesWithAdvice) {
  WriteText("diffusion_pytorch_model.bin", "\x80\x02");
  EXPECT_THAT(Error(), AllOf(HasSubstr(folder_),
                             HasSubstr("diffusion_pytorch_model.bin, a pickle"),
                             HasSubstr("safe_serialization=True")));
  Write(kFile, {{"a", One()}});
  EXPECT_EQ(Found(), kFile);
}

TEST_F(WeightFolderTest, SaysWhatAnEmptyFolderShouldHold) {
  EXPECT_THAT(Error(), HasSubstr(kFile));
  EXPECT_EQ(WeightFolder::Open(folder_ + "/none").status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(WeightFolderTest, CountsWhatItHolds) {
  Write(kFile, {{"a", at::ones({2, 3}, at::kHalf)},
                {"b", at::ones({4})},
                {"position_ids", at::arange(5, at::kLong)}});
  const auto weights = WeightFolder::Open(folder_);
  ASSERT_TRUE(weights.ok()) << weights.status();
  EXPECT_EQ(weights->Parameters(), 10);
  EXPECT_EQ(weights->Bytes(), 12u + 16u + 40u);
  EXPECT_EQ(weights->Types(),
            (std::map<at::ScalarType, int64_t>{
                {at::kHalf, 6}, {at::kFloat, 4}, {at::kLong, 5}}));
}

TEST_F(WeightFolderTest, ReadsShards) {
  Write("part1.safetensors", {{"a", at::ones({2})}});
  Write("part2.safetensors", {{"b", at::arange(3, at::kFloat)}});
  WriteText(kIndexFile,
            R"({"metadata": {"total_size": 20}, "weight_map":
                {"a": "part1.safetensors", "b": "part2.safetensors"}})");
  const auto weights = WeightFolder::Open(folder_);
  ASSERT_TRUE(weights.ok()) << weights.status();
  EXPECT_THAT(weights->path(), EndsWith(kIndexFile));
  EXPECT_TRUE(weights->Get("a").equal(at::ones({2})));
  EXPECT_TRUE(weights->Get("b").equal(at::arange(3, at::kFloat)));
}

TEST_F(WeightFolderTest, RefusesShardsThatDoNotFitTheirIndex) {
  const auto index = [&](const std::string& map) {
    WriteText(kIndexFile, R"({"weight_map": )" + map + "}");
    return Error();
  };
  Write("1.safetensors", {{"a", One()}});
  Write("2.safetensors", {{"a", One()}, {"b", One()}});
  EXPECT_THAT(index(R"({"a": "1.safetensors", "c": "1.safetensors"})"),
              HasSubstr("lacks 'c'"));
  EXPECT_THAT(index(R"({"b": "2.safetensors"})"),
              HasSubstr("holds 'a', which is not listed"));
  EXPECT_THAT(index(R"({"a": "gone.safetensors"})"), HasSubstr("gone"));
  EXPECT_THAT(index(R"({"a": "../1.safetensors"})"),
              HasSubstr("the shard of 'a'"));
  EXPECT_THAT(index(R"({"a": 7})"), HasSubstr("the shard of 'a'"));
  EXPECT_THAT(index("[]"), HasSubstr("no weight_map"));
  WriteText(kIndexFile, "{");
  EXPECT_THAT(Error(), HasSubstr("no weight_map"));
}

TEST_F(WeightFolderTest, NamesEveryTensorThatDoesNotFit) {
  Write(kFile, {{"same", at::ones({2, 3})},
                {"shape", at::ones({2, 2})},
                {"kind", at::ones({2}, at::kLong)},
                {"extra.weight", One()},
                {"text_model.weight", One()}});
  const auto folder = WeightFolder::Open(folder_);
  ASSERT_TRUE(folder.ok());
  FolderWeights source(*folder, {.dialect = {.ignored = {"text_model."}}});
  source.Take("same", {2, 3});
  source.Take("kind", {2});
  const at::Tensor misfit = source.Take("shape", {3, 2});
  EXPECT_TRUE(misfit.is_meta());
  EXPECT_EQ(misfit.sizes(), at::IntArrayRef({3, 2}));
  EXPECT_TRUE(source.Take("gone", {7}).is_meta());
  const absl::Status status = source.Finish();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(folder_ + "/" + kFile), HasSubstr("1 missing"),
                    HasSubstr("gone [7]"),
                    HasSubstr("shape is [2, 2] instead of "
                              "[3, 2]"),
                    HasSubstr("kind holds Long"), HasSubstr("extra.weight"),
                    Not(HasSubstr("text_model")), Not(HasSubstr("same"))));
}

TEST_F(WeightFolderTest, KnowsOldNamesOfAttention) {
  const std::string old = "mid_block.attentions.0.";
  Write(kFile, {{old + "query.weight", at::ones({2, 2, 1, 1})},
                {old + "proj_attn.bias", at::ones({2})}});
  const auto folder = WeightFolder::Open(folder_);
  ASSERT_TRUE(folder.ok());
  const WeightDialect dialect = {
      .aliases = {{"to_q", "query"}, {"to_out.0", "proj_attn"}}};
  FolderWeights source(*folder, {.dialect = dialect});
  EXPECT_TRUE(source.Take(old + "to_q.weight", {2, 2}).equal(at::ones({2, 2})));
  EXPECT_TRUE(source.Take(old + "to_out.0.bias", {2}).equal(at::ones({2})));
  EXPECT_TRUE(source.Finish().ok()) << source.Finish();
  FolderWeights strict(*folder, {});
  EXPECT_TRUE(strict.Take(old + "to_q.weight", {2, 2}).is_meta());
  EXPECT_FALSE(strict.Finish().ok());
}

TEST_F(WeightFolderTest, ConvertsTypes) {
  for (const auto stored : {at::kHalf, at::kBFloat16, at::kFloat}) {
    Write(kFile, {{"a", at::arange(4, at::kFloat).to(stored)}});
    const auto folder = WeightFolder::Open(folder_);
    ASSERT_TRUE(folder.ok());
    FolderWeights as_stored(*folder, {});
    EXPECT_EQ(as_stored.Take("a", {4}).scalar_type(), stored);
    FolderWeights converted(*folder, {.type = at::kFloat});
    EXPECT_TRUE(converted.Take("a", {4}).equal(at::arange(4, at::kFloat)));
  }
}

}  // namespace
}  // namespace dg4d::diffusion
