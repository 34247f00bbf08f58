#include "dg4d/kernels/cuda_status.h"
#include "dg4d/stages/dynamic_gaussians/hexplane_cuda.h"

// All regularisers of a level in one launch each way: each thread goes over
// entries of a plane and looks at their neighbours. Sums are made in one order.

namespace dg4d::dynamic_gaussians {
namespace {

constexpr int kThreads = 256;
constexpr int kBlocksOfPlane = 32;
constexpr int kPlanes = 6;
constexpr int kFirstTimePlane = 3;

template <typename Scalar>
struct Gradients {
  const Scalar* upstream;
  Scalar* planes[kPlanes];
};

// A plane and the place of one of its entries.
template <typename Scalar>
struct Entry {
  const Scalar* plane;
  int rows, columns, features;
  int row, column, feature;

  __device__ Scalar At(int r, int c) const {
    return plane[(static_cast<int64_t>(r) * columns + c) * features + feature];
  }
  __device__ Scalar value() const { return At(row, column); }
};

// One over the number of differences of an axis.
template <typename Scalar>
__device__ Scalar Share(int differences, int others, int features) {
  return Scalar(1) / (static_cast<Scalar>(differences) * others * features);
}

// Of mean squared differences to the next row and to the next column.
template <typename Scalar>
__device__ Scalar Variation(const Entry<Scalar>& e) {
  Scalar sum = 0;
  if (e.row + 1 < e.rows) {
    const Scalar d = e.At(e.row + 1, e.column) - e.value();
    sum += d * d * Share<Scalar>(e.rows - 1, e.columns, e.features);
  }
  if (e.column + 1 < e.columns) {
    const Scalar d = e.At(e.row, e.column + 1) - e.value();
    sum += d * d * Share<Scalar>(e.columns - 1, e.rows, e.features);
  }
  return sum;
}

template <typename Scalar>
__device__ Scalar VariationGradient(const Entry<Scalar>& e) {
  const Scalar x = e.value();
  Scalar rows = 0, columns = 0;
  if (e.row > 0) rows += x - e.At(e.row - 1, e.column);
  if (e.row + 1 < e.rows) rows -= e.At(e.row + 1, e.column) - x;
  if (e.column > 0) columns += x - e.At(e.row, e.column - 1);
  if (e.column + 1 < e.columns) columns -= e.At(e.row, e.column + 1) - x;
  return 2 * (rows * Share<Scalar>(e.rows - 1, e.columns, e.features) +
              columns * Share<Scalar>(e.columns - 1, e.rows, e.features));
}

// The second difference along time at a row; 0 where there is none.
template <typename Scalar>
__device__ Scalar Bend(const Entry<Scalar>& e, int row, bool cyclic) {
  if (cyclic) row = (row + e.rows) % e.rows;
  if (!cyclic && (row < 1 || row > e.rows - 2)) return 0;
  const int before = row == 0 ? e.rows - 1 : row - 1;
  const int after = row + 1 == e.rows ? 0 : row + 1;
  return e.At(before, e.column) - 2 * e.At(row, e.column) +
         e.At(after, e.column);
}

template <typename Scalar>
__device__ Scalar BendShare(const Entry<Scalar>& e, bool cyclic) {
  const int bends = cyclic ? e.rows : e.rows - 2;
  return bends > 0 ? Share<Scalar>(bends, e.columns, e.features) : 0;
}

template <typename Scalar>
__device__ Scalar Value(const HexPlaneRegularisers<Scalar>& of,
                        const Entry<Scalar>& e, bool of_time) {
  if (!of_time) return of.space_variation * Variation(e);
  const Scalar bend = Bend(e, e.row, of.cyclic_time);
  const Scalar off = e.value() - 1;
  return of.time_roughness * bend * bend * BendShare(e, of.cyclic_time) +
         of.time_deviation * (off < 0 ? -off : off) *
             Share<Scalar>(e.rows, e.columns, e.features);
}

template <typename Scalar>
__device__ Scalar Gradient(const HexPlaneRegularisers<Scalar>& of,
                           const Entry<Scalar>& e, bool of_time) {
  if (!of_time) return of.space_variation * VariationGradient(e);
  const bool cyclic = of.cyclic_time;
  const Scalar bends = Bend(e, e.row - 1, cyclic) - 2 * Bend(e, e.row, cyclic) +
                       Bend(e, e.row + 1, cyclic);
  const Scalar off = e.value() - 1;
  const Scalar sign = static_cast<Scalar>((off > 0) - (off < 0));
  return of.time_roughness * 2 * bends * BendShare(e, cyclic) +
         of.time_deviation * sign *
             Share<Scalar>(e.rows, e.columns, e.features);
}

// Blocks x planes. Calls `visit(entry, index, whether it is of a time plane)`.
template <typename Scalar, typename Visit>
__device__ void ForEntries(const HexPlaneRegularisers<Scalar>& of,
                           const Visit& visit) {
  const int plane = blockIdx.y;
  const bool of_time = plane >= kFirstTimePlane;
  Entry<Scalar> e = {.plane = of.planes[plane],
                     .rows = of_time ? of.time_nodes : of.space_nodes,
                     .columns = of.space_nodes,
                     .features = of.features};
  const int64_t count = static_cast<int64_t>(e.rows) * e.columns * e.features;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
       i < count; i += static_cast<int64_t>(gridDim.x) * kThreads) {
    e.feature = static_cast<int>(i % e.features);
    e.column = static_cast<int>(i / e.features % e.columns);
    e.row = static_cast<int>(i / e.features / e.columns);
    visit(e, i, of_time);
  }
}

template <typename Scalar>
__global__ void ValueKernel(
    const __grid_constant__ HexPlaneRegularisers<Scalar> of, Scalar* parts) {
  __shared__ Scalar sums[kThreads];
  Scalar sum = 0;
  ForEntries(of, [&](const Entry<Scalar>& e, int64_t, bool of_time) {
    sum += Value(of, e, of_time);
  });
  sums[threadIdx.x] = sum;
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
  }
  if (threadIdx.x == 0) parts[blockIdx.y * gridDim.x + blockIdx.x] = sums[0];
}

