#include "dg4d/core/state_archive.h"

#include <ATen/ops/arange.h>

#include "dg4d/base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

struct State {
  at::Tensor tensor, undefined;
  int64_t step = 0;
  double rate = 0;
  std::vector<double> numbers;
  std::vector<int64_t> counts;
  at::Generator generator = MakeGenerator(1, "x");

  void Visit(StateArchive& archive) {
    archive("tensor", tensor);
    archive("undefined", undefined);
    archive("step", step);
    archive("rate", rate);
    archive("numbers", numbers);
    archive("counts", counts);
    archive("generator", generator);
  }
};

TEST(StateArchive, RestoresWhatItSaved) {
  State saved;
  saved.tensor = at::arange(4);
  saved.step = int64_t{1} << 60;
  saved.rate = 0.1;
  saved.numbers = {1, 2.5};
  saved.counts = {3};
  Uniform({5}, 0, 1, saved.generator);
  StateArchive archive;
  saved.Visit(archive);
  const double next = UniformNumber(0, 1, saved.generator);

  State restored;
  restored.undefined = at::arange(2);
  StateArchive again(archive.tensors());
  restored.Visit(again);
  ASSERT_TRUE(again.status().ok()) << again.status();
  EXPECT_TRUE(restored.tensor.equal(saved.tensor));
  EXPECT_FALSE(restored.undefined.defined());
  EXPECT_EQ(restored.step, saved.step);
  EXPECT_EQ(restored.rate, 0.1);
  EXPECT_EQ(restored.numbers, saved.numbers);
  EXPECT_EQ(restored.counts, saved.counts);
  EXPECT_EQ(UniformNumber(0, 1, restored.generator), next);
}

TEST(StateArchive, KeepsACopy) {
  at::Tensor tensor = at::arange(4);
  StateArchive archive;
  archive("t", tensor);
  tensor.zero_();
  EXPECT_TRUE(archive.tensors().at("t").equal(at::arange(4)));
}

TEST(StateArchive, NamesWhatIsMissing) {
  StateArchive empty{std::map<std::string, at::Tensor>()};
  int64_t step = 3;
  empty("step", step);
  EXPECT_EQ(step, 3);
  EXPECT_EQ(empty.status().message(), "'step' is missing");
}

}  // namespace
}  // namespace dg4d
