#include <algorithm>

#include "dg4d/kernels/adam.h"
#include "dg4d/kernels/cuda_status.h"

namespace dg4d {
namespace {

// What fits into a launch's 4 KiB of arguments.
constexpr int kMostParameters = 40;
constexpr int kThreads = 256;
constexpr int kEntriesPerThread = 4;
constexpr int kEntriesPerBlock = kThreads * kEntriesPerThread;

struct Launch {
  int parameters;
  int64_t* non_finite;
  unsigned first_blocks[kMostParameters + 1];
  AdamParameter of[kMostParameters];
};
static_assert(sizeof(Launch) <= 4096);

__global__ void StepKernel(const __grid_constant__ Launch launch) {
  int p = 0;
  while (blockIdx.x >= launch.first_blocks[p + 1]) ++p;
  const AdamParameter& parameter = launch.of[p];
  const adam::StepConstants constants = *parameter.constants;
  const int64_t begin =
      static_cast<int64_t>(blockIdx.x - launch.first_blocks[p]) *
      kEntriesPerBlock;
  int bad = 0;
#pragma unroll
  for (int k = 0; k < kEntriesPerThread; ++k) {
    const int64_t i = begin + k * kThreads + threadIdx.x;
    if (i >= parameter.count) break;
    bad +=
        !adam::StepEntry(constants, parameter.gradient[i], parameter.value[i],
                         parameter.first_moment[i], parameter.second_moment[i]);
  }
  if (bad > 0) {
    atomicAdd(reinterpret_cast<unsigned long long*>(launch.non_finite),
              static_cast<unsigned long long>(bad));
  }
}

}  // namespace

absl::Status AdamStepCuda(absl::Span<const AdamParameter> parameters,
                          int64_t* non_finite, CUstream_st* stream) {
  Launch launch;
  launch.non_finite = non_finite;
  while (!parameters.empty()) {
    launch.parameters =
        static_cast<int>(std::min<size_t>(kMostParameters, parameters.size()));
    unsigned blocks = 0;
    for (int p = 0; p < launch.parameters; ++p) {
      launch.of[p] = parameters[p];
      launch.first_blocks[p] = blocks;
      blocks += static_cast<unsigned>(
          (parameters[p].count + kEntriesPerBlock - 1) / kEntriesPerBlock);
    }
    launch.first_blocks[launch.parameters] = blocks;
    if (blocks > 0) StepKernel<<<blocks, kThreads, 0, stream>>>(launch);
    parameters.remove_prefix(launch.parameters);
  }
  return LaunchStatus("Adam");
}

}  // namespace dg4d
