#include "dg4d/kernels/cuda_status.h"
#include "dg4d/kernels/mesh_raster_cuda.h"

namespace dg4d {

int64_t RasterizeMeshWorkspaceBytes(int64_t, int64_t, int, int) { return 0; }

int64_t FindMeshNeighborsWorkspaceBytes(int64_t) { return 0; }

absl::Status FindMeshNeighborsCuda(const int32_t*, int64_t, int32_t*, void*,
                                   CUstream_st*) {
  return BuiltWithoutCuda();
}

template <typename Real>
absl::Status ProjectMeshCuda(const MeshProjection<Real>&, Real*, CUstream_st*) {
  return BuiltWithoutCuda();
}

template <typename Real>
absl::Status ProjectMeshVjpCuda(const MeshProjection<Real>&, const Real*, Real*,
                                CUstream_st*) {
  return BuiltWithoutCuda();
}

template <typename Real>
absl::Status RasterizeMeshCuda(const MeshGeometry<Real>&, int32_t*,
                               const MeshFragments<Real>&, void*,
                               CUstream_st*) {
  return BuiltWithoutCuda();
}

template <typename Real>
absl::Status RasterizeMeshVjpCuda(const MeshGeometry<Real>&, const int32_t*,
                                  const MeshFragments<const Real>&, Real*,
                                  CUstream_st*) {
  return BuiltWithoutCuda();
}

template <typename Real>
absl::Status InterpolateMeshCuda(const MeshGeometry<Real>&, const int32_t*,
                                 const MeshFragments<const Real>&,
                                 const MeshAttributes<Real>&, Real*, Real*,
                                 CUstream_st*) {
  return BuiltWithoutCuda();
}

template <typename Real>
absl::Status InterpolateMeshVjpCuda(const MeshGeometry<Real>&, const int32_t*,
                                    const MeshFragments<const Real>&,
                                    const MeshAttributes<Real>&, const Real*,
                                    const Real*, Real*,
                                    const MeshFragments<Real>&, CUstream_st*) {
  return BuiltWithoutCuda();
}

template <typename Real>
absl::Status BuildMeshMipsCuda(const MeshTexture<Real>&, Real*, CUstream_st*) {
  return BuiltWithoutCuda();
}

template <typename Real>
absl::Status BuildMeshMipsVjpCuda(const MeshTexture<Real>&, const Real*, Real*,
                                  CUstream_st*) {
  return BuiltWithoutCuda();
}

template <typename Real>
absl::Status SampleMeshTextureCuda(const MeshTexture<Real>&,
                                   const MeshLookups<Real>&, Real*,
                                   CUstream_st*) {
  return BuiltWithoutCuda();
}

template <typename Real>
absl::Status SampleMeshTextureVjpCuda(const MeshTexture<Real>&,
                                      const MeshLookups<Real>&, const Real*,
                                      Real*, Real*, Real*, Real*,
                                      CUstream_st*) {
  return BuiltWithoutCuda();
}

template <typename Real>
absl::Status AntialiasMeshCuda(const MeshGeometry<Real>&,
                               const MeshSilhouettes<Real>&, int64_t,
                               const Real*, Real*, Real*, CUstream_st*) {
  return BuiltWithoutCuda();
}

template <typename Real>
absl::Status AntialiasMeshVjpCuda(const MeshGeometry<Real>&,
                                  const MeshSilhouettes<Real>&, int64_t,
                                  const Real*, const Real*, const Real*, Real*,
                                  Real*, CUstream_st*) {
  return BuiltWithoutCuda();
}

int64_t RenderMeshCoverageWorkspaceBytes(int64_t, int64_t, int, int, int) {
  return 0;
}

template <typename Real>
absl::Status RenderMeshCoverageCuda(const MeshCoverageInputs<Real>&, Real*,
                                    Real*, void*, CUstream_st*) {
  return BuiltWithoutCuda();
}

#define DG4D_INSTANTIATE(Real)                                                \
  template absl::Status ProjectMeshCuda<Real>(const MeshProjection<Real>&,    \
                                              Real*, CUstream_st*);           \
  template absl::Status ProjectMeshVjpCuda<Real>(                             \
      const MeshProjection<Real>&, const Real*, Real*, CUstream_st*);         \
  template absl::Status RasterizeMeshCuda<Real>(                              \
      const MeshGeometry<Real>&, int32_t*, const MeshFragments<Real>&, void*, \
      CUstream_st*);                                                          \
  template absl::Status RasterizeMeshVjpCuda<Real>(                           \
      const MeshGeometry<Real>&, const int32_t*,                              \
      const MeshFragments<const Real>&, Real*, CUstream_st*);                 \
  template absl::Status InterpolateMeshCuda<Real>(                            \
      const MeshGeometry<Real>&, const int32_t*,                              \
      const MeshFragments<const Real>&, const MeshAttributes<Real>&, Real*,   \
      Real*, CUstream_st*);                                                   \
  template absl::Status InterpolateMeshVjpCuda<Real>(                         \
      const MeshGeometry<Real>&, const int32_t*,                              \
      const MeshFragments<const Real>&, const MeshAttributes<Real>&,          \
      const Real*, const Real*, Real*, const MeshFragments<Real>&,            \
      CUstream_st*);                                                          \
  template absl::Status BuildMeshMipsCuda<Real>(const MeshTexture<Real>&,     \
                                                Real*, CUstream_st*);         \
  template absl::Status BuildMeshMipsVjpCuda<Real>(                           \
      const MeshTexture<Real>&, const Real*, Real*, CUstream_st*);            \
  template absl::Status SampleMeshTextureCuda<Real>(const MeshTexture<Real>&, \
                                                    const MeshLookups<Real>&, \
                                                    Real*, CUstream_st*);     \
  template absl::Status SampleMeshTextureVjpCuda<Real>(                       \
      const MeshTexture<Real>&, const MeshLookups<Real>&, const Real*, Real*, \
      Real*, Real*, Real*, CUstream_st*);                                     \
  template absl::Status AntialiasMeshCuda<Real>(                              \
      const MeshGeometry<Real>&, const MeshSilhouettes<Real>&, int64_t,       \
      const Real*, Real*, Real*, CUstream_st*);                               \
  template absl::Status AntialiasMeshVjpCuda<Real>(                           \
      const MeshGeometry<Real>&, const MeshSilhouettes<Real>&, int64_t,       \
      const Real*, const Real*, const Real*, Real*, Real*, CUstream_st*);     \
  template absl::Status RenderMeshCoverageCuda<Real>(                         \
      const MeshCoverageInputs<Real>&, Real*, Real*, void*, CUstream_st*);

DG4D_INSTANTIATE(float)
DG4D_INSTANTIATE(double)
#undef DG4D_INSTANTIATE

}  // namespace dg4d
