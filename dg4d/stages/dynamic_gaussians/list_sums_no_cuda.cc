#include "dg4d/kernels/cuda_status.h"
#include "dg4d/stages/dynamic_gaussians/list_sums_cuda.h"

namespace dg4d::dynamic_gaussians {

absl::Status ListSumsCuda(const EntryLists&, int64_t, const float*, float*,
                          CUstream_st*) {
  return BuiltWithoutCuda();
}

absl::Status ListSumsCuda(const EntryLists&, int64_t, const double*, double*,
                          CUstream_st*) {
  return BuiltWithoutCuda();
}

}  // namespace dg4d::dynamic_gaussians
