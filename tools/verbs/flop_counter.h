#ifndef TOOLS_VERBS_FLOP_COUNTER_H_
#define TOOLS_VERBS_FLOP_COUNTER_H_

#include <ATen/record_function.h>

namespace dg4d {

// Counts the floating-point operations that torch is asked for while it lives,
// in all threads: two for each multiplication and addition of convolutions,
// matrix products and attention, forward and backward. The rest does not count,
// as in other people's figures. One at a time.
class FlopCounter {
 public:
  FlopCounter();
  ~FlopCounter();
  FlopCounter(const FlopCounter&) = delete;
  FlopCounter& operator=(const FlopCounter&) = delete;

  double Count() const;

 private:
  at::CallbackHandle handle_;
};

}  // namespace dg4d

#endif  // TOOLS_VERBS_FLOP_COUNTER_H_
