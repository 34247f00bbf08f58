#include "dg4d/kernels/cuda_status.h"
#include "dg4d/kernels/knn_cuda.h"
#include "dg4d/kernels/knn_math.h"

namespace dg4d {
namespace {

using knn::Least3;
using knn::NearestK;
using knn::SquaredDistance;

constexpr int kThreads = 128;

// Calls `visit(distance, number)` for every other point, in order; one thread
// for each point, whose block reads the others tile by tile. Returns whether
// the point is somewhere; a distance to one that is not is infinite or not a
// number, which Least3 and NearestK ignore.
template <typename Visit>
__device__ bool VisitOthers(const float* __restrict__ points, int64_t count,
                            const Visit& visit) {
  __shared__ float tile[kThreads][3];
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  float own[3] = {0, 0, 0};
  bool finite = i < count;
  for (int k = 0; finite && k < 3; ++k) own[k] = points[3 * i + k];
  finite = finite && isfinite(own[0]) && isfinite(own[1]) && isfinite(own[2]);
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
      if (first + j != i) visit(SquaredDistance(tile[j], own), first + j);
    }
  }
  return finite;
}

__global__ void Nearest3Kernel(const float* __restrict__ points, int64_t count,
                               float* __restrict__ result) {
  Least3 nearest;
  const bool finite = VisitOthers(
      points, count, [&](float distance, int64_t) { nearest.Add(distance); });
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < count) result[i] = finite ? nearest.Mean() : 0.0f;
}

__global__ void NearestKernel(const float* __restrict__ points, int64_t count,
                              int k, int64_t* __restrict__ result) {
  NearestK nearest(k);
  VisitOthers(points, count, [&](float distance, int64_t number) {
    nearest.Add(distance, number);
  });
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= count) return;
  for (int j = 0; j < k; ++j) {
    result[i * k + j] = j < nearest.count ? nearest.numbers[j] : i;
  }
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

absl::Status NearestNeighboursCuda(const KnnInputs& inputs, int k,
                                   int64_t* neighbours, CUstream_st* stream) {
  if (inputs.count == 0) return absl::OkStatus();
  const auto blocks =
      static_cast<unsigned>((inputs.count + kThreads - 1) / kThreads);
  NearestKernel<<<blocks, kThreads, 0, stream>>>(inputs.points, inputs.count, k,
                                                 neighbours);
  return LaunchStatus("nearest neighbours");
}

}  // namespace dg4d
