#include "dg4d/kernels/cuda_status.h"
#include "dg4d/stages/dynamic_gaussians/list_sums_cuda.h"

namespace dg4d::dynamic_gaussians {
namespace {

constexpr int kThreads = 256;

// One thread for each list and time.
template <typename Scalar>
__global__ void SumKernel(const EntryLists lists,
                          const Scalar* __restrict__ values,
                          Scalar* __restrict__ sums) {
  const int64_t n = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (n >= lists.lists) return;
  const int64_t t = blockIdx.y;
  Scalar sum[3] = {0, 0, 0};
  for (int64_t i = lists.begin[n]; i < lists.begin[n + 1]; ++i) {
    const Scalar* value = values + (t * lists.entries + lists.order[i]) * 3;
#pragma unroll
    for (int k = 0; k < 3; ++k) sum[k] += value[k];
  }
#pragma unroll
  for (int k = 0; k < 3; ++k) sums[(t * lists.lists + n) * 3 + k] = sum[k];
}

template <typename Scalar>
absl::Status Sum(const EntryLists& lists, int64_t times, const Scalar* values,
                 Scalar* sums, cudaStream_t stream) {
  if (lists.lists == 0 || times == 0) return absl::OkStatus();
  const dim3 grid(
      static_cast<unsigned>((lists.lists + kThreads - 1) / kThreads),
      static_cast<unsigned>(times));
  SumKernel<<<grid, kThreads, 0, stream>>>(lists, values, sums);
  return LaunchStatus("sums of lists");
}

}  // namespace

absl::Status ListSumsCuda(const EntryLists& lists, int64_t times,
                          const float* values, float* sums,
                          CUstream_st* stream) {
  return Sum(lists, times, values, sums, stream);
}

absl::Status ListSumsCuda(const EntryLists& lists, int64_t times,
                          const double* values, double* sums,
                          CUstream_st* stream) {
  return Sum(lists, times, values, sums, stream);
}

}  // namespace dg4d::dynamic_gaussians
