#ifndef DG4D_KERNELS_MESH_TEXTURE_H_
#define DG4D_KERNELS_MESH_TEXTURE_H_

#include <cstdint>

namespace dg4d {

// Looks textures up, differentiably. Conventions of mesh_raster.h. (u, v) =
// (0, 0) is the texture's top left corner; texel (i, j)'s centre is at
// u = (j + 1/2) / width, v = (i + 1/2) / height.

template <typename Real>
struct MeshTexture {
  int64_t sets = 0;              // R
  int height = 0;                // S
  int width = 0;                 // S'
  int channels = 0;              // C
  const Real* texels = nullptr;  // [R, S, S', C]
  // Smaller copies, as of BuildMeshMipsCpu; null: no mip-mapping.
  const Real* mips = nullptr;             // [R, MeshMipTexels(S, S'), C]
  const int64_t* set_of_image = nullptr;  // [B], in [0, R); null: 0
  // Beyond [0, 1] the texture repeats; otherwise its border does.
  bool wrap = false;
};

// Where to look.
template <typename Real>
struct MeshLookups {
  int64_t images = 0;                     // B
  int width = 0;                          // W
  int height = 0;                         // H
  const int32_t* triangle_ids = nullptr;  // [B, H, W]; colour is 0 where -1
  const Real* uv = nullptr;               // [B, H, W, 2]
  // d(u, v)/d(pixel x, y) at [.., 0 or 1, 0 or 1]; null: no mip-mapping.
  const Real* uv_derivatives = nullptr;  // [B, H, W, 2, 2]
};

// How many texels the smaller copies of a texture have together. Each has half
// the sides of the one before; they end when a side other than 1 is odd.
int64_t MeshMipTexels(int height, int width);

// Writes `mips` [R, MeshMipTexels, C]: means of 2 x 2 texels (2 x 1 where a
// side is 1) of the values as they are, so in linear light if they are. Ignores
// `texture.mips`.
template <typename Real>
void BuildMeshMipsCpu(const MeshTexture<Real>& texture, Real* mips);

// Writes `colors` [B, H, W, C]: bilinear, or with mips trilinear at the level
// where a texel is as long as the longer axis of the pixel's footprint.
template <typename Real>
void SampleMeshTextureCpu(const MeshTexture<Real>& texture,
                          const MeshLookups<Real>& lookups, Real* colors);

// Writes `texel_gradients` [R, S, S', C] (those of the mips pulled back to the
// texels), `uv_gradients` [B, H, W, 2] and `uv_derivative_gradients`
// [B, H, W, 2, 2].
template <typename Real>
void SampleMeshTextureVjpCpu(const MeshTexture<Real>& texture,
                             const MeshLookups<Real>& lookups,
                             const Real* color_gradients, Real* texel_gradients,
                             Real* uv_gradients, Real* uv_derivative_gradients);

}  // namespace dg4d

#endif  // DG4D_KERNELS_MESH_TEXTURE_H_
