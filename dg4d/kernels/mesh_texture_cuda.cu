#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "dg4d/kernels/cuda_status.h"
#include "dg4d/kernels/mesh_raster_cuda.h"
#include "dg4d/kernels/mesh_raster_device.h"
#include "dg4d/kernels/mesh_texture_device.h"
#include "dg4d/kernels/mesh_texture_math.h"

namespace dg4d {
namespace {

using namespace mesh_raster;  // NOLINT: the kernels' own

template <typename Real>
__device__ Lookup<Real> LookupAt(const MeshLookups<Real>& lookups,
                                 const Levels& levels, int64_t pixel) {
  return mesh_raster::LookupAt(
      levels, levels.count > 1 ? lookups.uv_derivatives + 4 * pixel : nullptr);
}

template <typename Real>
__device__ BilinearTaps<Real> TapsAt(const MeshTexture<Real>& texture,
                                     const MeshLookups<Real>& lookups,
                                     const Levels& levels, int level,
                                     int64_t pixel) {
  return mesh_raster::TapsAt(levels, level, lookups.uv + 2 * pixel,
                             texture.wrap);
}

// A block has a square of texels, of which one is left after kLevelsAtOnce
// levels.
constexpr int kLevelsAtOnce = 5;
constexpr int kBlockSide = 1 << kLevelsAtOnce;

dim3 Squares(const Levels& levels, int level, int64_t sets) {
  const auto blocks = [](int side) {
    return static_cast<unsigned>((side + kBlockSide - 1) / kBlockSide);
  };
  return {blocks(levels.widths[level]), blocks(levels.heights[level]),
          static_cast<unsigned>(sets)};
}

// Levels first + 1 to first + count from level first, each texel the mean of
// 2 x 2; a block of 16 x 16 threads has its part of each channel in turn.
template <typename Real>
__global__ void HalveLevels(const __grid_constant__ Levels levels, int first,
                            int count, int channels, const Real* texels,
                            Real* mips) {
  __shared__ Real means[2][kBlockSide / 2][kBlockSide / 2];
  const int64_t set = blockIdx.z;
  const int x = threadIdx.x, y = threadIdx.y;
  for (int c = 0; c < channels; ++c) {
    for (int k = 1; k <= count; ++k) {
      const int level = first + k, side = kBlockSide >> k;
      const int row = blockIdx.y * side + y, column = blockIdx.x * side + x;
      const bool mine = x < side && y < side && row < levels.heights[level] &&
                        column < levels.widths[level];
      if (mine) {
        Real sum = 0;
        if (k == 1) {
          const Real* from = LevelIn(texels, const_cast<const Real*>(mips),
                                     levels, set, first, channels);
          for (int i = 0; i < 4; ++i) {
            const int64_t texel =
                int64_t{2 * row + i / 2} * levels.widths[first] + 2 * column +
                i % 2;
            sum += from[texel * channels + c];
          }
        } else {
          for (int i = 0; i < 4; ++i) {
            sum += means[k % 2][2 * y + i / 2][2 * x + i % 2];
          }
        }
        const Real mean = sum / 4;
        means[(k + 1) % 2][y][x] = mean;
        Real* to = LevelIn(static_cast<Real*>(nullptr), mips, levels, set,
                           level, channels);
        to[(int64_t{row} * levels.widths[level] + column) * channels + c] =
            mean;
      }
      __syncthreads();
    }
  }
}

// One level from the one before where a side is 1: means of two.
template <typename Real>
__global__ void HalveRow(const __grid_constant__ Levels levels, int first,
                         int channels, const Real* texels, Real* mips) {
  const int64_t i = int64_t{blockIdx.x} * kBlock + threadIdx.x;
  const int64_t set = blockIdx.z, c = i % channels, texel = i / channels;
  if (texel >= int64_t{levels.heights[first + 1]} * levels.widths[first + 1]) {
    return;
  }
  const Real* from = LevelIn(texels, const_cast<const Real*>(mips), levels, set,
                             first, channels);
  Real* to = LevelIn(static_cast<Real*>(nullptr), mips, levels, set, first + 1,
                     channels);
  to[i] =
      (from[2 * texel * channels + c] + from[(2 * texel + 1) * channels + c]) /
      2;
}

template <typename Real>
__global__ void SampleKernel(MeshTexture<Real> texture,
                             MeshLookups<Real> lookups, Levels levels,
                             Real* colors) {
  const Pixel pixel = ThisPixel(lookups.width, lookups.height);
  if (!pixel.inside) return;
  const int channels = texture.channels;
  Real* color = colors + pixel.index * channels;
  if (lookups.triangle_ids[pixel.index] < 0) {
    for (int c = 0; c < channels; ++c) color[c] = 0;
    return;
  }
  const Lookup<Real> lookup = LookupAt(lookups, levels, pixel.index);
  const int64_t set = SetOf(texture, pixel.image);
  BilinearTaps<Real> taps[2];
  const Real* texels[2];
  for (int i = 0; i < lookup.count; ++i) {
    taps[i] = TapsAt(texture, lookups, levels, lookup.Level(i), pixel.index);
    texels[i] = LevelIn(texture.texels, texture.mips, levels, set,
                        lookup.Level(i), channels);
  }
  for (int c = 0; c < channels; ++c) {
    Real sum = 0;
    for (int i = 0; i < lookup.count; ++i) {
      for (int tap = 0; tap < 4; ++tap) {
        sum += lookup.Share(i) * taps[i].weights[tap] *
               texels[i][taps[i].texels[tap] * channels + c];
      }
    }
    color[c] = sum;
  }
}

template <typename Real>
__global__ void SampleVjp(MeshTexture<Real> texture, MeshLookups<Real> lookups,
                          Levels levels, const Real* color_gradients,
                          Real* texel_gradients, Real* mip_gradients,
                          Real* uv_gradients, Real* uv_derivative_gradients) {
  const Pixel pixel = ThisPixel(lookups.width, lookups.height);
  if (!pixel.inside) return;
  const int channels = texture.channels;
  const Real* gradient = color_gradients + pixel.index * channels;
  bool any = false;
  for (int c = 0; c < channels; ++c) any = any || gradient[c] != 0;
  Real uv_gradient[2] = {}, slope_gradients[4] = {};
  if (any && lookups.triangle_ids[pixel.index] >= 0) {
    const Lookup<Real> lookup = LookupAt(lookups, levels, pixel.index);
    const int64_t set = SetOf(texture, pixel.image);
    Real level_gradient = 0;
    for (int i = 0; i < lookup.count; ++i) {
      const int level = lookup.Level(i);
      const BilinearTaps<Real> taps =
          TapsAt(texture, lookups, levels, level, pixel.index);
      const Real* texels =
          LevelIn(texture.texels, texture.mips, levels, set, level, channels);
      Real* sums = texel_gradients == nullptr
                       ? nullptr
                       : LevelIn(texel_gradients, mip_gradients, levels, set,
                                 level, channels);
      for (int tap = 0; tap < 4; ++tap) {
        const int64_t first = taps.texels[tap] * channels;
        const Real weight = lookup.Share(i) * taps.weights[tap];
        Real product = 0;
        for (int c = 0; c < channels; ++c) {
          product += gradient[c] * texels[first + c];
          if (sums != nullptr) {
            atomicAdd(sums + first + c, weight * gradient[c]);
          }
        }
        uv_gradient[0] += lookup.Share(i) * taps.u_slopes[tap] * product;
        uv_gradient[1] += lookup.Share(i) * taps.v_slopes[tap] * product;
        level_gradient += (i == 0 ? -1 : 1) * taps.weights[tap] * product;
      }
    }
    if (lookup.count == 2) {
      LevelVjp(lookups.uv_derivatives + 4 * pixel.index, Real(texture.width),
               Real(texture.height), lookup.footprint, level_gradient,
               slope_gradients);
    }
  }
  for (int k = 0; uv_gradients != nullptr && k < 2; ++k) {
    uv_gradients[2 * pixel.index + k] = uv_gradient[k];
  }
  for (int k = 0; uv_derivative_gradients != nullptr && k < 4; ++k) {
    uv_derivative_gradients[4 * pixel.index + k] = slope_gradients[k];
  }
}

// The mips' shares of the gradient of a texel's channel, from level `last` to
// `first` (>= 1); `sum` is that of the levels above.
template <typename Real>
__device__ Real PullBack(const Levels& levels, int first, int last, int row,
                         int column, int channels, const Real* mips, Real sum) {
  for (int l = last; l >= first; --l) {
    const int down = min(l, levels.halvings_down);
    const int across = min(l, levels.halvings_across);
    const int64_t at = levels.offsets[l] - levels.base_texels +
                       int64_t{row >> down} * levels.widths[l] +
                       (column >> across);
    const bool of_four = down == l && across == l;
    sum = Real(of_four ? 0.25 : 0.5) * (mips[at * channels] + sum);
  }
  return sum;
}

// Adds what a texel has a share in, in all mips. A block has a square of
// kBlockSide x kBlockSide texels; levels from kLevelsAtOnce on mean the same to
// each of them.
template <typename Real>
__global__ void PullBackKernel(const __grid_constant__ Levels levels,
                               int channels, const Real* mip_gradients,
                               Real* texel_gradients) {
  extern __shared__ __align__(8) unsigned char shared[];
  Real* const coarse = reinterpret_cast<Real*>(shared);  // [C]
  const int64_t set = blockIdx.z;
  const Real* mips = mip_gradients + set * levels.mip_texels * channels;
  Real* texels = texel_gradients + set * levels.base_texels * channels;
  const int first_row = blockIdx.y * kBlockSide;
  const int first_column = blockIdx.x * kBlockSide;
  for (int c = threadIdx.x; c < channels; c += kBlock) {
    coarse[c] = PullBack(levels, kLevelsAtOnce, levels.count - 1, first_row,
                         first_column, channels, mips + c, Real(0));
  }
  __syncthreads();
  const int columns = min(kBlockSide, levels.widths[0] - first_column);
  const int rows = min(kBlockSide, levels.heights[0] - first_row);
  const int row_size = columns * channels;
  const int last = min(kLevelsAtOnce - 1, levels.count - 1);
  for (int i = threadIdx.x; i < rows * row_size; i += kBlock) {
    const int row = i / row_size, column = i % row_size / channels;
    const int c = i % row_size - column * channels;
    texels[(int64_t{first_row + row} * levels.widths[0] + first_column +
            column) *
               channels +
           c] += PullBack(levels, 1, last, first_row + row,
                          first_column + column, channels, mips + c, coarse[c]);
  }
}

absl::Status CheckSizes(int64_t images, int64_t sets) {
  if (images <= 65535 && sets <= 65535) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "mesh kernels take up to 65535 images and textures at once");
}

template <typename Real>
bool MipMapped(const MeshTexture<Real>& texture,
               const MeshLookups<Real>& lookups) {
  return texture.mips != nullptr && lookups.uv_derivatives != nullptr;
}

template <typename Real>
dim3 GridOf(const MeshLookups<Real>& lookups) {
  return PixelGrid(lookups.images, lookups.width, lookups.height);
}

template <typename Real>
bool IsEmpty(const MeshLookups<Real>& lookups) {
  return lookups.images == 0 || lookups.width == 0 || lookups.height == 0;
}

}  // namespace

