#include <algorithm>
#include <memory>
#include <vector>

#include "dg4d/base/parallel.h"
#include "dg4d/kernels/mesh_scatter.h"
#include "dg4d/kernels/mesh_texture.h"
#include "dg4d/kernels/mesh_texture_math.h"

namespace dg4d {
namespace {

using mesh_raster::BilinearTaps;
using mesh_raster::Border;
using mesh_raster::Footprint;
using mesh_raster::MipTaps;
using mesh_raster::ScatterRows;

constexpr int64_t kTexelRowGrain = 32;
constexpr int64_t kPixelGrain = 4096;

struct Level {
  int height, width;
  int64_t offset;  // texels since the first texel of level 0
};

// Level 0 is the texture itself, the others its mips.
std::vector<Level> LevelsOf(int height, int width) {
  std::vector<Level> levels = {{height, width, 0}};
  const auto halves = [](int side) { return side == 1 || side % 2 == 0; };
  while (halves(height) && halves(width) && (height > 1 || width > 1)) {
    const int64_t offset = levels.back().offset + int64_t{height} * width;
    height = std::max(height / 2, 1);
    width = std::max(width / 2, 1);
    levels.push_back({height, width, offset});
  }
  return levels;
}

// Calls `body(texel, sources, count)` for each texel of level `small` with the
// texels of the level `big` before it that it is the mean of.
template <typename Body>
void ForEachMean(const Level& big, const Level& small, Body body) {
  const int down = big.height / small.height;
  const int across = big.width / small.width;
  ParallelFor(small.height, kTexelRowGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t j = 0; j < small.width; ++j) {
        int64_t sources[4];
        int count = 0;
        for (int di = 0; di < down; ++di) {
          for (int dj = 0; dj < across; ++dj) {
            sources[count++] = (i * down + di) * big.width + j * across + dj;
          }
        }
        body(i * small.width + j, sources, count);
      }
    }
  });
}

template <typename Real>
class Sampler {
 public:
  Sampler(const MeshTexture<Real>& texture, const MeshLookups<Real>& lookups)
      : texture_(texture),
        lookups_(lookups),
        mip_mapped_(texture.mips != nullptr &&
                    lookups.uv_derivatives != nullptr),
        levels_(mip_mapped_
                    ? LevelsOf(texture.height, texture.width)
                    : std::vector<Level>{{texture.height, texture.width, 0}}),
        base_texels_(int64_t{texture.height} * texture.width),
        mip_texels_(mip_mapped_ ? MeshMipTexels(texture.height, texture.width)
                                : 0),
        border_(texture.wrap ? Border::kWrap : Border::kClamp) {}

  const std::vector<Level>& levels() const { return levels_; }
  int64_t chain_texels() const { return base_texels_ + mip_texels_; }

  // What a pixel looks up: at one or two levels.
  struct Lookup {
    Footprint<Real> footprint = {};
    MipTaps<Real> mip;
    int count = 1;
    int levels[2];
    Real shares[2];
    BilinearTaps<Real> taps[2];
  };

  Lookup At(int64_t pixel) const {
    Lookup lookup;
    if (mip_mapped_) {
      lookup.footprint =
          mesh_raster::FootprintOf(lookups_.uv_derivatives + 4 * pixel,
                                   Real(texture_.width), Real(texture_.height));
      lookup.mip = mesh_raster::MipTapsAt(lookup.footprint,
                                          static_cast<int>(levels_.size()) - 1);
    }
    lookup.levels[0] = lookup.mip.lower;
    lookup.levels[1] = lookup.mip.upper;
    lookup.shares[0] = 1 - lookup.mip.fraction;
    lookup.shares[1] = lookup.mip.fraction;
    lookup.count = lookup.mip.lower == lookup.mip.upper ? 1 : 2;
    for (int i = 0; i < lookup.count; ++i) {
      const Level& level = levels_[lookup.levels[i]];
      lookup.taps[i] = mesh_raster::BilinearTapsAt(
          lookups_.uv[2 * pixel], lookups_.uv[2 * pixel + 1],
          int64_t{level.width}, int64_t{level.height}, border_);
    }
    return lookup;
  }

  // The first texel of a level of the texture that `image` shows.
  const Real* Texels(int64_t image, int level) const {
    const int64_t set =
        texture_.set_of_image == nullptr ? 0 : texture_.set_of_image[image];
    if (level == 0) {
      return texture_.texels + set * base_texels_ * texture_.channels;
    }
    return texture_.mips +
           (set * mip_texels_ + levels_[level].offset - base_texels_) *
               texture_.channels;
  }

 private:
  const MeshTexture<Real>& texture_;
  const MeshLookups<Real>& lookups_;
  const bool mip_mapped_;
  const std::vector<Level> levels_;
  const int64_t base_texels_, mip_texels_;
  const Border border_;
};

