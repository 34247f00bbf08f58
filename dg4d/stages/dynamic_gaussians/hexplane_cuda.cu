#include <algorithm>
#include <type_traits>

#include "dg4d/kernels/cuda_status.h"
#include "dg4d/stages/dynamic_gaussians/hexplane_cuda.h"
#include "dg4d/stages/dynamic_gaussians/hexplane_math.h"

// Neighbouring threads hold neighbouring features, which are neighbours in
// memory: each load and each atomic of a warp is of whole cache lines.

namespace dg4d::dynamic_gaussians {
namespace {

constexpr int kWarp = 32;
constexpr int kThreads = 256;
constexpr int kMaxTimes = 64;  // of one launch, whose blocks hold their taps
constexpr int kPointsPerWarp = 128;
constexpr int kPlanes = 6;
constexpr int kBlocksOfMaximum = 256;

// A sum of gradients in the units of SumUnit(). Whole numbers add up to the
// same in any order.
using Sum = unsigned long long;

// Whether gradients of planes are summed so.
template <typename Scalar>
constexpr bool kSumsWhole = std::is_same_v<Scalar, float>;

template <typename Scalar>
struct Launch {
  int64_t points;
  int space_nodes;
  int features;
  const Scalar* coordinates;
  const Scalar* planes[6];
  int64_t stride;
  Scalar* output;                 // of the first time here
  const Scalar* output_gradient;  // likewise
  Scalar* plane_gradients[6];
  Scalar* coordinate_gradients;
  Scalar* space;
  int64_t gradient_rows;  // of output_gradient: times x points
  int64_t nodes[6];       // entries of each plane
  Sum* sums[6];           // of the gradients of the planes' entries
  // The largest finite magnitudes: of each plane, then of output_gradient; as
  // bits, which order as the numbers do.
  unsigned* largest;
  int times;
  int time_nodes;
  bool cyclic_time;
  const double* time;  // of the first time here
};

template <typename Scalar>
__device__ Tap<Scalar> TimeTapOf(const Launch<Scalar>& launch, int t) {
  return TimeTap<Scalar>(static_cast<Scalar>(launch.time[t]), launch.time_nodes,
                         launch.cyclic_time);
}

// Fills in the taps of all times here, which the block's threads share.
template <typename Scalar>
__device__ void ShareTimeTaps(const Launch<Scalar>& launch,
                              Tap<Scalar>* time_taps) {
  const int thread = threadIdx.y * blockDim.x + threadIdx.x;
  for (int t = thread; t < launch.times; t += blockDim.x * blockDim.y) {
    time_taps[t] = TimeTapOf(launch, t);
  }
  __syncthreads();
}

template <typename Scalar>
struct PlaneValue {
  Scalar value;
  Scalar slope_a, slope_b;
};

template <typename Scalar>
__device__ Scalar Mix(Scalar low, Scalar high, Scalar weight) {
  return low + weight * (high - low);
}

__device__ constexpr int FirstAxis(int plane) { return plane == 2 ? 1 : 0; }
__device__ constexpr int SecondAxis(int plane) { return plane == 0 ? 1 : 2; }

template <typename Scalar>
__device__ void PointTaps(const Launch<Scalar>& launch, int64_t n,
                          Tap<Scalar> taps[3]) {
#pragma unroll
  for (int axis = 0; axis < 3; ++axis) {
    taps[axis] = SpaceTap(launch.coordinates[n * 3 + axis], launch.space_nodes);
  }
}

// The unit of the sums of plane `p`, a power of two: 2^-61 of what bounds them,
// if every gradient met every point and time at the planes' largest values.
__device__ double SumUnit(const Launch<float>& launch, int p) {
  double bound = __uint_as_float(launch.largest[kPlanes]) *
                 static_cast<double>(launch.gradient_rows);
  for (int q = 0; q < kPlanes; ++q) {
    if (q != p) bound *= __uint_as_float(launch.largest[q]);
  }
  return bound > 0 ? exp2(ceil(log2(bound)) - 61) : 1;
}

// Adds `gradient` to entry `index` of plane `p`, of which `units` make 1.
template <typename Scalar>
__device__ void AddToPlane(const Launch<Scalar>& launch, int p, int64_t index,
                           Scalar gradient, double units) {
  if constexpr (kSumsWhole<Scalar>) {
    if (!isfinite(gradient)) return;
    atomicAdd(launch.sums[p] + index,
              static_cast<Sum>(__double2ll_rn(gradient * units)));
  } else {
    atomicAdd(launch.plane_gradients[p] + index, gradient);
  }
}

// How many units of plane `p` make 1.
template <typename Scalar>
__device__ double UnitsOf(const Launch<Scalar>& launch, int p) {
  if constexpr (kSumsWhole<Scalar>) return 1 / SumUnit(launch, p);
  return 0;
}

// Where the four nodes around a point lie in space plane `p`, for feature `f`.
struct Corners {
  int64_t at00, at01, at10, at11;
};

template <typename Scalar>
__device__ Corners CornersOf(const Launch<Scalar>& launch, int p,
                             const Tap<Scalar> taps[3], int f) {
  const Tap<Scalar>& a = taps[FirstAxis(p)];
  const Tap<Scalar>& b = taps[SecondAxis(p)];
  const int64_t row = static_cast<int64_t>(launch.space_nodes);
  const int64_t features = launch.features;
  return {(b.low * row + a.low) * features + f,
          (b.low * row + a.high) * features + f,
          (b.high * row + a.low) * features + f,
          (b.high * row + a.high) * features + f};
}

template <typename Scalar>
__device__ PlaneValue<Scalar> SamplePlane(const Launch<Scalar>& launch, int p,
                                          const Tap<Scalar> taps[3], int f) {
  const Tap<Scalar>& a = taps[FirstAxis(p)];
  const Tap<Scalar>& b = taps[SecondAxis(p)];
  const Corners at = CornersOf(launch, p, taps, f);
  const Scalar* plane = launch.planes[p];
  const Scalar p00 = plane[at.at00], p01 = plane[at.at01];
  const Scalar p10 = plane[at.at10], p11 = plane[at.at11];
  const Scalar low = Mix(p00, p01, a.weight);
  const Scalar high = Mix(p10, p11, a.weight);
  return {.value = Mix(low, high, b.weight),
          .slope_a = a.slope * Mix(p01 - p00, p11 - p10, b.weight),
          .slope_b = b.slope * (high - low)};
}

// The time plane of `axis` at one time and a point: its value, and its
// difference from the point's lower to its higher node.
template <typename Scalar>
struct LineValue {
  Scalar value;
  Scalar difference;
};

template <typename Scalar>
__device__ LineValue<Scalar> SampleLine(const Launch<Scalar>& launch, int axis,
                                        const Tap<Scalar>& time,
                                        const Tap<Scalar>& tap, int f) {
  const Scalar* plane = launch.planes[3 + axis] + f;
  const int64_t features = launch.features;
  const Scalar* before = plane + time.low * features * launch.space_nodes;
  const Scalar* after = plane + time.high * features * launch.space_nodes;
  const Scalar low =
      Mix(before[tap.low * features], after[tap.low * features], time.weight);
  const Scalar high =
      Mix(before[tap.high * features], after[tap.high * features], time.weight);
  return {Mix(low, high, tap.weight), high - low};
}

// One thread for each point and feature.
template <typename Scalar>
__global__ void ForwardKernel(const __grid_constant__ Launch<Scalar> launch) {
  __shared__ Tap<Scalar> time_taps[kMaxTimes];
  ShareTimeTaps(launch, time_taps);
  const int64_t n = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  const int f = threadIdx.x;
  if (n >= launch.points) return;
  Tap<Scalar> taps[3];
  PointTaps(launch, n, taps);
  const Scalar space = SamplePlane(launch, 0, taps, f).value *
                       (SamplePlane(launch, 1, taps, f).value *
                        SamplePlane(launch, 2, taps, f).value);
  for (int t = 0; t < launch.times; ++t) {
    Scalar value = space;
#pragma unroll
    for (int axis = 0; axis < 3; ++axis) {
      value *= SampleLine(launch, axis, time_taps[t], taps[axis], f).value;
    }
    launch.output[(t * launch.points + n) * launch.stride + f] = value;
  }
}

template <typename Scalar>
__device__ Scalar WarpSum(Scalar value) {
#pragma unroll
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    value += __shfl_down_sync(0xffffffffu, value, offset);
  }
  return value;
}

// One warp for each point: gradients of its coordinates and of its space
// planes. Leaves the product of its space planes for LinesKernel.
template <typename Scalar>
__global__ void PointsKernel(const __grid_constant__ Launch<Scalar> launch) {
  __shared__ Tap<Scalar> time_taps[kMaxTimes];
  __shared__ double shared_units[3];
  if (threadIdx.y == 0 && threadIdx.x < 3) {
    shared_units[threadIdx.x] = UnitsOf(launch, threadIdx.x);
  }
  ShareTimeTaps(launch, time_taps);
  const int64_t n = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  if (n >= launch.points) return;
  double units[3];
#pragma unroll
  for (int p = 0; p < 3; ++p) units[p] = shared_units[p];
  Tap<Scalar> taps[3];
  PointTaps(launch, n, taps);
  Scalar moved[3] = {0, 0, 0};
  for (int f = threadIdx.x; f < launch.features; f += kWarp) {
    PlaneValue<Scalar> planes[3];
#pragma unroll
    for (int p = 0; p < 3; ++p) planes[p] = SamplePlane(launch, p, taps, f);
    const Scalar space = planes[0].value * (planes[1].value * planes[2].value);
    launch.space[n * launch.features + f] = space;
    Scalar space_gradient = 0;
    Scalar line_gradient[3] = {0, 0, 0};
    for (int t = 0; t < launch.times; ++t) {
      LineValue<Scalar> lines[3];
#pragma unroll
      for (int axis = 0; axis < 3; ++axis) {
        lines[axis] = SampleLine(launch, axis, time_taps[t], taps[axis], f);
      }
      const Scalar g =
          launch.output_gradient[(t * launch.points + n) * launch.stride + f];
      space_gradient += g * lines[0].value * lines[1].value * lines[2].value;
#pragma unroll
      for (int axis = 0; axis < 3; ++axis) {
        line_gradient[axis] += g * lines[(axis + 1) % 3].value *
                               lines[(axis + 2) % 3].value *
                               lines[axis].difference;
      }
    }
#pragma unroll
    for (int axis = 0; axis < 3; ++axis) {
      moved[axis] += taps[axis].slope * space * line_gradient[axis];
    }
#pragma unroll
    for (int p = 0; p < 3; ++p) {
      const Scalar g = space_gradient * planes[(p + 1) % 3].value *
                       planes[(p + 2) % 3].value;
      const Tap<Scalar>& a = taps[FirstAxis(p)];
      const Tap<Scalar>& b = taps[SecondAxis(p)];
      moved[FirstAxis(p)] += g * planes[p].slope_a;
      moved[SecondAxis(p)] += g * planes[p].slope_b;
      const Corners at = CornersOf(launch, p, taps, f);
      const Scalar w11 = a.weight * b.weight;
      const Scalar w01 = a.weight - w11, w10 = b.weight - w11;
      AddToPlane(launch, p, at.at00, (1 - a.weight - w10) * g, units[p]);
      AddToPlane(launch, p, at.at01, w01 * g, units[p]);
      AddToPlane(launch, p, at.at10, w10 * g, units[p]);
      AddToPlane(launch, p, at.at11, w11 * g, units[p]);
    }
  }
  if (launch.coordinate_gradients == nullptr) return;
#pragma unroll
  for (int axis = 0; axis < 3; ++axis) {
    const Scalar sum = WarpSum(moved[axis]);
    if (threadIdx.x == 0) launch.coordinate_gradients[n * 3 + axis] += sum;
  }
}

// One warp for some points, one time and 32 features: gradients of the time
// planes. It sums in shared memory, where each thread owns its feature's
// column, and adds the sums to the planes in the end.
template <typename Scalar, bool kInShared>
__global__ void LinesKernel(const __grid_constant__ Launch<Scalar> launch) {
  extern __shared__ double shared[];
  Scalar* const sums = reinterpret_cast<Scalar*>(shared);  // [3, nodes, 32]
  const int lane = threadIdx.x;
  const int f = blockIdx.z * kWarp + lane;
  if (f >= launch.features) return;
  const int t = blockIdx.y;
  const Tap<Scalar> time = TimeTapOf(launch, t);
  const int nodes = launch.space_nodes;
  const int64_t features = launch.features;
  if constexpr (kInShared) {
    for (int i = 0; i < 3 * nodes; ++i) sums[i * kWarp + lane] = 0;
  }
  double units[3];
#pragma unroll
  for (int axis = 0; axis < 3; ++axis) units[axis] = UnitsOf(launch, 3 + axis);
  const auto add = [&](int axis, int node, Scalar value) {
    const int64_t entry = node * features + f;
    AddToPlane(launch, 3 + axis, time.low * features * nodes + entry,
               (1 - time.weight) * value, units[axis]);
    AddToPlane(launch, 3 + axis, time.high * features * nodes + entry,
               time.weight * value, units[axis]);
  };
  const int64_t begin = static_cast<int64_t>(blockIdx.x) * kPointsPerWarp;
  const int64_t end = min(begin + kPointsPerWarp, launch.points);
  for (int64_t n = begin; n < end; ++n) {
    Tap<Scalar> taps[3];
    PointTaps(launch, n, taps);
    const Scalar g =
        launch.output_gradient[(t * launch.points + n) * launch.stride + f] *
        launch.space[n * features + f];
    Scalar lines[3];
#pragma unroll
    for (int axis = 0; axis < 3; ++axis) {
      lines[axis] = SampleLine(launch, axis, time, taps[axis], f).value;
    }
#pragma unroll
    for (int axis = 0; axis < 3; ++axis) {
      const Scalar value = g * lines[(axis + 1) % 3] * lines[(axis + 2) % 3];
      const Scalar weight = taps[axis].weight;
      if constexpr (kInShared) {
        Scalar* sum = sums + axis * nodes * kWarp + lane;
        sum[taps[axis].low * kWarp] += (1 - weight) * value;
        sum[taps[axis].high * kWarp] += weight * value;
      } else {
        add(axis, taps[axis].low, (1 - weight) * value);
        add(axis, taps[axis].high, weight * value);
      }
    }
  }
  if constexpr (kInShared) {
    for (int axis = 0; axis < 3; ++axis) {
      for (int node = 0; node < nodes; ++node) {
        const Scalar value = sums[(axis * nodes + node) * kWarp + lane];
        if (value != 0) add(axis, node, value);
      }
    }
  }
}

__device__ void NoteLargest(const float* values, int64_t count, int64_t stride,
                            int features, unsigned* largest) {
  float most = 0;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
       i < count; i += static_cast<int64_t>(gridDim.x) * kThreads) {
    const float value = fabsf(values[i / features * stride + i % features]);
    if (value > most && isfinite(value)) most = value;
  }
  const unsigned all = __reduce_max_sync(0xffffffffu, __float_as_uint(most));
  if (threadIdx.x % kWarp == 0 && all > 0) atomicMax(largest, all);
}

