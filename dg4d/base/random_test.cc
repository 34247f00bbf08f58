#include "dg4d/base/random.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>

#include <set>

#include "gtest/gtest.h"

namespace dg4d {
namespace {

TEST(Random, SameSeedAndNameGiveTheSameNumbers) {
  at::Generator a = MakeGenerator(7, "static"), b = MakeGenerator(7, "static");
  EXPECT_TRUE(Normal({33}, a).equal(Normal({33}, b)));
  EXPECT_EQ(UniformNumber(0, 1, a), UniformNumber(0, 1, b));
}

TEST(Random, NamesAndSeedsGiveUnrelatedStreams) {
  std::set<double> first;
  for (const uint64_t seed : {0, 1, 2}) {
    for (const char* name : {"static", "dynamic", ""}) {
      at::Generator generator = MakeGenerator(seed, name);
      first.insert(UniformNumber(0, 1, generator));
    }
  }
  EXPECT_EQ(first.size(), 9u);
}

TEST(Random, LeavesTheGlobalGeneratorAlone) {
  const at::Tensor before = at::detail::getDefaultCPUGenerator().get_state();
  at::Generator generator = MakeGenerator(1, "x");
  Uniform({4}, 0, 1, generator);
  UniformInteger(0, 9, generator);
  EXPECT_TRUE(before.equal(at::detail::getDefaultCPUGenerator().get_state()));
}

TEST(Random, IntegersCoverTheirRangeOnly) {
  at::Generator generator = MakeGenerator(3, "x");
  std::set<int64_t> seen;
  for (int i = 0; i < 200; ++i) seen.insert(UniformInteger(-2, 3, generator));
  EXPECT_EQ(seen, (std::set<int64_t>{-2, -1, 0, 1, 2}));
  EXPECT_EQ(UniformInteger(5, 5, generator), 5);
}

TEST(Random, NormalHasUnitVariance) {
  at::Generator generator = MakeGenerator(5, "x");
  const at::Tensor x = Normal({20000}, generator);
  EXPECT_NEAR(x.mean().item<double>(), 0, 0.03);
  EXPECT_NEAR(x.var().item<double>(), 1, 0.05);
}

}  // namespace
}  // namespace dg4d
