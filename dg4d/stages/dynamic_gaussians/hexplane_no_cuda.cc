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
                                  const HexPlaneLevelGradients<float>&, float*,
                                  CUstream_st*) {
  return BuiltWithoutCuda();
}

absl::Status HexPlaneBackwardCuda(const HexPlaneLevel<double>&,
                                  const HexPlaneLevelGradients<double>&,
                                  double*, CUstream_st*) {
  return BuiltWithoutCuda();
}

}  // namespace dg4d::dynamic_gaussians
