#include "dg4d/kernels/cuda_status.h"
#include "dg4d/kernels/gaussian_raster_cuda.h"

namespace dg4d {

template <typename Real>
struct GaussianRasterCudaWorkspace<Real>::State {};

template <typename Real>
GaussianRasterCudaWorkspace<Real>::GaussianRasterCudaWorkspace(
    GaussianRasterAllocator, const GaussianRasterTouches&) {}

template <typename Real>
GaussianRasterCudaWorkspace<Real>::~GaussianRasterCudaWorkspace() = default;

template <typename Real>
void GaussianRasterCudaWorkspace<Real>::Release() {}

template <typename Real>
GaussianRasterTouches GaussianRasterCudaWorkspace<Real>::seen() const {
  return {};
}

template <typename Real>
int64_t GaussianRasterCudaWorkspace<Real>::bytes() const {
  return 0;
}

template <typename Real>
bool GaussianRasterCudaWorkspace<Real>::captured() const {
  return false;
}

template <typename Real>
bool GaussianRasterCudaWorkspace<Real>::outgrown() const {
  return false;
}

template <typename Real>
void GaussianRasterCudaWorkspace<Real>::set_room(int64_t) {}

template <typename Real>
absl::Status GaussianRasterForwardCuda(const GaussianRasterInputs<Real>&,
                                       const GaussianRasterImages<Real*>&,
                                       int32_t*,
                                       GaussianRasterCudaWorkspace<Real>&,
                                       CUstream_st*) {
  return BuiltWithoutCuda();
}

template <typename Real>
absl::Status GaussianRasterBackwardCuda(
    const GaussianRasterInputs<Real>&, const GaussianRasterImages<const Real*>&,
    GaussianRasterCudaWorkspace<Real>&,
    const std::function<GaussianRasterGradients<Real>()>&, CUstream_st*) {
  return BuiltWithoutCuda();
}

#define DG4D_INSTANTIATE(Real)                                               \
  template class GaussianRasterCudaWorkspace<Real>;                          \
  template absl::Status GaussianRasterForwardCuda(                           \
      const GaussianRasterInputs<Real>&, const GaussianRasterImages<Real*>&, \
      int32_t*, GaussianRasterCudaWorkspace<Real>&, CUstream_st*);           \
  template absl::Status GaussianRasterBackwardCuda(                          \
      const GaussianRasterInputs<Real>&,                                     \
      const GaussianRasterImages<const Real*>&,                              \
      GaussianRasterCudaWorkspace<Real>&,                                    \
      const std::function<GaussianRasterGradients<Real>()>&, CUstream_st*)

DG4D_INSTANTIATE(float);
DG4D_INSTANTIATE(double);
#undef DG4D_INSTANTIATE

}  // namespace dg4d
