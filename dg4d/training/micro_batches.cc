#include "dg4d/training/micro_batches.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dg4d/base/status.h"

namespace dg4d {
namespace {

// Whether it was done; false if memory ran out and `may_fail`.
bool TryWork(int64_t begin, int64_t end, bool may_fail,
             absl::FunctionRef<void(int64_t, int64_t)> work) {
  try {
    work(begin, end);
    return true;
  } catch (const std::exception& error) {
    if (!may_fail || !IsOutOfMemory(error)) throw;
    return false;
  }
}

}  // namespace

void MicroBatches::ForEach(int64_t count,
                           absl::FunctionRef<void(int64_t, int64_t)> work) {
  most_ = std::max(most_, count);
  for (int64_t begin = 0; begin < count;) {
    const int64_t end =
        size_ > 0 ? std::min<int64_t>(count, begin + size_) : count;
    if (TryWork(begin, end, /*may_fail=*/end - begin > 1, work)) {
      begin = end;
    } else {
      // The last part may be smaller than the rest.
      size_ = static_cast<int>((end - begin) / 2);
    }
  }
}

std::vector<std::string> MicroBatches::TakeWarnings() {
  const int before = std::exchange(told_, size_);
  if (before == size_) return {};
  return {absl::StrCat("memory did not suffice for ", option_, ": ",
                       before > 0 ? absl::StrCat(before)
                                  : absl::StrCat("0 (all ", most_, " at once)"),
                       "; the step was done again, and the run goes on, with ",
                       size_)};
}

}  // namespace dg4d
