#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <type_traits>
#include <vector>

#include "dg4d/base/parallel.h"
#include "dg4d/kernels/gaussian_raster.h"
#include "dg4d/kernels/gaussian_raster_math.h"
#include "dg4d/kernels/spherical_harmonics.h"

namespace dg4d {
namespace gaussian_raster {
namespace {

constexpr int kLanes = 8;  // pixels of a row that are handled together
// Tiles are as wide as that, and much higher than wide: the higher, the fewer
// splats lie in two tiles, while rows that a splat does not reach cost nothing.
// Drawing in tiles of 8 x 32 takes 20 % less time than of 8 x 8 or 16 x 8, 15 %
// less than of 16 x 16; still higher ones leave too few for threads to share.
constexpr int kTileWidth = kLanes;
constexpr int kTileHeight = 32;

// Splats of a list lie apart in memory: how far ahead to fetch them.
constexpr int kPrefetch = 6;

constexpr int64_t kGaussianGrain = 256;
constexpr int64_t kTileGrain = 2;
// List entries of which the backward pass holds sums at a time.
constexpr int64_t kMaxEntriesAtOnce = 1 << 20;

// A rectangle of an image and the splats that touch it, front to back.
template <typename Real>
struct Tile {
  const Splat<Real>* splats;  // of the image
  const int32_t* list;        // [count]
  int32_t count;
  int x0, y0;         // the top left pixel
  int width, height;  // of the image
  const Real* background;
};

template <typename Real>
struct TileImages {
  Real *rgb, *alpha, *depth, *light;
  int32_t* last;
  Real* median;  // null if not wanted
};

template <typename Real>
struct TileGradients {
  const Real *rgb, *alpha, *depth, *light;
  const int32_t* last;
};

template <typename Real>
struct GatheredSums {
  const WorldGaussian<Real>* world;  // [T, N]
  const View<Real>* views;           // [B]
  const Splat<Real>* splats;         // [B, N]
  const SplatSums<Real>* sums;       // [B, N]
  // images[time_begin[t]] ... images[time_begin[t + 1] - 1] show time t.
  const int64_t* images;
  const int64_t* time_begin;
};

// CovarianceVjp, out of line: what it rounds to then depends neither on its
// caller's instruction set nor on what a compiler finds worth inlining there.
template <typename Real>
__attribute__((noinline)) void CovarianceVjpApart(
    const Real* quaternion, const Real* log_scales,
    const Real* covariance_gradient, Real* quaternion_gradient,
    Real* log_scales_gradient) {
  CovarianceVjp(quaternion, log_scales, covariance_gradient,
                quaternion_gradient, log_scales_gradient);
}

namespace portable {
#include "dg4d/kernels/gaussian_raster_loops.inc"
}  // namespace portable

#pragma GCC push_options
#pragma GCC target("avx2,fma")
#define DG4D_LANES_USE_AVX2  // g++ 12 does not set __AVX2__ by the pragma
namespace avx2 {
#include "dg4d/kernels/gaussian_raster_loops.inc"
}  // namespace avx2
#undef DG4D_LANES_USE_AVX2
#pragma GCC pop_options

template <typename Real>
struct Loops {
  decltype(&portable::DrawTile<Real, false>) draw_tile, draw_tile_with_median;
  decltype(&portable::DifferentiateTile<Real>) differentiate_tile;
  decltype(&portable::MakeSplats<Real>) make_splats;
  decltype(&portable::DifferentiateSplats<Real>) differentiate_splats;
};

template <typename Real>
Loops<Real> LoopsFor(const GaussianRasterInputs<Real>& inputs) {
  if (!inputs.portable && __builtin_cpu_supports("avx2") &&
      __builtin_cpu_supports("fma")) {
    return {avx2::DrawTile<Real, false>, avx2::DrawTile<Real, true>,
            avx2::DifferentiateTile<Real>, avx2::MakeSplats<Real>,
            avx2::DifferentiateSplats<Real>};
  }
  return {portable::DrawTile<Real, false>, portable::DrawTile<Real, true>,
          portable::DifferentiateTile<Real>, portable::MakeSplats<Real>,
          portable::DifferentiateSplats<Real>};
}

#include "dg4d/kernels/gaussian_raster_lists.inc"

}  // namespace
}  // namespace gaussian_raster

using gaussian_raster::Buffer;
using gaussian_raster::GatheredSums;
using gaussian_raster::GridOf;
using gaussian_raster::Loops;
using gaussian_raster::LoopsFor;
using gaussian_raster::Splat;
using gaussian_raster::SplatSums;
using gaussian_raster::Tile;
using gaussian_raster::TileGrid;
using gaussian_raster::TileLists;
using gaussian_raster::View;
using gaussian_raster::WorldGaussian;

template <typename Real>
struct GaussianRasterWorkspace<Real>::State {
  Buffer<WorldGaussian<Real>> world;  // [T, N]
  std::vector<View<Real>> views;      // [B]
  Buffer<Splat<Real>> splats;         // [B, N]
  std::vector<TileLists> lists;       // [B]
  Buffer<Real> light;                 // [B, H, W], left for the background
  Buffer<int32_t> last;               // [B, H, W], list entries up to the last
                                      // one drawn

