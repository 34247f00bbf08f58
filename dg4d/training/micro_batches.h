#ifndef DG4D_TRAINING_MICRO_BATCHES_H_
#define DG4D_TRAINING_MICRO_BATCHES_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"

namespace dg4d {

// How many views, frames or pictures go through a network at once: as many as
// an option says, and fewer once memory turns out not to suffice for them.
//
//   batches.ForEach(views.size(), [&](int64_t begin, int64_t end) {
//     parts.push_back(Judge(images.slice(0, begin, end)));
//   });
class MicroBatches {
 public:
  // `option` is the name of the option that says `size`; 0: all at once.
  MicroBatches(std::string option, int size)
      : option_(std::move(option)), size_(size), told_(size) {}

  int size() const { return size_; }

  // Calls `work` for [0, size), [size, 2 size) ... up to `count`, in order.
  // Where that runs out of memory, what it was called for is done again, with
  // the same numbers, in parts of half the size, and so is all that follows,
  // now and later. So `work` must change nothing before all that may fail is
  // done. What runs out of memory for one item alone is thrown on; the bulkhead
  // (base/status.h) names the options that help.
  void ForEach(int64_t count,
               absl::FunctionRef<void(int64_t begin, int64_t end)> work);

  // One line if the size has fallen since the last call, else none.
  std::vector<std::string> TakeWarnings();

 private:
  std::string option_;
  int size_;
  int told_;          // the size that the user knows of
  int64_t most_ = 0;  // that ForEach has been called for
};

}  // namespace dg4d

#endif  // DG4D_TRAINING_MICRO_BATCHES_H_
