#ifndef DG4D_KERNELS_MESH_RASTER_CUDA_H_
#define DG4D_KERNELS_MESH_RASTER_CUDA_H_

#include <cstdint>

#include "absl/status/status.h"
#include "dg4d/kernels/mesh_antialias.h"
#include "dg4d/kernels/mesh_coverage.h"
#include "dg4d/kernels/mesh_raster.h"
#include "dg4d/kernels/mesh_texture.h"

struct CUstream_st;  // cudaStream_t is a pointer to it

namespace dg4d {

// The CUDA twins of mesh_raster.h, mesh_texture.h, mesh_antialias.h and
// mesh_coverage.h: the same structs and results, with every array, also
// `mesh_of_image` and its like, in the memory of the current device, aligned as
// cudaMalloc does.
//
// Each enqueues its work on `stream`, waits for nothing, allocates nothing and
// can be captured in a CUDA graph. Workspaces are the caller's; their sizes
// follow from shapes, so none can overflow. Up to 65535 images. Sums of
// gradients are atomic: their last bits may differ from run to run.
//
// Unimplemented without --config=cuda.

template <typename Real>
absl::Status ProjectMeshCuda(const MeshProjection<Real>& projection,
                             Real* positions, CUstream_st* stream);

template <typename Real>
absl::Status ProjectMeshVjpCuda(const MeshProjection<Real>& projection,
                                const Real* position_gradients,
                                Real* vertex_gradients, CUstream_st* stream);

// Bytes of RasterizeMeshCuda's workspace.
int64_t RasterizeMeshWorkspaceBytes(int64_t images, int64_t triangle_count,
                                    int width, int height);

// Covers the CPU's pixels to the bit. Depths are compared by the leading bits
// of their inverse, 64 less those of T: where they agree (to about 3e-14 for
// 20,000 triangles) the first triangle is seen.
template <typename Real>
absl::Status RasterizeMeshCuda(const MeshGeometry<Real>& geometry,
                               int32_t* triangle_ids,
                               const MeshFragments<Real>& fragments,
                               void* workspace, CUstream_st* stream);

template <typename Real>
absl::Status RasterizeMeshVjpCuda(
    const MeshGeometry<Real>& geometry, const int32_t* triangle_ids,
    const MeshFragments<const Real>& fragment_gradients,
    Real* position_gradients, CUstream_st* stream);

template <typename Real>
absl::Status InterpolateMeshCuda(const MeshGeometry<Real>& geometry,
                                 const int32_t* triangle_ids,
                                 const MeshFragments<const Real>& fragments,
                                 const MeshAttributes<Real>& attributes,
                                 Real* values, Real* derivatives,
                                 CUstream_st* stream);

template <typename Real>
absl::Status InterpolateMeshVjpCuda(
    const MeshGeometry<Real>& geometry, const int32_t* triangle_ids,
    const MeshFragments<const Real>& fragments,
    const MeshAttributes<Real>& attributes, const Real* value_gradients,
    const Real* derivative_gradients, Real* attribute_gradients,
    const MeshFragments<Real>& fragment_gradients, CUstream_st* stream);

template <typename Real>
absl::Status BuildMeshMipsCuda(const MeshTexture<Real>& texture, Real* mips,
                               CUstream_st* stream);

// Adds to `texel_gradients` [R, S, S', C] what `mip_gradients`
// [R, MeshMipTexels, C] mean for the texels.
template <typename Real>
absl::Status BuildMeshMipsVjpCuda(const MeshTexture<Real>& texture,
                                  const Real* mip_gradients,
                                  Real* texel_gradients, CUstream_st* stream);

template <typename Real>
absl::Status SampleMeshTextureCuda(const MeshTexture<Real>& texture,
                                   const MeshLookups<Real>& lookups,
                                   Real* colors, CUstream_st* stream);

// `mip_gradients` [R, MeshMipTexels, C] is workspace, needed with mips and
// texel gradients.
template <typename Real>
absl::Status SampleMeshTextureVjpCuda(const MeshTexture<Real>& texture,
                                      const MeshLookups<Real>& lookups,
                                      const Real* color_gradients,
                                      Real* texel_gradients, Real* uv_gradients,
                                      Real* uv_derivative_gradients,
                                      Real* mip_gradients, CUstream_st* stream);

// Bytes of FindMeshNeighborsCuda's workspace.
int64_t FindMeshNeighborsWorkspaceBytes(int64_t triangle_count);

absl::Status FindMeshNeighborsCuda(const int32_t* triangles,
                                   int64_t triangle_count, int32_t* neighbors,
                                   void* workspace, CUstream_st* stream);

template <typename Real>
absl::Status AntialiasMeshCuda(const MeshGeometry<Real>& geometry,
                               const MeshSilhouettes<Real>& silhouettes,
                               int64_t channels, const Real* colors,
                               Real* weights, Real* smooth,
                               CUstream_st* stream);

template <typename Real>
absl::Status AntialiasMeshVjpCuda(
    const MeshGeometry<Real>& geometry,
    const MeshSilhouettes<Real>& silhouettes, int64_t channels,
    const Real* colors, const Real* weights, const Real* smooth_gradients,
    Real* color_gradients, Real* position_gradients, CUstream_st* stream);

// Bytes of RenderMeshCoverageCuda's workspace.
int64_t RenderMeshCoverageWorkspaceBytes(int64_t images, int64_t triangle_count,
                                         int width, int height, int samples);

// Covers the CPU's samples to the bit; depths as RasterizeMeshCuda.
template <typename Real>
absl::Status RenderMeshCoverageCuda(const MeshCoverageInputs<Real>& inputs,
                                    Real* rgba, Real* depth, void* workspace,
                                    CUstream_st* stream);

}  // namespace dg4d

#endif  // DG4D_KERNELS_MESH_RASTER_CUDA_H_