  // Of the backward pass.
  Buffer<SplatSums<Real>> entry_sums;  // of some images' list entries
  Buffer<int32_t> entry_counts;        // [some images, tiles], with sums
  Buffer<Real> background_sums;        // [some images, tiles, 3]
  Buffer<SplatSums<Real>> splat_sums;  // [B, N]

  // If normals are drawn: splats with them in the place of colours, and the
  // sums of these.
  Buffer<Splat<Real>> normal_splats;    // [B, N]
  Buffer<SplatSums<Real>> normal_sums;  // [B, N]
  std::vector<Real> black;              // [B, 3]
};

template <typename Real>
GaussianRasterWorkspace<Real>::GaussianRasterWorkspace()
    : state_(std::make_unique<State>()) {}

template <typename Real>
GaussianRasterWorkspace<Real>::~GaussianRasterWorkspace() = default;

namespace {

template <typename Real>
using State = typename GaussianRasterWorkspace<Real>::State;

// What is blended: splats and the background behind them.
template <typename Real>
struct Layer {
  const Splat<Real>* splats;  // [B, N]
  const Real* background;     // [B, 3]
};

template <typename Real>
Layer<Real> ColoursOf(const GaussianRasterInputs<Real>& inputs,
                      State<Real>& state) {
  return {state.splats.data(), inputs.background};
}

template <typename Real>
Layer<Real> NormalsOf(State<Real>& state) {
  return {state.normal_splats.data(), state.black.data()};
}

template <typename Real>
Tile<Real> TileOf(const GaussianRasterInputs<Real>& inputs, TileGrid grid,
                  State<Real>& state, const Layer<Real>& layer, int64_t image,
                  int64_t index) {
  TileLists& lists = state.lists[image];
  return {.splats = layer.splats + image * inputs.count,
          .list = lists.entries.data() + lists.begin[index],
          .count =
              static_cast<int32_t>(lists.begin[index + 1] - lists.begin[index]),
          .x0 = static_cast<int>(index % grid.columns) *
                gaussian_raster::kTileWidth,
          .y0 = static_cast<int>(index / grid.columns) *
                gaussian_raster::kTileHeight,
          .width = inputs.width,
          .height = inputs.height,
          .background = layer.background + 3 * image};
}

template <typename Real>
void ActivateGaussians(const GaussianRasterInputs<Real>& inputs,
                       State<Real>& state) {
  WorldGaussian<Real>* world = state.world.Resize(inputs.times * inputs.count);
  ParallelFor(
      inputs.times * inputs.count, gaussian_raster::kGaussianGrain,
      [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
          const int64_t time = row / inputs.count;
          const int64_t i = row % inputs.count;
          world[row] = gaussian_raster::ActivateGaussian<Real>(
              inputs.quaternions + time * inputs.quaternions_stride + 4 * i,
              inputs.log_scales + time * inputs.log_scales_stride + 3 * i,
              inputs.opacity_logits[time * inputs.opacity_logits_stride + i]);
        }
      });
}

// The images from `first` on whose list entries fit in the memory for sums: at
// least one.
template <typename Real>
int64_t ImagesAtOnce(const State<Real>& state, int64_t first) {
  const int64_t images = state.lists.size();
  int64_t end = first, entries = 0;
  while (end < images) {
    entries += state.lists[end].begin.back();
    if (end > first && entries > gaussian_raster::kMaxEntriesAtOnce) break;
    ++end;
  }
  return end - first;
}

template <typename Real>
void AddSums(const SplatSums<Real>& from, SplatSums<Real>& to) {
  to.p += from.p;
  to.px += from.px;
  to.py += from.py;
  to.pxx += from.pxx;
  to.pxy += from.pxy;
  to.pyy += from.pyy;
  for (int c = 0; c < 3; ++c) to.rgb[c] += from.rgb[c];
  to.z += from.z;
}

// Fills splat_sums [B, N] of images [first, first + count), and their
// backgrounds' gradients.
template <typename Real>
void GatherSums(const GaussianRasterInputs<Real>& inputs,
                const GaussianRasterImages<const Real*>& image_gradients,
                State<Real>& state, const Layer<Real>& layer, int64_t first,
                int64_t count, SplatSums<Real>* splat_sums,
                Real* background_gradient) {
  const Loops<Real> loops = LoopsFor(inputs);
  const TileGrid grid = GridOf(inputs.width, inputs.height);
  std::vector<int64_t> entry_begin(count + 1, 0);
  for (int64_t k = 0; k < count; ++k) {
    entry_begin[k + 1] = entry_begin[k] + state.lists[first + k].begin.back();
  }
  SplatSums<Real>* entry_sums = state.entry_sums.Resize(entry_begin.back());
  int32_t* entry_counts = state.entry_counts.Resize(count * grid.size());
  Real* background_sums = state.background_sums.Resize(3 * count * grid.size());

  const int64_t pixels = int64_t{inputs.width} * inputs.height;
  ParallelFor(count * grid.size(), gaussian_raster::kTileGrain,
              [&](int64_t begin, int64_t end) {
                for (int64_t item = begin; item < end; ++item) {
                  const int64_t image = first + item / grid.size();
                  const int64_t index = item % grid.size();
                  const auto of_image = [&](const Real* images, int channels) {
                    return images ? images + image * channels * pixels
                                  : nullptr;
                  };
                  entry_counts[item] = loops.differentiate_tile(
                      TileOf(inputs, grid, state, layer, image, index),
                      {.rgb = of_image(image_gradients.rgb, 3),
                       .alpha = of_image(image_gradients.alpha, 1),
                       .depth = of_image(image_gradients.depth, 1),
                       .light = state.light.data() + image * pixels,
                       .last = state.last.data() + image * pixels},
                      entry_sums + entry_begin[image - first] +
                          state.lists[image].begin[index],
                      background_sums + 3 * item);
                }
              });

  ParallelFor(count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      TileLists& lists = state.lists[first + k];
      SplatSums<Real>* sums = splat_sums + (first + k) * inputs.count;
      std::fill_n(sums, inputs.count, SplatSums<Real>{});
      Real background[3] = {};
      for (int64_t tile = 0; tile < grid.size(); ++tile) {
        const int64_t item = k * grid.size() + tile;
        for (int c = 0; c < 3; ++c) {
          background[c] += background_sums[3 * item + c];
        }
        const int64_t from = lists.begin[tile];
        for (int64_t e = from; e < from + entry_counts[item]; ++e) {
          AddSums(entry_sums[entry_begin[k] + e], sums[lists.entries[e]]);
        }
      }
      if (background_gradient) {
        std::copy_n(background, 3, background_gradient + 3 * (first + k));
      }
    }
  });
}

