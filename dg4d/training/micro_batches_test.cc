#include "dg4d/training/micro_batches.h"

#include <c10/util/Exception.h>

#include <new>
#include <stdexcept>
#include <utility>
#include <vector>

#include "dg4d/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

// A device with memory for so many items.
struct Device {
  void Run(int64_t begin, int64_t end) {
    ++calls;
    TORCH_CHECK_WITH(OutOfMemoryError, end - begin <= fits,
                     "CUDA out of memory.");
    done.emplace_back(begin, end);
  }

  int64_t fits;
  int calls = 0;
  std::vector<std::pair<int64_t, int64_t>> done;
};

TEST(MicroBatches, CoverAllItemsInOrder) {
  MicroBatches batches("micro_batch", 4);
  Device device = {.fits = 100};
  batches.ForEach(10, [&](int64_t a, int64_t b) { device.Run(a, b); });
  EXPECT_THAT(device.done, ElementsAre(Pair(0, 4), Pair(4, 8), Pair(8, 10)));
  EXPECT_THAT(batches.TakeWarnings(), IsEmpty());
  batches.ForEach(0, [&](int64_t a, int64_t b) { device.Run(a, b); });
  EXPECT_EQ(device.calls, 3);
}

TEST(MicroBatches, AreHalvedWhereMemoryRunsOut) {
  MicroBatches batches("micro_batch", 8);
  Device device = {.fits = 3};
  batches.ForEach(9, [&](int64_t a, int64_t b) { device.Run(a, b); });
  EXPECT_THAT(device.done, ElementsAre(Pair(0, 2), Pair(2, 4), Pair(4, 6),
                                       Pair(6, 8), Pair(8, 9)));
  EXPECT_EQ(device.calls, 2 + 5);
  const auto warnings = batches.TakeWarnings();
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("micro_batch: 8;"));
  EXPECT_THAT(warnings[0], HasSubstr("goes on, with 2"));

  // It remembers, and does not say so again.
  device.done.clear();
  batches.ForEach(4, [&](int64_t a, int64_t b) { device.Run(a, b); });
  EXPECT_THAT(device.done, ElementsAre(Pair(0, 2), Pair(2, 4)));
  EXPECT_THAT(batches.TakeWarnings(), IsEmpty());
}

TEST(MicroBatches, OfSizeZeroAreAllAtOnceUntilMemoryRunsOut) {
  MicroBatches batches("micro_batch", 0);
  Device device = {.fits = 56};
  const auto work = [&](int64_t a, int64_t b) { device.Run(a, b); };
  batches.ForEach(16, work);
  batches.ForEach(56, work);
  EXPECT_THAT(device.done, ElementsAre(Pair(0, 16), Pair(0, 56)));
  EXPECT_THAT(batches.TakeWarnings(), IsEmpty());
  device = {.fits = 30};
  batches.ForEach(56, work);
  EXPECT_THAT(device.done, ElementsAre(Pair(0, 28), Pair(28, 56)));
  const auto warnings = batches.TakeWarnings();
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("micro_batch: 0 (all 56 at once);"));
  EXPECT_THAT(warnings[0], HasSubstr("goes on, with 28"));
}

TEST(MicroBatches, DoAgainOnlyWhatFailed) {
  MicroBatches batches("micro_batch", 4);
  Device device = {.fits = 4};
  batches.ForEach(12, [&](int64_t a, int64_t b) {
    if (a == 4) device.fits = 1;  // someone else takes the memory
    device.Run(a, b);
  });
  EXPECT_THAT(
      device.done,
      ElementsAre(Pair(0, 4), Pair(4, 5), Pair(5, 6), Pair(6, 7), Pair(7, 8),
                  Pair(8, 9), Pair(9, 10), Pair(10, 11), Pair(11, 12)));
}

TEST(MicroBatches, FailForOneItemWithAdvice) {
  MicroBatches batches("micro_batch", 4);
  Device device = {.fits = 0};
  const absl::Status status = CatchExceptions([&] {
    batches.ForEach(4, [&](int64_t a, int64_t b) { device.Run(a, b); });
    return absl::OkStatus();
  });
  EXPECT_EQ(device.calls, 3);  // for 4, 2 and 1
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("n_views"));
}

TEST(MicroBatches, PassOtherErrorsOn) {
  MicroBatches batches("micro_batch", 4);
  int calls = 0;
  EXPECT_THROW(batches.ForEach(4,
                               [&](int64_t, int64_t) {
                                 ++calls;
                                 throw std::runtime_error("sizes differ");
                               }),
               std::runtime_error);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(batches.size(), 4);
}

TEST(MicroBatches, TakeTheHostsMemoryForMemoryToo) {
  MicroBatches batches("micro_batch", 2);
  std::vector<int64_t> done;
  batches.ForEach(2, [&](int64_t begin, int64_t end) {
    if (end - begin > 1) throw std::bad_alloc();
    done.push_back(begin);
  });
  EXPECT_THAT(done, ElementsAre(0, 1));
}

}  // namespace
}  // namespace dg4d
