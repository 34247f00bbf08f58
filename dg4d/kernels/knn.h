#ifndef DG4D_KERNELS_KNN_H_
#define DG4D_KERNELS_KNN_H_

#include <cstdint>

namespace dg4d {

struct KnnInputs {
  const float* points;  // [count, 3], on the host
  int64_t count;
};

// Writes each point's mean squared distance to its three nearest other points
// into `mean_squared_distances` [count]: the size at which Gaussians just fill
// the space between them. Exact. With fewer than three others, the mean over
// those there are; 0 for a point alone. A point with a coordinate that is not
// finite is nobody's neighbour and gets 0.
void MeanSquaredDistanceToNearest3Cpu(const KnnInputs& inputs,
                                      float* mean_squared_distances);

// Writes the numbers of each point's `k` nearest other points (1 to 16), the
// nearest first, into `neighbours` [count, k]. Exact; which of two equally near
// comes first depends on the points alone. Where there are fewer others, and
// for a point with a coordinate that is not finite, its own number stands
// instead.
void NearestNeighboursCpu(const KnnInputs& inputs, int k, int64_t* neighbours);

}  // namespace dg4d

#endif  // DG4D_KERNELS_KNN_H_
