#include "dg4d/kernels/cuda_status.h"
#include "dg4d/kernels/knn_cuda.h"
#include "dg4d/kernels/knn_math.h"

namespace dg4d {
namespace {

using knn::Least3;
using knn::SquaredDistance;

constexpr int kThreads = 128;

// One thread for each point; a block reads the others tile by tile. A distance
// to a point that is nowhere is infinite or not a number: Least3 ignores it.
__global__ void Nearest3Kernel(const float* __restrict__ points, int64_t count,
                               float* __restrict__ result) {
  __shared__ float tile[kThreads][3];
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  float own[3] = {0, 0, 0};
  bool finite = i < count;
  for (int k = 0; finite && k < 3; ++k) own[k] = points[3 * i + k];
  finite = finite && isfinite(own[0]) && isfinite(own[1]) && isfinite(own[2]);

  Least3 nearest;
  for (int64_t first = 0; first < count; first += kThreads) {
    const int64_t left = count - first;
    const int in_tile = left < kThreads ? static_cast<int>(left) : kThreads;
    __syncthreads();
    for (int k = threadIdx.x; k < 3 * in_tile; k += kThreads) {
      tile[k / 3][k % 3] = points[3 * first + k];
    }
    __syncthreads();
    if (!finite) continue;
    for (int j = 0; j < in_tile; ++j) {
      if (first + j != i) nearest.Add(SquaredDistance(tile[j], own));
    }
  }
  if (i < count) result[i] = finite ? nearest.Mean() : 0.0f;
}

}  // namespace

absl::Status MeanSquaredDistanceToNearest3Cuda(const KnnInputs& inputs,
                                               float* mean_squared_distances,
                                               CUstream_st* stream) {
  if (inputs.count == 0) return absl::OkStatus();
  const auto blocks =
      static_cast<unsigned>((inputs.count + kThreads - 1) / kThreads);
  Nearest3Kernel<<<blocks, kThreads, 0, stream>>>(inputs.points, inputs.count,
                                                  mean_squared_distances);
  return LaunchStatus("nearest neighbours");
}

}  // namespace dg4d
