#include "dg4d/base/parallel.h"

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

// Also leaves the number of threads as the next test expects it.
class ParallelFor_ : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { SetThreads(GetParam()); }
  void TearDown() override { SetThreads(1); }
};

TEST_P(ParallelFor_, VisitsEveryItemOnce) {
  std::vector<std::atomic<int>> visits(1001);
  ParallelFor(1001, 7, [&](int64_t begin, int64_t end) {
    EXPECT_EQ(begin % 7, 0);
    EXPECT_LE(end - begin, 7);
    for (int64_t i = begin; i < end; ++i) ++visits[i];
  });
  for (const auto& count : visits) EXPECT_EQ(count, 1);
}

TEST_P(ParallelFor_, DoesNothingForNoItems) {
  ParallelFor(0, 4, [](int64_t, int64_t) { FAIL(); });
}

TEST_P(ParallelFor_, ThrowsWhatTheFirstFailingChunkThrew) {
  for (int repeat = 0; repeat < 20; ++repeat) {
    try {
      ParallelFor(64, 1, [](int64_t begin, int64_t) {
        if (begin >= 5) throw std::runtime_error(std::to_string(begin));
      });
      FAIL() << "nothing was thrown";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "5");
    }
  }
}

TEST_P(ParallelFor_, RunsInnerLoopsInPlace) {
  std::vector<int64_t> sums(8);
  ParallelFor(8, 1, [&](int64_t outer, int64_t) {
    ParallelFor(10, 3, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) sums[outer] += i;
    });
  });
  EXPECT_THAT(sums, testing::Each(45));
}

TEST_P(ParallelFor_, ServesSeveralCallersAtOnce) {
  std::atomic<int> total = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 3; ++i) {
    callers.emplace_back(
        [&] { ParallelFor(100, 1, [&](int64_t, int64_t) { ++total; }); });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(total, 300);
}

INSTANTIATE_TEST_SUITE_P(Threads, ParallelFor_, testing::Values(1, 2, 5));

TEST(Parallel, UsesOneThreadAtLeast) {
  SetThreads(-3);
  EXPECT_EQ(Threads(), 1);
}

}  // namespace
}  // namespace dg4d
