#ifndef DG4D_STAGES_DYNAMIC_GAUSSIANS_LIST_SUMS_CUDA_H_
#define DG4D_STAGES_DYNAMIC_GAUSSIANS_LIST_SUMS_CUDA_H_

#include <cstdint>

#include "absl/status/status.h"

struct CUstream_st;  // cudaStream_t is a pointer to it

namespace dg4d::dynamic_gaussians {

// Points that lists of entries belong to, all in the memory of the current
// device: list n is entries order[begin[n]] to order[begin[n + 1] - 1].
struct EntryLists {
  int64_t lists = 0;               // N
  int64_t entries = 0;             // M
  const int64_t* begin = nullptr;  // [N + 1]
  const int64_t* order = nullptr;  // [M]
};

// Writes the sum of each list's `values` [T, M, 3] into `sums` [T, N, 3], in
// the lists' order: the same bytes every time, where additions by index differ.
// Enqueues its work on `stream`. Unimplemented without --config=cuda.
absl::Status ListSumsCuda(const EntryLists& lists, int64_t times,
                          const float* values, float* sums,
                          CUstream_st* stream);
absl::Status ListSumsCuda(const EntryLists& lists, int64_t times,
                          const double* values, double* sums,
                          CUstream_st* stream);

}  // namespace dg4d::dynamic_gaussians

#endif  // DG4D_STAGES_DYNAMIC_GAUSSIANS_LIST_SUMS_CUDA_H_