template <typename Real>
gaussian_raster::FacingAxis<Real> FacingAxisOf(
    const GaussianRasterInputs<Real>& inputs, const View<Real>& view,
    int64_t time, int64_t i) {
  return gaussian_raster::FacingAxis<Real>(
      inputs.quaternions + time * inputs.quaternions_stride + 4 * i,
      inputs.log_scales + time * inputs.log_scales_stride + 3 * i,
      inputs.means + time * inputs.means_stride + 3 * i, view.position);
}

template <typename Real>
void MakeNormalSplats(const GaussianRasterInputs<Real>& inputs,
                      State<Real>& state) {
  state.black.assign(3 * inputs.images, 0);
  const int64_t rows = inputs.images * inputs.count;
  Splat<Real>* normals = state.normal_splats.Resize(rows);
  ParallelFor(
      rows, gaussian_raster::kGaussianGrain, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
          normals[row] = state.splats[row];
          if (normals[row].half_extent[0] < 0) continue;
          const int64_t image = row / inputs.count;
          std::copy_n(
              FacingAxisOf(inputs, state.views[image],
                           inputs.time_of_image[image], row % inputs.count)
                  .normal,
              3, normals[row].rgb);
        }
      });
}

// Gradients with respect to alpha are linear in what is blended, so those of
// normals add to those of colours.
template <typename Real>
void AddNormalSums(const GaussianRasterInputs<Real>& inputs, int64_t first,
                   int64_t count, State<Real>& state) {
  ParallelFor(count * inputs.count, gaussian_raster::kGaussianGrain,
              [&](int64_t begin, int64_t end) {
                for (int64_t row = first * inputs.count + begin;
                     row < first * inputs.count + end; ++row) {
                  SplatSums<Real> sums = state.normal_sums[row];
                  std::fill_n(sums.rgb, 3, Real(0));
                  AddSums(sums, state.splat_sums[row]);
                }
              });
}

