#ifndef DG4D_BASE_PARALLEL_H_
#define DG4D_BASE_PARALLEL_H_

#include <cstdint>

#include "absl/functional/function_ref.h"

namespace dg4d {

// How many threads ParallelFor uses, the caller's own included. 1 until set;
// values below 1 count as 1. Not to be called while a loop runs.
void SetThreads(int count);
int Threads();

// Calls `body(begin, end)` for the chunks [0, grain), [grain, 2 grain), ... of
// [0, count), in any order and concurrently; returns when all are done.
//
// The chunks depend on `count` and `grain` alone, never on the number of
// threads. So a body that writes only what its chunk owns, or one partial sum
// per chunk (index begin / grain) that the caller adds up in order, gives the
// same bytes with any number of threads. Calls inside a body run in place.
//
// The exception of the first chunk that threw is thrown again here.
void ParallelFor(int64_t count, int64_t grain,
                 absl::FunctionRef<void(int64_t begin, int64_t end)> body);

}  // namespace dg4d

#endif  // DG4D_BASE_PARALLEL_H_