template <typename Scalar>
__global__ void GradientKernel(
    const __grid_constant__ HexPlaneRegularisers<Scalar> of,
    const __grid_constant__ Gradients<Scalar> gradients) {
  const Scalar upstream = *gradients.upstream;
  ForEntries(of, [&](const Entry<Scalar>& e, int64_t i, bool of_time) {
    gradients.planes[blockIdx.y][i] = upstream * Gradient(of, e, of_time);
  });
}

template <typename Scalar>
absl::Status Values(const HexPlaneRegularisers<Scalar>& of, Scalar* parts,
                    cudaStream_t stream) {
  ValueKernel<<<dim3(kBlocksOfPlane, kPlanes), kThreads, 0, stream>>>(of,
                                                                      parts);
  return LaunchStatus("HexPlane's regularisers");
}

template <typename Scalar>
absl::Status AllGradients(const HexPlaneRegularisers<Scalar>& of,
                          const Scalar* upstream, Scalar* const planes[kPlanes],
                          cudaStream_t stream) {
  Gradients<Scalar> gradients = {.upstream = upstream};
  for (int p = 0; p < kPlanes; ++p) gradients.planes[p] = planes[p];
  GradientKernel<<<dim3(kBlocksOfPlane, kPlanes), kThreads, 0, stream>>>(
      of, gradients);
  return LaunchStatus("gradients of HexPlane's regularisers");
}

}  // namespace

int64_t HexPlaneRegulariserParts() { return kBlocksOfPlane * kPlanes; }

absl::Status HexPlaneRegularisersCuda(const HexPlaneRegularisers<float>& of,
                                      float* parts, CUstream_st* stream) {
  return Values(of, parts, stream);
}

absl::Status HexPlaneRegularisersCuda(const HexPlaneRegularisers<double>& of,
                                      double* parts, CUstream_st* stream) {
  return Values(of, parts, stream);
}

absl::Status HexPlaneRegulariserGradientsCuda(
    const HexPlaneRegularisers<float>& of, const float* upstream,
    float* const gradients[6], CUstream_st* stream) {
  return AllGradients(of, upstream, gradients, stream);
}

absl::Status HexPlaneRegulariserGradientsCuda(
    const HexPlaneRegularisers<double>& of, const double* upstream,
    double* const gradients[6], CUstream_st* stream) {
  return AllGradients(of, upstream, gradients, stream);
}

}  // namespace dg4d::dynamic_gaussians