// What SumUnit goes by: planes are 0 to 5 of blockIdx.y, gradients 6.
__global__ void LargestKernel(const __grid_constant__ Launch<float> launch) {
  const int p = blockIdx.y;
  if (p < kPlanes) {
    NoteLargest(launch.planes[p], launch.nodes[p], launch.features,
                launch.features, launch.largest + p);
  } else {
    NoteLargest(launch.output_gradient, launch.gradient_rows * launch.features,
                launch.stride, launch.features, launch.largest + p);
  }
}

// Adds the sums to the planes' gradients.
__global__ void FinishKernel(const __grid_constant__ Launch<float> launch) {
  const int p = blockIdx.y;
  const double unit = SumUnit(launch, p);
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
       i < launch.nodes[p]; i += static_cast<int64_t>(gridDim.x) * kThreads) {
    launch.plane_gradients[p][i] += static_cast<float>(
        static_cast<double>(static_cast<long long>(launch.sums[p][i])) * unit);
  }
}

unsigned Blocks(int64_t count, int64_t per_block) {
  return static_cast<unsigned>((count + per_block - 1) / per_block);
}

// Calls `run` with the times of `level`, at most kMaxTimes at a time.
template <typename Scalar, typename Run>
void ForTimes(const HexPlaneLevel<Scalar>& level, const Run& run) {
  Launch<Scalar> launch = {.points = level.points,
                           .space_nodes = level.space_nodes,
                           .features = level.features,
                           .coordinates = level.coordinates,
                           .stride = level.stride,
                           .time_nodes = level.time_nodes,
                           .cyclic_time = level.cyclic_time};
  std::copy_n(level.planes, 6, launch.planes);
  for (int first = 0; first < level.times; first += kMaxTimes) {
    launch.times = std::min(kMaxTimes, level.times - first);
    launch.time = level.time + first;
    run(launch, first * level.points * level.stride);
  }
}

