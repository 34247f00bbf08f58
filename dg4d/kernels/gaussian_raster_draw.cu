// Splats to pixels. Each warp walks through its tile's list by itself, 32
// splats at a time: each lane holds one of them against the warp's rectangle,
// and those that touch it are drawn one after another, each lane at its pixel.

#include "dg4d/kernels/gaussian_raster_draw.h"

namespace dg4d::gaussian_raster {
namespace {

template <typename Real, int kGroup, bool kMedian>
__global__ void __launch_bounds__(kWarpsPerBlock* kWarp)
    Draw(const __grid_constant__ Scene<Real> scene,
         const __grid_constant__ GaussianRasterImages<Real*> images) {
  __shared__ FetchedSplats<Real> shared[kWarpsPerBlock];
  FetchedSplats<Real>& fetched = shared[threadIdx.x / kWarp];
  WarpTask<Real> task;
  if (!task.Set(scene,
                int64_t{blockIdx.x} * kWarpsPerBlock + threadIdx.x / kWarp)) {
    return;
  }
  const Real x = Real(task.x), y = Real(task.y);
  Real light = 1, red = 0, green = 0, blue = 0, depth = 0;
  [[maybe_unused]] Real median = 0;
  int32_t last = 0;
  bool open = task.inside;

  uint32_t row = task.RowAt(task.lane);
  uint32_t next = task.RowAt(kWarp + task.lane);
  int buffer = 0;
  FetchSplat(scene.arrays.splats + row, task.Wants(scene, task.lane, row),
             &fetched.splats[buffer][task.lane]);
  for (int32_t base = 0; base < task.entries; base += kWarp) {
    FetchSplat(scene.arrays.splats + next,
               task.Wants(scene, base + kWarp + task.lane, next),
               &fetched.splats[1 - buffer][task.lane]);
    const uint32_t after_next = task.RowAt(base + 2 * kWarp + task.lane);
    __pipeline_wait_prior(1);
    const CudaSplat<Real>* const splats = fetched.splats[buffer];
    const bool touches = task.Wants(scene, base + task.lane, row) &&
                         task.Touches(splats[task.lane]);
    unsigned left = __ballot_sync(kAllLanes, touches);
    __syncwarp();
    while (left != 0) {
      int ks[kGroup];
      Real alphas[kGroup];
#pragma unroll
      for (int g = 0; g < kGroup; ++g) {
        const bool any = left != 0;
        // One that was fetched: NaN times a weight of 0 would be NaN.
        ks[g] = any ? __ffs(left) - 1 : ks[0];
        left &= left - 1;
        const CudaSplat<Real>& splat = splats[ks[g]];
        const Real power = Power(splat, splat.mean[0] - x, splat.mean[1] - y);
        const Real raw = Exp2(power);
        const bool drawn =
            any && power >= Real(kLog2MinAlpha) && power <= splat.log2_opacity;
        alphas[g] = !drawn                    ? Real(0)
                    : raw < Real(kOpacityCap) ? raw
                                              : Real(kOpacityCap);
      }
#pragma unroll
      for (int g = 0; g < kGroup; ++g) {
        const CudaSplat<Real>& splat = splats[ks[g]];
        Real weight = alphas[g] * light;
        // Never for one that is not drawn: the light is that much at least.
        if (light - weight < Real(kMinTransmittance)) open = false;
        if (!open) weight = 0;
        if (kMedian && light > Real(0.5) && light - weight <= Real(0.5)) {
          median = splat.z;
        }
        light -= weight;
        red += weight * splat.rgb[0];
        green += weight * splat.rgb[1];
        blue += weight * splat.rgb[2];
        depth += weight * splat.z;
        if (weight > 0) last = base + ks[g] + 1;
      }
    }
    if (!__any_sync(kAllLanes, open)) break;
    __syncwarp();  // before the next fetch overwrites the splats
    row = next;
    next = after_next;
    buffer = 1 - buffer;
  }
  __pipeline_wait_prior(0);
  if (!task.inside) return;

  const Real* background = scene.inputs.background + 3 * task.image;
  const int64_t plane = int64_t{scene.inputs.width} * scene.inputs.height;
  Real* rgb = images.rgb + task.pixel + 2 * plane * task.image;
  rgb[0] = red + light * background[0];
  rgb[plane] = green + light * background[1];
  rgb[2 * plane] = blue + light * background[2];
  images.alpha[task.pixel] = 1 - light;
  images.depth[task.pixel] = depth;
  if (kMedian) images.median_depth[task.pixel] = median;
  scene.arrays.ends[task.pixel] =
      PixelEnds<Real>::Pack(last, light, scene.entry_bits);
}

}  // namespace

template <typename Real>
void LaunchDraw(const Scene<Real>& scene,
                const GaussianRasterImages<Real*>& images,
                cudaStream_t stream) {
  const int64_t warps = int64_t{scene.grid.total} * kWarpsPerTile;
  const bool single = GroupFor(scene) == 1;
  const auto draw =
      images.median_depth
          ? (single ? Draw<Real, 1, true> : Draw<Real, 2, true>)
          : (single ? Draw<Real, 1, false> : Draw<Real, 2, false>);
  draw<<<static_cast<unsigned>(warps / kWarpsPerBlock), kWarpsPerBlock * kWarp,
         0, stream>>>(scene, images);
}

template void LaunchDraw(const Scene<float>&,
                         const GaussianRasterImages<float*>&, cudaStream_t);
template void LaunchDraw(const Scene<double>&,
                         const GaussianRasterImages<double*>&, cudaStream_t);

}  // namespace dg4d::gaussian_raster
