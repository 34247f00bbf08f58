#ifndef DG4D_KERNELS_MESH_PICTURE_CUDA_H_
#define DG4D_KERNELS_MESH_PICTURE_CUDA_H_

#include <cstdint>

#include "absl/status/status.h"
#include "dg4d/kernels/mesh_raster.h"
#include "dg4d/kernels/mesh_texture.h"

struct CUstream_st;  // cudaStream_t is a pointer to it

namespace dg4d {

// Pictures of meshes on CUDA: what interpolation, texture lookup, composition
// and smoothing of silhouettes make one after the other, by a kernel each way.
// What a pixel shows is computed at once, and again for its gradient, instead
// of being kept in between: of the CPU's 100 bytes a pixel few are left.
//
// Takes over where RasterizeMeshCuda (mesh_raster_cuda.h) ends, whose terms on
// memory, streams and sums hold here too.

// Adds to `sums` [M, V, 3] the normal of each triangle, twice its area long, at
// its three corners.
template <typename Real>
absl::Status AddMeshNormalsCuda(int64_t meshes, int64_t vertex_count,
                                int64_t triangle_count, const Real* vertices,
                                const int32_t* triangles, Real* sums,
                                CUstream_st* stream);

// A picture of projected, textured triangles over a background.
template <typename Real>
struct MeshPicture {
  MeshGeometry<Real> geometry;
  const int32_t* triangle_ids = nullptr;  // [B, H, W], of RasterizeMeshCuda
  MeshAttributes<Real> uvs;               // one set of two channels
  MeshTexture<Real> texture;              // mips: whether it is mip-mapped
  const Real* background = nullptr;       // [B, C]
  // Smoothing of silhouettes, all null for none:
  const int32_t* neighbors = nullptr;  // [T, 3]
  const Real* unsmoothed = nullptr;    // [B, C, H, W], rgb without
  const Real* weights = nullptr;       // [B, H, W, 2]
  const Real* depth = nullptr;         // [B, 1, H, W]
};

// What a picture shows. Null ones are not written.
template <typename Real>
struct MeshPictureImages {
  Real* rgb = nullptr;      // [B, C, H, W]
  Real* alpha = nullptr;    // [B, 1, H, W]
  Real* depth = nullptr;    // [B, 1, H, W], 0 where empty
  Real* uv = nullptr;       // [B, 2, H, W], 0 where empty
  Real* normals = nullptr;  // [B, 3, H, W], unit; 0 where empty
};

// Of vertices, for MeshPictureImages::normals.
template <typename Real>
struct MeshPictureNormals {
  const Real* sums = nullptr;              // [M, V, 3], of AddMeshNormalsCuda
  const int64_t* mesh_of_image = nullptr;  // [B], in [0, M)
};

// Draws without smoothing: ignores what `picture` says of it.
template <typename Real>
absl::Status DrawMeshPictureCuda(const MeshPicture<Real>& picture,
                                 const MeshPictureNormals<Real>& normals,
                                 const MeshPictureImages<Real>& images,
                                 CUstream_st* stream);

// Writes the `weights` [B, H, W, 2] that `picture` lacks yet.
template <typename Real>
absl::Status FindMeshSilhouettesCuda(const MeshPicture<Real>& picture,
                                     Real* weights, CUstream_st* stream);

// Writes rgb and alpha, smoothed.
template <typename Real>
absl::Status SmoothMeshPictureCuda(const MeshPicture<Real>& picture, Real* rgb,
                                   Real* alpha, CUstream_st* stream);

// Gradients of images; null counts as zero.
template <typename Real>
struct MeshPictureImageGradients {
  const Real* rgb = nullptr;
  const Real* alpha = nullptr;
  const Real* depth = nullptr;
};

// Where gradients are added; null ones are not computed.
template <typename Real>
struct MeshPictureGradients {
  Real* positions = nullptr;   // [B, V, 3]
  Real* uvs = nullptr;         // [U, 2]
  Real* texels = nullptr;      // [R, S, S', C]
  Real* mips = nullptr;        // [R, MeshMipTexels, C]; with texels, if mipped
  Real* background = nullptr;  // [B, C]
};

template <typename Real>
absl::Status DrawMeshPictureVjpCuda(
    const MeshPicture<Real>& picture,
    const MeshPictureImageGradients<Real>& image_gradients,
    const MeshPictureGradients<Real>& gradients, CUstream_st* stream);

}  // namespace dg4d

#endif  // DG4D_KERNELS_MESH_PICTURE_CUDA_H_