template <typename Scalar>
absl::Status Forward(const HexPlaneLevel<Scalar>& level, cudaStream_t stream) {
  if (level.points == 0) return absl::OkStatus();
  const dim3 block(level.features, std::max(1, kThreads / level.features));
  ForTimes(level, [&](Launch<Scalar>& launch, int64_t offset) {
    launch.output = level.output + offset;
    ForwardKernel<<<Blocks(level.points, block.y), block, 0, stream>>>(launch);
  });
  return LaunchStatus("HexPlane");
}

template <typename Scalar>
int64_t EntriesOf(const HexPlaneLevel<Scalar>& level, int plane) {
  return static_cast<int64_t>(plane < 3 ? level.space_nodes
                                        : level.time_nodes) *
         level.space_nodes * level.features;
}

// Where the parts of the workspace begin, in bytes.
struct Workspace {
  int64_t sums[kPlanes];
  int64_t largest;
  int64_t space;
  int64_t bytes;
};

template <typename Scalar>
Workspace Place(const HexPlaneLevel<Scalar>& level) {
  Workspace place;
  int64_t at = 0;
  for (int p = 0; p < kPlanes; ++p) {
    place.sums[p] = at;
    if (kSumsWhole<Scalar>) at += EntriesOf(level, p) * sizeof(Sum);
  }
  place.largest = at;
  at += 8 * sizeof(unsigned);
  place.space = at;
  place.bytes = at + level.points * level.features * sizeof(Scalar);
  return place;
}

