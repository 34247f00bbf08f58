#include "dg4d/kernels/cuda_status.h"
#include "dg4d/kernels/mesh_picture_cuda.h"

namespace dg4d {

template <typename Real>
absl::Status AddMeshNormalsCuda(int64_t, int64_t, int64_t, const Real*,
                                const int32_t*, Real*, CUstream_st*) {
  return BuiltWithoutCuda();
}

template <typename Real>
absl::Status DrawMeshPictureCuda(const MeshPicture<Real>&,
                                 const MeshPictureNormals<Real>&,
                                 const MeshPictureImages<Real>&, CUstream_st*) {
  return BuiltWithoutCuda();
}

template <typename Real>
absl::Status FindMeshSilhouettesCuda(const MeshPicture<Real>&, Real*,
                                     CUstream_st*) {
  return BuiltWithoutCuda();
}

template <typename Real>
absl::Status SmoothMeshPictureCuda(const MeshPicture<Real>&, Real*, Real*,
                                   CUstream_st*) {
  return BuiltWithoutCuda();
}

template <typename Real>
absl::Status DrawMeshPictureVjpCuda(const MeshPicture<Real>&,
                                    const MeshPictureImageGradients<Real>&,
                                    const MeshPictureGradients<Real>&,
                                    CUstream_st*) {
  return BuiltWithoutCuda();
}

#define DG4D_INSTANTIATE(Real)                                                 \
  template absl::Status AddMeshNormalsCuda(int64_t, int64_t, int64_t,          \
                                           const Real*, const int32_t*, Real*, \
                                           CUstream_st*);                      \
  template absl::Status DrawMeshPictureCuda(                                   \
      const MeshPicture<Real>&, const MeshPictureNormals<Real>&,               \
      const MeshPictureImages<Real>&, CUstream_st*);                           \
  template absl::Status FindMeshSilhouettesCuda(const MeshPicture<Real>&,      \
                                                Real*, CUstream_st*);          \
  template absl::Status SmoothMeshPictureCuda(const MeshPicture<Real>&, Real*, \
                                              Real*, CUstream_st*);            \
  template absl::Status DrawMeshPictureVjpCuda(                                \
      const MeshPicture<Real>&, const MeshPictureImageGradients<Real>&,        \
      const MeshPictureGradients<Real>&, CUstream_st*);

DG4D_INSTANTIATE(float)
DG4D_INSTANTIATE(double)
#undef DG4D_INSTANTIATE

}  // namespace dg4d
