#ifndef DG4D_KERNELS_MESH_TEXTURE_DEVICE_H_
#define DG4D_KERNELS_MESH_TEXTURE_DEVICE_H_

#include <algorithm>
#include <cstdint>

#include "dg4d/kernels/mesh_texture.h"
#include "dg4d/kernels/mesh_texture_math.h"

namespace dg4d::mesh_raster {

// Private to the mesh kernels in .cu files.

// Level 0 is the texture itself, the others its mips.
struct Levels {
  static constexpr int kMost = 32;
  int count = 1;
  int heights[kMost], widths[kMost];
  int64_t offsets[kMost];  // texels since the first of level 0; [1] on: of mips
  int64_t base_texels = 0, mip_texels = 0;
  // How often a side was halved until it was 1, or odd: level l has rows of
  // 2^min(l, halvings_down) of level 0's.
  int halvings_down = 0, halvings_across = 0;
};

inline Levels LevelsOf(int height, int width, bool mip_mapped) {
  Levels levels;
  levels.base_texels = int64_t{height} * width;
  levels.heights[0] = height;
  levels.widths[0] = width;
  levels.offsets[0] = 0;
  const auto halves = [](int side) { return side == 1 || side % 2 == 0; };
  while (mip_mapped && halves(height) && halves(width) &&
         (height > 1 || width > 1)) {
    levels.halvings_down += height > 1;
    levels.halvings_across += width > 1;
    height = std::max(height / 2, 1);
    width = std::max(width / 2, 1);
    levels.heights[levels.count] = height;
    levels.widths[levels.count] = width;
    levels.offsets[levels.count++] = levels.base_texels + levels.mip_texels;
    levels.mip_texels += int64_t{height} * width;
  }
  return levels;
}

// What a pixel looks up: at one or two levels.
template <typename Real>
struct Lookup {
  Footprint<Real> footprint = {};
  MipTaps<Real> mip;
  int count;

  __device__ int Level(int i) const { return i == 0 ? mip.lower : mip.upper; }
  __device__ Real Share(int i) const {
    return i == 0 ? 1 - mip.fraction : mip.fraction;
  }
};

// `slopes` are u_x, u_y, v_x, v_y.
template <typename Real>
__device__ Lookup<Real> LookupAt(const Levels& levels, const Real slopes[4]) {
  Lookup<Real> lookup;
  if (levels.count > 1) {
    lookup.footprint =
        FootprintOf(slopes, Real(levels.widths[0]), Real(levels.heights[0]));
    lookup.mip = MipTapsAt(lookup.footprint, levels.count - 1);
  }
  lookup.count = lookup.mip.lower == lookup.mip.upper ? 1 : 2;
  return lookup;
}

template <typename Real>
__device__ BilinearTaps<Real> TapsAt(const Levels& levels, int level,
                                     const Real uv[2], bool wrap) {
  return BilinearTapsAt(uv[0], uv[1], int64_t{levels.widths[level]},
                        int64_t{levels.heights[level]},
                        wrap ? Border::kWrap : Border::kClamp);
}

// The first texel of a level of a set, in `base` [R, texels] or `mips`.
template <typename Real>
__device__ Real* LevelIn(Real* base, Real* mips, const Levels& levels,
                         int64_t set, int level, int64_t channels) {
  return level == 0 ? base + set * levels.base_texels * channels
                    : mips + (set * levels.mip_texels + levels.offsets[level] -
                              levels.base_texels) *
                                 channels;
}

template <typename Real>
__device__ int64_t SetOf(const MeshTexture<Real>& texture, int64_t image) {
  return texture.set_of_image == nullptr ? 0 : texture.set_of_image[image];
}

}  // namespace dg4d::mesh_raster

#endif  // DG4D_KERNELS_MESH_TEXTURE_DEVICE_H_