template <typename Scalar>
absl::Status Backward(const HexPlaneLevel<Scalar>& level,
                      const HexPlaneLevelGradients<Scalar>& gradients,
                      void* workspace, cudaStream_t stream) {
  if (level.points == 0) return absl::OkStatus();
  const size_t shared_bytes = sizeof(Scalar) * 3 * kWarp * level.space_nodes;
  int device, most_bytes;
  absl::Status status = CudaStatus(cudaGetDevice(&device), "HexPlane");
  if (!status.ok()) return status;
  status = CudaStatus(
      cudaDeviceGetAttribute(&most_bytes,
                             cudaDevAttrMaxSharedMemoryPerBlockOptin, device),
      "HexPlane");
  if (!status.ok()) return status;
  const bool in_shared = shared_bytes <= static_cast<size_t>(most_bytes);
  if (in_shared) {
    status = CudaStatus(
        cudaFuncSetAttribute(LinesKernel<Scalar, true>,
                             cudaFuncAttributeMaxDynamicSharedMemorySize,
                             static_cast<int>(shared_bytes)),
        "HexPlane");
    if (!status.ok()) return status;
  }
  const Workspace place = Place(level);
  char* const begin = static_cast<char*>(workspace);
  ForTimes(level, [&](Launch<Scalar>& launch, int64_t offset) {
    launch.output_gradient = gradients.output + offset;
    std::copy_n(gradients.planes, kPlanes, launch.plane_gradients);
    launch.coordinate_gradients = gradients.coordinates;
    launch.space = reinterpret_cast<Scalar*>(begin + place.space);
    launch.gradient_rows = launch.times * level.points;
    launch.largest = reinterpret_cast<unsigned*>(begin + place.largest);
    for (int p = 0; p < kPlanes; ++p) {
      launch.nodes[p] = EntriesOf(level, p);
      launch.sums[p] = reinterpret_cast<Sum*>(begin + place.sums[p]);
    }
    if constexpr (kSumsWhole<Scalar>) {
      cudaMemsetAsync(begin, 0, place.space, stream);
      LargestKernel<<<dim3(kBlocksOfMaximum, kPlanes + 1), kThreads, 0,
                      stream>>>(launch);
    }
    const dim3 block(kWarp, kThreads / kWarp);
    PointsKernel<<<Blocks(level.points, block.y), block, 0, stream>>>(launch);
    const dim3 grid(Blocks(level.points, kPointsPerWarp), launch.times,
                    Blocks(level.features, kWarp));
    if (in_shared) {
      LinesKernel<Scalar, true><<<grid, kWarp, shared_bytes, stream>>>(launch);
    } else {
      LinesKernel<Scalar, false><<<grid, kWarp, 0, stream>>>(launch);
    }
    if constexpr (kSumsWhole<Scalar>) {
      FinishKernel<<<dim3(kBlocksOfMaximum, kPlanes), kThreads, 0, stream>>>(
          launch);
    }
  });
  return LaunchStatus("HexPlane gradients");
}

}  // namespace

absl::Status HexPlaneForwardCuda(const HexPlaneLevel<float>& level,
                                 CUstream_st* stream) {
  return Forward(level, stream);
}

absl::Status HexPlaneForwardCuda(const HexPlaneLevel<double>& level,
                                 CUstream_st* stream) {
  return Forward(level, stream);
}

template <typename Scalar>
int64_t HexPlaneWorkspaceBytes(const HexPlaneLevel<Scalar>& level) {
  return Place(level).bytes;
}

template int64_t HexPlaneWorkspaceBytes(const HexPlaneLevel<float>&);
template int64_t HexPlaneWorkspaceBytes(const HexPlaneLevel<double>&);

absl::Status HexPlaneBackwardCuda(
    const HexPlaneLevel<float>& level,
    const HexPlaneLevelGradients<float>& gradients, void* workspace,
    CUstream_st* stream) {
  return Backward(level, gradients, workspace, stream);
}

absl::Status HexPlaneBackwardCuda(
    const HexPlaneLevel<double>& level,
    const HexPlaneLevelGradients<double>& gradients, void* workspace,
    CUstream_st* stream) {
  return Backward(level, gradients, workspace, stream);
}

}  // namespace dg4d::dynamic_gaussians