template <typename Real>
absl::Status BuildMeshMipsCuda(const MeshTexture<Real>& texture, Real* mips,
                               CUstream_st* stream) {
  const absl::Status status = CheckSizes(0, texture.sets);
  if (!status.ok() || texture.sets == 0) return status;
  const Levels levels = LevelsOf(texture.height, texture.width, true);
  for (int first = 0; first + 1 < levels.count;) {
    int count = 0;
    while (count < kLevelsAtOnce && first + count + 1 < levels.count &&
           levels.heights[first + count] > 1 &&
           levels.widths[first + count] > 1) {
      ++count;
    }
    if (count == 0) {
      const int64_t size = int64_t{levels.heights[first + 1]} *
                           levels.widths[first + 1] * texture.channels;
      const dim3 grid(BlocksFor(size), 1, static_cast<unsigned>(texture.sets));
      HalveRow<<<grid, kBlock, 0, stream>>>(levels, first, texture.channels,
                                            texture.texels, mips);
      ++first;
      continue;
    }
    HalveLevels<<<Squares(levels, first, texture.sets),
                  dim3(kBlockSide / 2, kBlockSide / 2), 0, stream>>>(
        levels, first, count, texture.channels, texture.texels, mips);
    first += count;
  }
  return LaunchStatus("BuildMeshMipsCuda");
}

