// Gradients of pixels to sums for each splat, back to front, by the same walk
// as drawing.

#include <algorithm>

#include "dg4d/kernels/gaussian_raster_draw.h"
#include "dg4d/kernels/gaussian_raster_sums.h"

namespace dg4d::gaussian_raster {
namespace {

// Some blocks per image look for its largest values.
constexpr int kMaximaThreads = 256;

template <typename Real>
__global__ void __launch_bounds__(kMaximaThreads)
    FindMaxima(Scene<Real> scene, GaussianRasterImages<const Real*> gradients,
               int blocks_per_image) {
  using Maxima = ImageMaxima<Real>;
  using Bits = PositiveBits<Real>;
  const GaussianRasterInputs<Real>& in = scene.inputs;
  const int64_t image = blockIdx.x / blocks_per_image;
  const int64_t plane = int64_t{in.width} * in.height;
  const int64_t first =
      int64_t{blockIdx.x % blocks_per_image} * kMaximaThreads + threadIdx.x;
  const int64_t step = int64_t{blocks_per_image} * kMaximaThreads;
  Maxima most = {};
  for (int64_t pixel = first; pixel < plane; pixel += step) {
    for (int c = 0; gradients.rgb && c < 3; ++c) {
      most.Meet(Maxima::kRgb, gradients.rgb[(3 * image + c) * plane + pixel]);
    }
    if (gradients.alpha) {
      most.Meet(Maxima::kAlpha, gradients.alpha[image * plane + pixel]);
    }
    if (gradients.depth) {
      most.Meet(Maxima::kDepth, gradients.depth[image * plane + pixel]);
    }
  }
  for (int64_t i = first; i < in.count; i += step) {
    const CudaSplat<Real>& splat = scene.arrays.splats[image * in.count + i];
    if (!(splat.half_extent[0] >= 0)) continue;
    for (const Real colour : splat.rgb) most.Meet(Maxima::kColour, colour);
    most.Meet(Maxima::kZ, splat.z);
  }
  if (first == 0) {
    for (int c = 0; c < 3; ++c) {
      most.Meet(Maxima::kBackground, in.background[3 * image + c]);
    }
  }
  for (int k = 0; k < Maxima::kMaxima; ++k) {
    Bits bits = most.bits[k];
    for (int distance = 16; distance > 0; distance /= 2) {
      const Bits other = __shfl_xor_sync(kAllLanes, bits, distance);
      if (other > bits) bits = other;
    }
    if (threadIdx.x % kWarp == 0 && bits != 0) {
      if constexpr (sizeof(Bits) == 4) {
        atomicMax(&scene.arrays.maxima[image].bits[k], bits);
      } else {
        atomicMax(reinterpret_cast<unsigned long long*>(
                      &scene.arrays.maxima[image].bits[k]),
                  static_cast<unsigned long long>(bits));
      }
    }
  }
}

// Which sum ScatterSums leaves with a lane, or -1.
__device__ inline int SumOfLane(int lane) {
  const bool bit4 = lane & 16, bit3 = lane & 8, bit2 = lane & 4,
             bit1 = lane & 2, bit0 = lane & 1;
  if (bit0 || (bit3 && bit2) || (bit2 && bit1)) return -1;
  return 5 * bit4 + 3 * bit3 + 2 * bit2 + bit1;
}

// Adds up kSums values over the warp's lanes and leaves each sum with another
// lane: at each step a lane hands half of its values to another and takes the
// other's half, so that 12 exchanges do what 50 would. Returns which sum the
// lane has, or -1.
template <typename Real>
__device__ int ScatterSums(int lane, const Real (&v)[kSums], Real& sum) {
  const auto exchange = [](bool upper, Real low, Real high, int distance) {
    return (upper ? high : low) +
           __shfl_xor_sync(kAllLanes, upper ? low : high, distance);
  };
  const bool bit4 = lane & 16, bit3 = lane & 8, bit2 = lane & 4,
             bit1 = lane & 2;
  Real a[5];
  for (int k = 0; k < 5; ++k) a[k] = exchange(bit4, v[k], v[5 + k], 16);
  const Real b0 = exchange(bit3, a[0], a[3], 8);
  const Real b1 = exchange(bit3, a[1], a[4], 8);
  const Real b2 = exchange(bit3, a[2], Real(0), 8);
  const Real c0 = exchange(bit2, b0, b2, 4);
  const Real c1 = exchange(bit2, b1, Real(0), 4);
  const Real d = exchange(bit1, c0, c1, 2);
  sum = d + __shfl_xor_sync(kAllLanes, d, 1);
  return SumOfLane(lane);
}

// A lane's part of a deterministic pass: where its sum goes, and with which
// exponents.
template <typename Real>
struct ExactLane {
  SumBounds bounds;
  int bound, dx_powers, dy_powers;
  int64_t* sums;  // of row 0

