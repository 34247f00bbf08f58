#ifndef DG4D_KERNELS_KNN_CUDA_H_
#define DG4D_KERNELS_KNN_CUDA_H_

#include "absl/status/status.h"
#include "dg4d/kernels/knn.h"

struct CUstream_st;  // cudaStream_t is a pointer to it

namespace dg4d {

// The CUDA twin of MeanSquaredDistanceToNearest3Cpu: points and result lie on
// the current device. Compares every point with every other, which is exact and
// needs no memory: some milliseconds for a hundred thousand points. Enqueues
// its work on `stream` and waits for nothing.
//
// Unimplemented without --config=cuda.
absl::Status MeanSquaredDistanceToNearest3Cuda(const KnnInputs& inputs,
                                               float* mean_squared_distances,
                                               CUstream_st* stream);

// The CUDA twin of NearestNeighboursCpu, in the same way. Of two equally near
// points the one with the lower number comes first.
absl::Status NearestNeighboursCuda(const KnnInputs& inputs, int k,
                                   int64_t* neighbours, CUstream_st* stream);

}  // namespace dg4d

#endif  // DG4D_KERNELS_KNN_CUDA_H_