// The backward pass of one pixel. `chain` is the gradient of all levels.
template <typename Real>
class PixelVjp {
 public:
  PixelVjp(const MeshTexture<Real>& texture, const MeshLookups<Real>& lookups,
           const Sampler<Real>& sampler, const Real* color_gradients,
           Real* uv_gradients, Real* uv_derivative_gradients)
      : texture_(texture),
        lookups_(lookups),
        sampler_(sampler),
        color_gradients_(color_gradients),
        uv_gradients_(uv_gradients),
        uv_derivative_gradients_(uv_derivative_gradients) {}

  void Add(int64_t image, int64_t pixel, Real* chain) const {
    Real uv_gradient[2] = {};
    Real slope_gradients[4] = {};
    const Real* gradient = color_gradients_ + pixel * texture_.channels;
    if (lookups_.triangle_ids[pixel] >= 0 &&
        std::any_of(gradient, gradient + texture_.channels,
                    [](Real value) { return value != 0; })) {
      AddLookup(image, pixel, gradient, chain, uv_gradient, slope_gradients);
    }
    if (uv_gradients_ != nullptr) {
      std::copy_n(uv_gradient, 2, uv_gradients_ + 2 * pixel);
    }
    if (uv_derivative_gradients_ != nullptr) {
      std::copy_n(slope_gradients, 4, uv_derivative_gradients_ + 4 * pixel);
    }
  }

 private:
  void AddLookup(int64_t image, int64_t pixel, const Real* gradient,
                 Real* chain, Real uv_gradient[2],
                 Real slope_gradients[4]) const {
    const auto lookup = sampler_.At(pixel);
    const int channels = texture_.channels;
    Real level_gradient = 0;
    for (int i = 0; i < lookup.count; ++i) {
      const Real* texels = sampler_.Texels(image, lookup.levels[i]);
      const BilinearTaps<Real>& taps = lookup.taps[i];
      const int64_t offset = sampler_.levels()[lookup.levels[i]].offset;
      for (int tap = 0; tap < 4; ++tap) {
        const Real* texel = texels + taps.texels[tap] * channels;
        const Real weight = lookup.shares[i] * taps.weights[tap];
        Real product = 0;
        for (int c = 0; c < channels; ++c) product += gradient[c] * texel[c];
        if (chain != nullptr) {
          Real* sum = chain + (offset + taps.texels[tap]) * channels;
          for (int c = 0; c < channels; ++c) sum[c] += weight * gradient[c];
        }
        uv_gradient[0] += lookup.shares[i] * taps.u_slopes[tap] * product;
        uv_gradient[1] += lookup.shares[i] * taps.v_slopes[tap] * product;
        level_gradient += (i == 0 ? -1 : 1) * taps.weights[tap] * product;
      }
    }
    if (lookup.count == 2) {
      mesh_raster::LevelVjp(lookups_.uv_derivatives + 4 * pixel,
                            Real(texture_.width), Real(texture_.height),
                            lookup.footprint, level_gradient, slope_gradients);
    }
  }

  const MeshTexture<Real>& texture_;
  const MeshLookups<Real>& lookups_;
  const Sampler<Real>& sampler_;
  const Real* const color_gradients_;
  Real* const uv_gradients_;
  Real* const uv_derivative_gradients_;
};

// Pulls the gradient of all levels, `chain`, back to `texel_gradients`.
template <typename Real>
void PullBack(const std::vector<Level>& levels, int channels, Real* chain,
              Real* texel_gradients) {
  if (levels.size() == 1) {
    std::copy_n(chain, int64_t{levels[0].height} * levels[0].width * channels,
                texel_gradients);
    return;
  }
  for (size_t l = levels.size() - 1; l > 0; --l) {
    const Real* small = chain + levels[l].offset * channels;
    const Real* big = chain + levels[l - 1].offset * channels;
    Real* out =
        l == 1 ? texel_gradients : chain + levels[l - 1].offset * channels;
    ForEachMean(levels[l - 1], levels[l],
                [&](int64_t texel, const int64_t* sources, int count) {
                  const Real share = Real(1) / count;
                  for (int s = 0; s < count; ++s) {
                    for (int c = 0; c < channels; ++c) {
                      out[sources[s] * channels + c] =
                          big[sources[s] * channels + c] +
                          share * small[texel * channels + c];
                    }
                  }
                });
  }
}

}  // namespace

int64_t MeshMipTexels(int height, int width) {
  const Level last = LevelsOf(height, width).back();
  return last.offset + int64_t{last.height} * last.width -
         int64_t{height} * width;
}

