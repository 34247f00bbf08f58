#ifndef DG4D_STAGES_DYNAMIC_GAUSSIANS_HEXPLANE_CUDA_H_
#define DG4D_STAGES_DYNAMIC_GAUSSIANS_HEXPLANE_CUDA_H_

#include "absl/status/status.h"
#include "dg4d/stages/dynamic_gaussians/hexplane_kernel.h"

struct CUstream_st;  // cudaStream_t is a pointer to it

namespace dg4d::dynamic_gaussians {

// The CUDA twins of hexplane_kernel.h. Everything lies on the current device,
// level.time too. They enqueue work on `stream`, wait for nothing, allocate
// nothing, and can be captured in a graph.
//
// Unimplemented without --config=cuda; Internal where CUDA refuses a launch.
absl::Status HexPlaneForwardCuda(const HexPlaneLevel<float>& level,
                                 CUstream_st* stream);
absl::Status HexPlaneForwardCuda(const HexPlaneLevel<double>& level,
                                 CUstream_st* stream);

// `workspace` has HexPlaneWorkspaceBytes(level), aligned to 8. In float the
// gradients have the same bytes every time: what comes together in a plane's
// node is added up as whole numbers, in units of 2^-61 of a bound on the sum.
// What is not finite adds nothing to planes then. In double it is added up in
// any order.
template <typename Scalar>
int64_t HexPlaneWorkspaceBytes(const HexPlaneLevel<Scalar>& level);
absl::Status HexPlaneBackwardCuda(
    const HexPlaneLevel<float>& level,
    const HexPlaneLevelGradients<float>& gradients, void* workspace,
    CUstream_st* stream);
absl::Status HexPlaneBackwardCuda(
    const HexPlaneLevel<double>& level,
    const HexPlaneLevelGradients<double>& gradients, void* workspace,
    CUstream_st* stream);

// The weighted sum of regularisers, as HexPlaneRegulariserParts() parts whose
// sum it is; then the gradients of `*upstream` times that sum. They are
// written, not added to.
int64_t HexPlaneRegulariserParts();
absl::Status HexPlaneRegularisersCuda(
    const HexPlaneRegularisers<float>& regularisers, float* parts,
    CUstream_st* stream);
absl::Status HexPlaneRegularisersCuda(
    const HexPlaneRegularisers<double>& regularisers, double* parts,
    CUstream_st* stream);
absl::Status HexPlaneRegulariserGradientsCuda(
    const HexPlaneRegularisers<float>& regularisers, const float* upstream,
    float* const gradients[6], CUstream_st* stream);
absl::Status HexPlaneRegulariserGradientsCuda(
    const HexPlaneRegularisers<double>& regularisers, const double* upstream,
    double* const gradients[6], CUstream_st* stream);

}  // namespace dg4d::dynamic_gaussians

#endif  // DG4D_STAGES_DYNAMIC_GAUSSIANS_HEXPLANE_CUDA_H_
