#include "dg4d/core/options.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Inner {
  double rate = 0.5;
  template <typename V>
  void Visit(V& v) {
    v("rate", rate, "A rate.");
  }
};

struct Options {
  bool on = true;
  int iterations = 500;
  float weight = 0.1f;
  std::string name = "x";
  std::string mode = "fast";
  std::vector<int> sizes = {128, 256};
  std::vector<Inner> inners;
  Inner inner;
  Schedule schedule = {1e-3, 2e-5, 500};

  template <typename V>
  void Visit(V& v) {
    v("on", on, "A switch.");
    v("iterations", iterations, "Steps.");
    v("weight", weight, "A weight.");
    v("name", name, "A name.");
    v("mode", mode, {"fast", "exact"}, "How.");
    v("sizes", sizes, "Sizes.");
    v("inners", inners, "Several.");
    v("inner", inner, "One.");
    v("schedule", schedule, "Rates.");
  }
  absl::Status Validate() const {
    if (iterations < 0) {
      return absl::InvalidArgumentError("'iterations' must not be negative");
    }
    return absl::OkStatus();
  }
};

absl::StatusOr<Options> Read(const std::string& yaml) {
  const auto node = ParseYaml(yaml, "f.yaml");
  if (!node.ok()) return node.status();
  return ReadOptions<Options>(*node);
}

std::string ErrorOf(const std::string& yaml) {
  const absl::Status status = Read(yaml).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << yaml;
  return std::string(status.message());
}

TEST(Options, KeepDefaultsOfWhatIsNotGiven) {
  const auto options = Read("iterations: 7\nsizes: [1]\ninner: {rate: 2}\n");
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->iterations, 7);
  EXPECT_THAT(options->sizes, ElementsAre(1));
  EXPECT_EQ(options->inner.rate, 2);
  EXPECT_EQ(options->mode, "fast");
  EXPECT_TRUE(Read("").ok());
}

TEST(Options, NameTheNearestOfAnUnknownKeyAndItsLine) {
  EXPECT_THAT(ErrorOf("on: false\nitertions: 5\n"),
              HasSubstr("f.yaml:2: unknown option 'itertions' (did you mean "
                        "'iterations'?)"));
}

TEST(Options, ReportAllErrorsAtOnce) {
  const std::string message = ErrorOf(
      "on: 3\niterations: many\nmode: fats\nnmae: x\nsizes: 5\n"
      "inner: {rtae: 1}\ninners: [{rate: x}]\n");
  EXPECT_THAT(message, HasSubstr("f.yaml:1: expected true or false"));
  EXPECT_THAT(message, HasSubstr("f.yaml:2: expected a whole number, found "
                                 "'many'"));
  EXPECT_THAT(message, HasSubstr("did you mean 'fast'"));
  EXPECT_THAT(message, HasSubstr("did you mean 'name'"));
  EXPECT_THAT(message, HasSubstr("f.yaml:5: expected a list"));
  EXPECT_THAT(message, HasSubstr("did you mean 'rate'"));
  EXPECT_THAT(message, HasSubstr("f.yaml:7: expected a number"));
}

TEST(Options, RefuseWhatIsOutOfRange) {
  EXPECT_THAT(ErrorOf("iterations: 3000000000"), HasSubstr("out of range"));
  EXPECT_THAT(ErrorOf("weight: .inf"), HasSubstr("expected a number"));
  EXPECT_THAT(ErrorOf("iterations: -1"), HasSubstr("must not be negative"));
  EXPECT_THAT(ErrorOf("[1]"), HasSubstr("expected options"));
}

TEST(Options, WriteWhatTheyRead) {
  auto options = Read("inners: [{rate: 1}, {}]\nweight: 0.3\nname: ''\n");
  ASSERT_TRUE(options.ok()) << options.status();
  const ConfigNode written = WriteOptions(*options);
  const auto again = Read(ToYaml(written));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(WriteOptions(*again) == written) << ToYaml(written);
  EXPECT_EQ(again->weight, 0.3f);
  EXPECT_EQ(again->inners.size(), 2u);
}

TEST(Options, DescribeThemselves) {
  const auto described = DescribeOptions<Options>();
  ASSERT_EQ(described.size(), 11u);
  EXPECT_EQ(described[0].name, "on");
  EXPECT_EQ(described[0].type, "bool");
  EXPECT_EQ(described[0].default_value, "true");
  EXPECT_EQ(described[4].type, "choice");
  EXPECT_THAT(described[4].choices, ElementsAre("fast", "exact"));
  EXPECT_EQ(described[5].type, "list of int");
  EXPECT_EQ(described[5].default_value, "[128, 256]");
  EXPECT_EQ(described[7].name, "inner.rate");
  EXPECT_EQ(described[8].name, "schedule.from");
  EXPECT_EQ(described[8].default_value, "0.001");
}

TEST(Schedule, GoesExponentiallyBetweenPositiveValues) {
  const Schedule schedule = {1e-2, 1e-4, 100};
  EXPECT_DOUBLE_EQ(schedule.At(0), 1e-2);
  EXPECT_NEAR(schedule.At(50), 1e-3, 1e-12);
  EXPECT_NEAR(schedule.At(100), 1e-4, 1e-15);
  EXPECT_NEAR(schedule.At(1000), 1e-4, 1e-15);
}

TEST(Schedule, GoesLinearlyFromOrToZero) {
  EXPECT_DOUBLE_EQ((Schedule{0, 4, 10}).At(5), 2);
  EXPECT_DOUBLE_EQ((Schedule{4, 0, 0}).At(0), 0);
}

}  // namespace
}  // namespace dg4d
