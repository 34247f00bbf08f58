#include "dg4d/kernels/cuda_status.h"
#include "dg4d/stages/dynamic_gaussians/hexplane_cuda.h"

namespace dg4d::dynamic_gaussians {

absl::Status HexPlaneForwardCuda(const HexPlaneLevel<float>&, CUstream_st*) {
  return BuiltWithoutCuda();
}

absl::Status HexPlaneForwardCuda(const HexPlaneLevel<double>&, CUstream_st*) {
  return BuiltWithoutCuda();
}

absl::Status HexPlaneBackwardCuda(const HexPlaneLevel<float>&,
                                  const HexPlaneLevelGradients<float>&, void*,
                                  CUstream_st*) {
  return BuiltWithoutCuda();
}

absl::Status HexPlaneBackwardCuda(const HexPlaneLevel<double>&,
                                  const HexPlaneLevelGradients<double>&, void*,
                                  CUstream_st*) {
  return BuiltWithoutCuda();
}

template <typename Scalar>
int64_t HexPlaneWorkspaceBytes(const HexPlaneLevel<Scalar>&) {
  return 0;
}

template int64_t HexPlaneWorkspaceBytes(const HexPlaneLevel<float>&);
template int64_t HexPlaneWorkspaceBytes(const HexPlaneLevel<double>&);

int64_t HexPlaneRegulariserParts() { return 0; }

absl::Status HexPlaneRegularisersCuda(const HexPlaneRegularisers<float>&,
                                      float*, CUstream_st*) {
  return BuiltWithoutCuda();
}

absl::Status HexPlaneRegularisersCuda(const HexPlaneRegularisers<double>&,
                                      double*, CUstream_st*) {
  return BuiltWithoutCuda();
}

absl::Status HexPlaneRegulariserGradientsCuda(
    const HexPlaneRegularisers<float>&, const float*, float* const[6],
    CUstream_st*) {
  return BuiltWithoutCuda();
}

absl::Status HexPlaneRegulariserGradientsCuda(
    const HexPlaneRegularisers<double>&, const double*, double* const[6],
    CUstream_st*) {
  return BuiltWithoutCuda();
}

}  // namespace dg4d::dynamic_gaussians
