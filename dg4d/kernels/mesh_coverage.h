#ifndef DG4D_KERNELS_MESH_COVERAGE_H_
#define DG4D_KERNELS_MESH_COVERAGE_H_

#include <cstdint>

#include "dg4d/kernels/mesh_raster.h"

namespace dg4d {

// Draws meshes plainly and fast, without gradients: coverage from a grid of
// samples in each pixel, the colour at the pixel's centre, so that a texture
// stays sharp while silhouettes are smooth.
//
// Colours come from `corner_colors`, or from textures ("layers") by UV. Each
// row of `uvs` has a layer; where a triangle's corners differ in it, the layers
// are looked up at the same interpolated UV and blended by the corners'
// weights.
template <typename Real>
struct MeshCoverageInputs {
  MeshGeometry<Real> geometry;
  // Odd, at least 1: the middle one of samples x samples is the centre.
  int samples = 3;
  // The mesh is closed, its triangles are counter-clockwise seen from outside,
  // and no camera is (or cuts, at `near`) inside: the picture is the same, in
  // about half the time.
  bool closed = false;

  const Real* corner_colors = nullptr;  // [T, 3, 3]; if null, textures:

  const int32_t* uv_triangles = nullptr;  // [T, 3], in [0, U)
  const Real* uvs = nullptr;              // [U, 2], (0, 0) is the top left
  const int32_t* layer_of_uv = nullptr;   // [U], in [0, L); null: 0
  const Real* layers = nullptr;  // [L, S, S', 3] or [sets, L, S, S', 3]
  const int64_t* set_of_image = nullptr;  // [B], in [0, sets); null: 0
  int64_t layer_count = 1;                // L
  int layer_height = 0;                   // S
  int layer_width = 0;                    // S'
};

// Writes `rgba` [B, H, W, 4], colour premultiplied by coverage, and unless null
// `depth` [B, H, W] along the viewing axis, 0 where nothing is hit.
//
// alpha is the share of a pixel's samples that hit the mesh. Colour and depth
// are those at the pixel's centre; where the centre misses, the mean of the
// samples that hit. Textures are sampled bilinearly, texel centres at
// (i + 1/2) / size, clamped at the border.
template <typename Real>
void RenderMeshCoverageCpu(const MeshCoverageInputs<Real>& inputs, Real* rgba,
                           Real* depth);

}  // namespace dg4d

#endif  // DG4D_KERNELS_MESH_COVERAGE_H_
