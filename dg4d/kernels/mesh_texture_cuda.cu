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

// One level from the one before, both with all sets, `stride` texels apart.
template <typename Real>
__global__ void HalveKernel(const Real* big, int64_t big_stride, Real* small,
                            int64_t small_stride, int height, int width,
                            int down, int across, int channels) {
  const int64_t i = int64_t{blockIdx.x} * kBlock + threadIdx.x;
  const int64_t size = int64_t{height} * width * channels;
  if (i >= size) return;
  const int64_t set = blockIdx.y, c = i % channels, texel = i / channels;
  const int64_t row = texel / width * down, column = texel % width * across;
  const Real* from = big + set * big_stride * channels + c;
  Real sum = 0;
  for (int di = 0; di < down; ++di) {
    for (int dj = 0; dj < across; ++dj) {
      sum += from[((row + di) * (int64_t{width} * across) + column + dj) *
                  channels];
    }
  }
  small[set * small_stride * channels + i] = sum / (down * across);
}

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

// Each texel's own gradient and its shares of those of the mips, all at once.
template <typename Real>
__global__ void PullBackKernel(Levels levels, int channels,
                               const Real* mip_gradients,
                               Real* texel_gradients) {
  const int64_t i = int64_t{blockIdx.x} * kBlock + threadIdx.x;
  if (i >= levels.base_texels * channels) return;
  const int64_t set = blockIdx.y, c = i % channels, texel = i / channels;
  const int64_t row = texel / levels.widths[0],
                column = texel % levels.widths[0];
  const Real* mips = mip_gradients + set * levels.mip_texels * channels;
  Real sum = 0;
  for (int l = levels.count - 1; l > 0; --l) {
    const int64_t down = levels.heights[0] / levels.heights[l];
    const int64_t across = levels.widths[0] / levels.widths[l];
    const int64_t at = levels.offsets[l] - levels.base_texels +
                       row / down * levels.widths[l] + column / across;
    const int parents = levels.heights[l - 1] / levels.heights[l] *
                        (levels.widths[l - 1] / levels.widths[l]);
    sum = (Real(1) / parents) * (mips[at * channels + c] + sum);
  }
  texel_gradients[set * levels.base_texels * channels + i] += sum;
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
  if (const absl::Status s = CheckSizes(0, texture.sets); !s.ok()) return s;
  const Levels levels = LevelsOf(texture.height, texture.width, true);
  for (int l = 1; l < levels.count && texture.sets > 0; ++l) {
    const int64_t size =
        int64_t{levels.heights[l]} * levels.widths[l] * texture.channels;
    const dim3 grid(BlocksFor(size), static_cast<unsigned>(texture.sets));
    const Real* big =
        l == 1 ? texture.texels
               : mips + (levels.offsets[l - 1] - levels.base_texels) *
                            texture.channels;
    HalveKernel<<<grid, kBlock, 0, stream>>>(
        big, l == 1 ? levels.base_texels : levels.mip_texels,
        mips + (levels.offsets[l] - levels.base_texels) * texture.channels,
        levels.mip_texels, levels.heights[l], levels.widths[l],
        levels.heights[l - 1] / levels.heights[l],
        levels.widths[l - 1] / levels.widths[l], texture.channels);
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
  const dim3 grid(BlocksFor(levels.base_texels * texture.channels),
                  static_cast<unsigned>(texture.sets));
  PullBackKernel<<<grid, kBlock, 0, stream>>>(levels, texture.channels,
                                              mip_gradients, texel_gradients);
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