// Adds the gradients of Gaussians [begin, end) through their normals.
template <typename Real>
void DifferentiateNormals(const GaussianRasterInputs<Real>& inputs,
                          const GatheredSums<Real>& gathered,
                          const SplatSums<Real>* normal_sums, int64_t begin,
                          int64_t end, Real* quaternion_gradients) {
  for (int64_t i = begin; i < end; ++i) {
    for (int64_t time = 0; time < inputs.times; ++time) {
      for (int64_t k = gathered.time_begin[time];
           k < gathered.time_begin[time + 1]; ++k) {
        const int64_t image = gathered.images[k];
        const int64_t row = image * inputs.count + i;
        if (gathered.splats[row].half_extent[0] < 0) continue;
        const int64_t at = time * inputs.quaternions_stride + 4 * i;
        gaussian_raster::FacingAxisVjp<Real>(
            FacingAxisOf(inputs, gathered.views[image], time, i),
            inputs.quaternions + at, normal_sums[row].rgb,
            quaternion_gradients + at);
      }
    }
  }
}

}  // namespace

template <typename Real>
void GaussianRasterForwardCpu(const GaussianRasterInputs<Real>& inputs,
                              const GaussianRasterImages<Real*>& images,
                              int32_t* radii,
                              GaussianRasterWorkspace<Real>& workspace) {
  State<Real>& state = workspace.state();
  const Loops<Real> loops = LoopsFor(inputs);
  const TileGrid grid = GridOf(inputs.width, inputs.height);
  const int64_t pixels = int64_t{inputs.width} * inputs.height;
  state.views.clear();
  for (int64_t b = 0; b < inputs.images; ++b) {
    state.views.push_back(gaussian_raster::MakeView<Real>(
        inputs.view_from_world + 12 * b, inputs.focal_lengths + 2 * b,
        inputs.width, inputs.height));
  }
  ActivateGaussians(inputs, state);

  Splat<Real>* splats = state.splats.Resize(inputs.images * inputs.count);
  const int64_t chunks = (inputs.count + gaussian_raster::kGaussianGrain - 1) /
                         gaussian_raster::kGaussianGrain;
  ParallelFor(inputs.images * chunks, 1, [&](int64_t item, int64_t) {
    const int64_t b = item / chunks;
    const int64_t begin = item % chunks * gaussian_raster::kGaussianGrain;
    loops.make_splats(
        inputs, b, state.views[b],
        state.world.data() + inputs.time_of_image[b] * inputs.count, begin,
        std::min(inputs.count, begin + gaussian_raster::kGaussianGrain),
        splats + b * inputs.count, radii ? radii + b * inputs.count : nullptr);
  });

  state.lists.resize(inputs.images);
  ParallelFor(inputs.images, 1, [&](int64_t b, int64_t) {
    gaussian_raster::MakeTileLists(splats + b * inputs.count, inputs.count,
                                   grid, state.lists[b]);
  });

  state.light.Resize(inputs.images * pixels);
  state.last.Resize(inputs.images * pixels);
  const auto draw = [&](const Layer<Real>& layer, Real* rgb, Real* median) {
    const auto draw_tile =
        median ? loops.draw_tile_with_median : loops.draw_tile;
    ParallelFor(
        inputs.images * grid.size(), gaussian_raster::kTileGrain,
        [&](int64_t begin, int64_t end) {
          for (int64_t item = begin; item < end; ++item) {
            const int64_t b = item / grid.size();
            draw_tile(TileOf(inputs, grid, state, layer, b, item % grid.size()),
                      {.rgb = rgb + b * 3 * pixels,
                       .alpha = images.alpha + b * pixels,
                       .depth = images.depth + b * pixels,
                       .light = state.light.data() + b * pixels,
                       .last = state.last.data() + b * pixels,
                       .median = median ? median + b * pixels : nullptr});
          }
        });
  };
  draw(ColoursOf<Real>(inputs, state), images.rgb, images.median_depth);
  if (images.normals) {
    MakeNormalSplats<Real>(inputs, state);
    // What it writes beside the normals, it writes again.
    draw(NormalsOf<Real>(state), images.normals, static_cast<Real*>(nullptr));
  }
}