template <typename Real>
void BuildMeshMipsCpu(const MeshTexture<Real>& texture, Real* mips) {
  const std::vector<Level> levels = LevelsOf(texture.height, texture.width);
  const int channels = texture.channels;
  const int64_t base_texels = int64_t{texture.height} * texture.width;
  const int64_t mip_texels = MeshMipTexels(texture.height, texture.width);
  for (int64_t set = 0; set < texture.sets; ++set) {
    const Real* big = texture.texels + set * base_texels * channels;
    for (size_t l = 1; l < levels.size(); ++l) {
      Real* small =
          mips + (set * mip_texels + levels[l].offset - base_texels) * channels;
      ForEachMean(levels[l - 1], levels[l],
                  [&](int64_t texel, const int64_t* sources, int count) {
                    for (int c = 0; c < channels; ++c) {
                      Real sum = 0;
                      for (int s = 0; s < count; ++s) {
                        sum += big[sources[s] * channels + c];
                      }
                      small[texel * channels + c] = sum / count;
                    }
                  });
      big = small;
    }
  }
}

template <typename Real>
void SampleMeshTextureCpu(const MeshTexture<Real>& texture,
                          const MeshLookups<Real>& lookups, Real* colors) {
  const Sampler<Real> sampler(texture, lookups);
  const int channels = texture.channels;
  const int64_t pixels = int64_t{lookups.height} * lookups.width;
  const auto sample = [&](int64_t pixel, Real* color) {
    const auto lookup = sampler.At(pixel);
    for (int i = 0; i < lookup.count; ++i) {
      const Real* texels = sampler.Texels(pixel / pixels, lookup.levels[i]);
      for (int tap = 0; tap < 4; ++tap) {
        const Real weight = lookup.shares[i] * lookup.taps[i].weights[tap];
        const Real* texel = texels + lookup.taps[i].texels[tap] * channels;
        for (int c = 0; c < channels; ++c) color[c] += weight * texel[c];
      }
    }
  };
  ParallelFor(
      lookups.images * pixels, kPixelGrain, [&](int64_t begin, int64_t end) {
        std::fill(colors + begin * channels, colors + end * channels, Real(0));
        for (int64_t i = begin; i < end; ++i) {
          if (lookups.triangle_ids[i] >= 0) {
            sample(i, colors + i * channels);
          }
        }
      });
}

template <typename Real>
void SampleMeshTextureVjpCpu(const MeshTexture<Real>& texture,
                             const MeshLookups<Real>& lookups,
                             const Real* color_gradients, Real* texel_gradients,
                             Real* uv_gradients,
                             Real* uv_derivative_gradients) {
  const Sampler<Real> sampler(texture, lookups);
  const PixelVjp<Real> vjp(texture, lookups, sampler, color_gradients,
                           uv_gradients, uv_derivative_gradients);
  const auto first_pixel = [&](int64_t image, int64_t row) {
    return (image * lookups.height + row) * lookups.width;
  };
  if (texel_gradients == nullptr) {
    ParallelFor(
        lookups.images * lookups.height, 16, [&](int64_t begin, int64_t end) {
          for (int64_t row = begin; row < end; ++row) {
            for (int x = 0; x < lookups.width; ++x) {
              vjp.Add(row / lookups.height, row * lookups.width + x, nullptr);
            }
          }
        });
    return;
  }
  const int64_t chain_size = sampler.chain_texels() * texture.channels;
  const std::vector<int64_t> first_set(lookups.images, 0);
  const std::unique_ptr<Real[]> chains(new Real[texture.sets * chain_size]);
  ScatterRows(
      {.images = lookups.images,
       .height = lookups.height,
       .width = lookups.width,
       .targets = texture.sets,
       .size = chain_size,
       .target_of_image = texture.set_of_image != nullptr ? texture.set_of_image
                                                          : first_set.data()},
      chains.get(), [&](int64_t image, int64_t row, Real* sum) {
        const int64_t first = first_pixel(image, row);
        for (int x = 0; x < lookups.width; ++x) {
          vjp.Add(image, first + x, sum);
        }
      });
  const int64_t texels =
      int64_t{texture.height} * texture.width * texture.channels;
  for (int64_t set = 0; set < texture.sets; ++set) {
    PullBack(sampler.levels(), texture.channels,
             chains.get() + set * chain_size, texel_gradients + set * texels);
  }
}

#define DG4D_INSTANTIATE(Real)                                                \
  template void BuildMeshMipsCpu<Real>(const MeshTexture<Real>&, Real*);      \
  template void SampleMeshTextureCpu<Real>(const MeshTexture<Real>&,          \
                                           const MeshLookups<Real>&, Real*);  \
  template void SampleMeshTextureVjpCpu<Real>(                                \
      const MeshTexture<Real>&, const MeshLookups<Real>&, const Real*, Real*, \
      Real*, Real*);

DG4D_INSTANTIATE(float)
DG4D_INSTANTIATE(double)
#undef DG4D_INSTANTIATE

}  // namespace dg4d
