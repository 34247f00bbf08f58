#ifndef DG4D_STAGES_DYNAMIC_GAUSSIANS_HEXPLANE_CUDA_H_
#define DG4D_STAGES_DYNAMIC_GAUSSIANS_HEXPLANE_CUDA_H_

#include "absl/status/status.h"
#include "dg4d/stages/dynamic_gaussians/hexplane_kernel.h"

struct CUstream_st;  // cudaStream_t is a pointer to it

namespace dg4d::dynamic_gaussians {

// The CUDA twins of hexplane_kernel.h. Everything lies on the current device
// but level.time, which is read before they return. They enqueue work on
// `stream`, wait for nothing, allocate nothing, and can be captured in a graph,
// which then keeps the times it was captured with.
//
// Unimplemented without --config=cuda; Internal where CUDA refuses a launch.
absl::Status HexPlaneForwardCuda(const HexPlaneLevel<float>& level,
                                 CUstream_st* stream);
absl::Status HexPlaneForwardCuda(const HexPlaneLevel<double>& level,
                                 CUstream_st* stream);

// `space` [N, F] is workspace. Gradients of planes come together by atomic
// additions, so their last bits differ from run to run.
absl::Status HexPlaneBackwardCuda(
    const HexPlaneLevel<float>& level,
    const HexPlaneLevelGradients<float>& gradients, float* space,
    CUstream_st* stream);
absl::Status HexPlaneBackwardCuda(
    const HexPlaneLevel<double>& level,
    const HexPlaneLevelGradients<double>& gradients, double* space,
    CUstream_st* stream);

}  // namespace dg4d::dynamic_gaussians

#endif  // DG4D_STAGES_DYNAMIC_GAUSSIANS_HEXPLANE_CUDA_H_