template <typename Real>
void GaussianRasterBackwardCpu(
    const GaussianRasterInputs<Real>& inputs,
    const GaussianRasterImages<const Real*>& image_gradients,
    GaussianRasterWorkspace<Real>& workspace,
    const GaussianRasterGradients<Real>& gradients) {
  State<Real>& state = workspace.state();
  state.splat_sums.Resize(inputs.images * inputs.count);
  for (int64_t first = 0; first < inputs.images;) {
    const int64_t count = ImagesAtOnce<Real>(state, first);
    GatherSums(inputs, image_gradients, state, ColoursOf<Real>(inputs, state),
               first, count, state.splat_sums.data(), gradients.background);
    if (image_gradients.normals) {
      GatherSums<Real>(inputs, {.rgb = image_gradients.normals}, state,
                       NormalsOf<Real>(state), first, count,
                       state.normal_sums.Resize(inputs.images * inputs.count),
                       nullptr);
      AddNormalSums<Real>(inputs, first, count, state);
    }
    first += count;
  }

  std::vector<int64_t> images(inputs.images), time_begin(inputs.times + 1, 0);
  std::iota(images.begin(), images.end(), 0);
  std::stable_sort(images.begin(), images.end(), [&](int64_t a, int64_t b) {
    return inputs.time_of_image[a] < inputs.time_of_image[b];
  });
  for (const int64_t b : images) ++time_begin[inputs.time_of_image[b] + 1];
  std::partial_sum(time_begin.begin(), time_begin.end(), time_begin.begin());
  const GatheredSums<Real> gathered = {.world = state.world.data(),
                                       .views = state.views.data(),
                                       .splats = state.splats.data(),
                                       .sums = state.splat_sums.data(),
                                       .images = images.data(),
                                       .time_begin = time_begin.data()};
  const Loops<Real> loops = LoopsFor(inputs);
  ParallelFor(
      inputs.count, gaussian_raster::kGaussianGrain,
      [&](int64_t begin, int64_t end) {
        loops.differentiate_splats(inputs, gathered, begin, end, gradients);
        if (image_gradients.normals && gradients.quaternions) {
          DifferentiateNormals<Real>(inputs, gathered, state.normal_sums.data(),
                                     begin, end, gradients.quaternions);
        }
      });
}

template class GaussianRasterWorkspace<float>;
template class GaussianRasterWorkspace<double>;
template void GaussianRasterForwardCpu(const GaussianRasterInputs<float>&,
                                       const GaussianRasterImages<float*>&,
                                       int32_t*,
                                       GaussianRasterWorkspace<float>&);
template void GaussianRasterForwardCpu(const GaussianRasterInputs<double>&,
                                       const GaussianRasterImages<double*>&,
                                       int32_t*,
                                       GaussianRasterWorkspace<double>&);
template void GaussianRasterBackwardCpu(
    const GaussianRasterInputs<float>&,
    const GaussianRasterImages<const float*>&, GaussianRasterWorkspace<float>&,
    const GaussianRasterGradients<float>&);
template void GaussianRasterBackwardCpu(
    const GaussianRasterInputs<double>&,
    const GaussianRasterImages<const double*>&,
    GaussianRasterWorkspace<double>&, const GaussianRasterGradients<double>&);

}  // namespace dg4d