template <typename Real>
absl::Status BuildMeshMipsVjpCuda(const MeshTexture<Real>& texture,
                                  const Real* mip_gradients,
                                  Real* texel_gradients, CUstream_st* stream) {
  if (const absl::Status s = CheckSizes(0, texture.sets); !s.ok()) return s;
  const Levels levels = LevelsOf(texture.height, texture.width, true);
  if (levels.count == 1 || texture.sets == 0) return absl::OkStatus();
  PullBackKernel<<<Squares(levels, 0, texture.sets), kBlock,
                   sizeof(Real) * texture.channels, stream>>>(
      levels, texture.channels, mip_gradients, texel_gradients);
  return LaunchStatus("BuildMeshMipsVjpCuda");
}

template <typename Real>
absl::Status SampleMeshTextureCuda(const MeshTexture<Real>& texture,
                                   const MeshLookups<Real>& lookups,
                                   Real* colors, CUstream_st* stream) {
  if (IsEmpty(lookups)) return absl::OkStatus();
  const absl::Status s = CheckSizes(lookups.images, texture.sets);
  if (!s.ok()) return s;
  SampleKernel<<<GridOf(lookups), kBlock, 0, stream>>>(
      texture, lookups,
      LevelsOf(texture.height, texture.width, MipMapped(texture, lookups)),
      colors);
  return LaunchStatus("SampleMeshTextureCuda");
}