  __device__ ExactLane(const Scene<Real>& scene, int image, int lane,
                       ImageRange range)
      : bounds(scene.arrays.maxima[image], scene.inputs.width,
               scene.inputs.height) {
    const int which = SumOfLane(lane);
    bound = bounds.Of(which);
    dx_powers = PowersOfDx(which);
    dy_powers = PowersOfDy(which);
    sums = scene.arrays.exact_sums - kSums * range.begin * scene.inputs.count +
           which;
  }

  __device__ void Add(const CudaSplat<Real>& splat, int64_t row,
                      Real sum) const {
    const int e =
        SplatExponents(splat, bounds).For<Real>(bound, dx_powers, dy_powers);
    atomicAdd(reinterpret_cast<unsigned long long*>(sums + kSums * row),
              static_cast<unsigned long long>(
                  RoundToInteger(sum * PowerOfTwo<Real>(e))));
  }
};

// Of the images in the range; with kExact, for a deterministic pass.
template <typename Real, int kGroup, bool kExact>
__global__ void __launch_bounds__(kWarpsPerBlock* kWarp) DrawBackward(
    const __grid_constant__ Scene<Real> scene,
    const __grid_constant__ GaussianRasterImages<const Real*> gradients,
    const ImageRange range) {
  __shared__ FetchedSplats<Real> shared[kWarpsPerBlock];
  FetchedSplats<Real>& fetched = shared[threadIdx.x / kWarp];
  WarpTask<Real> task;
  const int64_t first_warp = range.begin * scene.grid.per_image * kWarpsPerTile;
  if (!task.Set(scene, first_warp + int64_t{blockIdx.x} * kWarpsPerBlock +
                           threadIdx.x / kWarp)) {
    return;
  }
  const int lane = task.lane;
  const Real x = Real(task.x), y = Real(task.y);
  Real light = 0, behind = 0, red = 0, green = 0, blue = 0, depth = 0;
  int32_t last = 0;
  if (task.inside) {
    const int64_t plane = int64_t{scene.inputs.width} * scene.inputs.height;
    if (gradients.rgb) {
      const Real* rgb = gradients.rgb + task.pixel + 2 * plane * task.image;
      red = rgb[0];
      green = rgb[plane];
      blue = rgb[2 * plane];
    }
    const Real alpha = gradients.alpha ? gradients.alpha[task.pixel] : Real(0);
    if (gradients.depth) depth = gradients.depth[task.pixel];
    const auto ends = PixelEnds<Real>::Unpack(scene.arrays.ends[task.pixel],
                                              scene.arrays.alpha[task.pixel],
                                              scene.entry_bits);
    light = ends.light;
    last = ends.last;
    const Real* background = scene.inputs.background + 3 * task.image;
    behind = light * (red * background[0] + green * background[1] +
                      blue * background[2] - alpha);
  }
  // Those after the last one drawn have no gradients.
  task.entries = __reduce_max_sync(kAllLanes, last);
  if (task.entries == 0) return;

  [[maybe_unused]] const auto exact = [&] {
    if constexpr (kExact) {
      return ExactLane<Real>(scene, task.image, lane, range);
    } else {
      return 0;
    }
  }();
  if constexpr (kExact) {
    if (!exact.bounds.finite) return;  // ProjectBackward will say so
  }

  int32_t base = (task.entries - 1) / kWarp * kWarp;
  uint32_t row = task.RowAt(base + lane);
  uint32_t next = task.RowAt(base - kWarp + lane);
  int buffer = 0;
  FetchSplat(scene.arrays.splats + row, task.Wants(scene, base + lane, row),
             &fetched.splats[buffer][lane]);
  for (; base >= 0; base -= kWarp) {
    FetchSplat(scene.arrays.splats + next,
               task.Wants(scene, base - kWarp + lane, next),
               &fetched.splats[1 - buffer][lane]);
    const uint32_t after_next = task.RowAt(base - 2 * kWarp + lane);
    __pipeline_wait_prior(1);
    const CudaSplat<Real>* const splats = fetched.splats[buffer];
    const bool touches =
        task.Wants(scene, base + lane, row) && task.Touches(splats[lane]);
    unsigned left = __ballot_sync(kAllLanes, touches);
    __syncwarp();
    while (left != 0) {
      int ks[kGroup];
      bool drawn[kGroup];
      Real raws[kGroup], v[kGroup][kSums];
#pragma unroll
      for (int g = 0; g < kGroup; ++g) {
        const bool any = left != 0;
        // One that was fetched: see Draw.
        ks[g] = any ? 31 - __clz(left) : ks[0];
        left &= ~(1u << ks[g]);
        const CudaSplat<Real>& splat = splats[ks[g]];
        const Real power = Power(splat, splat.mean[0] - x, splat.mean[1] - y);
        drawn[g] = any && base + ks[g] < last && power >= Real(kLog2MinAlpha) &&
                   power <= splat.log2_opacity;
        raws[g] = drawn[g] ? Exp2(power) : Real(0);
      }
#pragma unroll
      for (int g = 0; g < kGroup; ++g) {
        const CudaSplat<Real>& splat = splats[ks[g]];
        const Real dx = splat.mean[0] - x, dy = splat.mean[1] - y;
        const bool below_cap = raws[g] < Real(kOpacityCap);
        const Real alpha = below_cap ? raws[g] : Real(kOpacityCap);
        const Real per_clear = Reciprocal(1 - alpha);
        light *= per_clear;
        const Real weight = alpha * light;
        const Real value = splat.rgb[0] * red + splat.rgb[1] * green +
                           splat.rgb[2] * blue + splat.z * depth;
        const Real alpha_gradient = light * value - behind * per_clear;
        behind += weight * value;
        // No gradient passes the cap.
        const Real p = below_cap ? raws[g] * alpha_gradient : Real(0);
        v[g][0] = p;
        v[g][1] = p * dx;
        v[g][2] = p * dy;
        v[g][3] = v[g][1] * dx;
        v[g][4] = v[g][1] * dy;
        v[g][5] = v[g][2] * dy;
        v[g][6] = weight * red;
        v[g][7] = weight * green;
        v[g][8] = weight * blue;
        v[g][9] = weight * depth;
      }
#pragma unroll
      for (int g = 0; g < kGroup; ++g) {
        if (!__any_sync(kAllLanes, drawn[g])) continue;
        Real sum;
        const int which = ScatterSums(lane, v[g], sum);
        const int64_t to = __shfl_sync(kAllLanes, row, ks[g]);
        if constexpr (kExact) {
          if (which >= 0) exact.Add(splats[ks[g]], to, sum);
        } else {
          if (which >= 0) {
            atomicAdd(scene.arrays.sums +
                          kSums * (to - range.begin * scene.inputs.count) +
                          which,
                      sum);
          }
        }
      }
    }
    __syncwarp();  // before the next fetch overwrites the splats
    row = next;
    next = after_next;
    buffer = 1 - buffer;
  }
}

// A block per image adds up light x gradient.
constexpr int kBackgroundThreads = 1024;

template <typename Real>
__global__ void __launch_bounds__(kBackgroundThreads)
    BackgroundBackward(Scene<Real> scene, const Real* rgb_gradient,
                       Real* background_gradient) {
  const int64_t plane = int64_t{scene.inputs.width} * scene.inputs.height;
  const int64_t image = blockIdx.x;
  Real sums[3] = {};
  for (int64_t pixel = threadIdx.x; rgb_gradient && pixel < plane;
       pixel += kBackgroundThreads) {
    const int64_t at = image * plane + pixel;
    const Real light =
        PixelEnds<Real>::Unpack(scene.arrays.ends[at], scene.arrays.alpha[at],
                                scene.entry_bits)
            .light;
    for (int c = 0; c < 3; ++c) {
      sums[c] += light * rgb_gradient[(3 * image + c) * plane + pixel];
    }
  }
  __shared__ Real parts[3][kBackgroundThreads / kWarp];
  for (int c = 0; c < 3; ++c) {
    for (int distance = 16; distance > 0; distance /= 2) {
      sums[c] += __shfl_xor_sync(kAllLanes, sums[c], distance);
    }
    if (threadIdx.x % kWarp == 0) parts[c][threadIdx.x / kWarp] = sums[c];
  }
  __syncthreads();
  if (threadIdx.x < 3) {
    Real sum = 0;
    for (const Real part : parts[threadIdx.x]) sum += part;
    background_gradient[3 * image + threadIdx.x] = sum;
  }
}

}  // namespace

template <typename Real>
void LaunchMaxima(const Scene<Real>& scene,
                  const GaussianRasterImages<const Real*>& gradients,
                  cudaStream_t stream) {
  const GaussianRasterInputs<Real>& in = scene.inputs;
  cudaMemsetAsync(scene.arrays.maxima, 0, sizeof(ImageMaxima<Real>) * in.images,
                  stream);
  // Eight pixels or splats a thread, but not a block per thousand pixels of a
  // large image: each ends with atomics.
  const int64_t pixels = int64_t{in.width} * in.height;
  const int64_t blocks = (std::max(pixels, in.count) + 8 * kMaximaThreads - 1) /
                         (8 * kMaximaThreads);
  const int per_image = static_cast<int>(std::min<int64_t>(blocks, 64));
  FindMaxima<<<static_cast<unsigned>(in.images * per_image), kMaximaThreads, 0,
               stream>>>(scene, gradients, per_image);
}

template <typename Real>
void LaunchDrawBackward(const Scene<Real>& scene,
                        const GaussianRasterImages<const Real*>& gradients,
                        ImageRange range, cudaStream_t stream) {
  const bool exact = scene.inputs.deterministic;
  const int64_t images = range.end - range.begin;
  const int64_t sums = kSums * images * scene.inputs.count;
  if (exact) {
    cudaMemsetAsync(scene.arrays.exact_sums, 0, sizeof(int64_t) * sums, stream);
  } else {
    cudaMemsetAsync(scene.arrays.sums, 0, sizeof(Real) * sums, stream);
  }
  const int64_t warps = images * scene.grid.per_image * kWarpsPerTile;
  const bool single = GroupFor(scene) == 1;
  const auto draw =
      exact
          ? (single ? DrawBackward<Real, 1, true> : DrawBackward<Real, 2, true>)
          : (single ? DrawBackward<Real, 1, false>
                    : DrawBackward<Real, 2, false>);
  draw<<<static_cast<unsigned>(warps / kWarpsPerBlock), kWarpsPerBlock * kWarp,
         0, stream>>>(scene, gradients, range);
}

template <typename Real>
void LaunchBackgroundBackward(const Scene<Real>& scene,
                              const Real* rgb_gradient,
                              Real* background_gradient, cudaStream_t stream) {
  BackgroundBackward<<<static_cast<unsigned>(scene.inputs.images),
                       kBackgroundThreads, 0, stream>>>(scene, rgb_gradient,
                                                        background_gradient);
}

#define DG4D_INSTANTIATE(Real)                                               \
  template void LaunchMaxima(const Scene<Real>&,                             \
                             const GaussianRasterImages<const Real*>&,       \
                             cudaStream_t);                                  \
  template void LaunchDrawBackward(const Scene<Real>&,                       \
                                   const GaussianRasterImages<const Real*>&, \
                                   ImageRange, cudaStream_t);                \
  template void LaunchBackgroundBackward(const Scene<Real>&, const Real*,    \
                                         Real*, cudaStream_t)

DG4D_INSTANTIATE(float);
DG4D_INSTANTIATE(double);

}  // namespace dg4d::gaussian_raster
