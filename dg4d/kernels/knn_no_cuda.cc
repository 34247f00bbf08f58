#include "dg4d/kernels/cuda_status.h"
#include "dg4d/kernels/knn_cuda.h"

namespace dg4d {

absl::Status MeanSquaredDistanceToNearest3Cuda(const KnnInputs&, float*,
                                               CUstream_st*) {
  return BuiltWithoutCuda();
}

absl::Status NearestNeighboursCuda(const KnnInputs&, int, int64_t*,
                                   CUstream_st*) {
  return BuiltWithoutCuda();
}

}  // namespace dg4d