template <typename Real>
absl::Status SampleMeshTextureVjpCuda(
    const MeshTexture<Real>& texture, const MeshLookups<Real>& lookups,
    const Real* color_gradients, Real* texel_gradients, Real* uv_gradients,
    Real* uv_derivative_gradients, Real* mip_gradients, CUstream_st* stream) {
  const absl::Status s = CheckSizes(lookups.images, texture.sets);
  if (!s.ok()) return s;
  const Levels levels =
      LevelsOf(texture.height, texture.width, MipMapped(texture, lookups));
  const int64_t row = sizeof(Real) * texture.sets * texture.channels;
  const bool pulls_back = texel_gradients != nullptr && levels.count > 1;
  if (texel_gradients != nullptr) {
    cudaMemsetAsync(texel_gradients, 0, row * levels.base_texels, stream);
  }
  if (pulls_back) {
    cudaMemsetAsync(mip_gradients, 0, row * levels.mip_texels, stream);
  }
  if (!IsEmpty(lookups)) {
    SampleVjp<<<GridOf(lookups), kBlock, 0, stream>>>(
        texture, lookups, levels, color_gradients, texel_gradients,
        mip_gradients, uv_gradients, uv_derivative_gradients);
  }
  const absl::Status sampled = LaunchStatus("SampleMeshTextureVjpCuda");
  if (!sampled.ok() || !pulls_back) return sampled;
  return BuildMeshMipsVjpCuda(texture, mip_gradients, texel_gradients, stream);
}

#define DG4D_INSTANTIATE(Real)                                                \
  template absl::Status BuildMeshMipsCuda<Real>(const MeshTexture<Real>&,     \
                                                Real*, CUstream_st*);         \
  template absl::Status BuildMeshMipsVjpCuda<Real>(                           \
      const MeshTexture<Real>&, const Real*, Real*, CUstream_st*);            \
  template absl::Status SampleMeshTextureCuda<Real>(const MeshTexture<Real>&, \
                                                    const MeshLookups<Real>&, \
                                                    Real*, CUstream_st*);     \
  template absl::Status SampleMeshTextureVjpCuda<Real>(                       \
      const MeshTexture<Real>&, const MeshLookups<Real>&, const Real*, Real*, \
      Real*, Real*, Real*, CUstream_st*);

DG4D_INSTANTIATE(float)
DG4D_INSTANTIATE(double)
#undef DG4D_INSTANTIATE

}  // namespace dg4d
