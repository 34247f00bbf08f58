// Splats to pixels. Each warp walks through its tile's list by itself, 32
// splats at a time: each lane holds one of them against the warp's rectangle,
// and those that touch it are drawn one after another, each lane at its pixel.

#include "dg4d/kernels/gaussian_raster_draw.h"

namespace dg4d::gaussian_raster {
namespace {

template <typename Real>
__global__ void __launch_bounds__(kWarpsPerBlock* kWarp)
    Draw(const __grid_constant__ Scene<Real> scene,
         const __grid_constant__ GaussianRasterImages<Real*> images) {
  __shared__ CudaSplat<Real> shared[kWarpsPerBlock][kWarp];
  CudaSplat<Real>* const fetched = shared[threadIdx.x / kWarp];
  WarpTask<Real> task;
  if (!task.Set(scene,
                int64_t{blockIdx.x} * kWarpsPerBlock + threadIdx.x / kWarp)) {
    return;
  }
  const Real x = Real(task.x), y = Real(task.y);
  Real light = 1, red = 0, green = 0, blue = 0, depth = 0;
  int32_t last = 0;
  bool open = task.inside;

  const auto row_at = [&](int32_t entry) {
    return entry < task.entries ? task.list[entry] : 0u;
  };
  uint32_t row = row_at(task.lane);
  for (int32_t base = 0; base < task.entries; base += kWarp) {
    CudaSplat<Real> own;
    const bool touches =
        base + task.lane < task.entries && task.Touches(scene, row, own);
    row = row_at(base + kWarp + task.lane);  // on its way meanwhile
    __syncwarp();
    if (touches) fetched[task.lane] = own;
    unsigned left = __ballot_sync(kAllLanes, touches);
    __syncwarp();
    for (; left != 0; left &= left - 1) {
      const int k = __ffs(left) - 1;
      const CudaSplat<Real>& splat = fetched[k];
      const Real power = Power(splat, splat.mean[0] - x, splat.mean[1] - y);
      if (!open || !(power >= Real(kLog2MinAlpha)) ||
          !(power <= splat.log2_opacity)) {
        continue;
      }
      const Real raw = Exp2(power);
      const Real alpha = raw < Real(kOpacityCap) ? raw : Real(kOpacityCap);
      const Real weight = alpha * light;
      if (light - weight < Real(kMinTransmittance)) {
        open = false;
        continue;
      }
      light -= weight;
      red += weight * splat.rgb[0];
      green += weight * splat.rgb[1];
      blue += weight * splat.rgb[2];
      depth += weight * splat.z;
      last = base + k + 1;
    }
    if (!__any_sync(kAllLanes, open)) break;
  }
  if (!task.inside) return;

  const Real* background = scene.inputs.background + 3 * task.image;
  const int64_t plane = int64_t{scene.inputs.width} * scene.inputs.height;
  Real* rgb = images.rgb + task.pixel + 2 * plane * task.image;
  rgb[0] = red + light * background[0];
  rgb[plane] = green + light * background[1];
  rgb[2 * plane] = blue + light * background[2];
  images.alpha[task.pixel] = 1 - light;
  images.depth[task.pixel] = depth;
  scene.arrays.light[task.pixel] = light;
  scene.arrays.last[task.pixel] = last;
}

}  // namespace

template <typename Real>
void LaunchDraw(const Scene<Real>& scene,
                const GaussianRasterImages<Real*>& images,
                cudaStream_t stream) {
  const int64_t warps = int64_t{scene.grid.total} * kWarpsPerTile;
  Draw<<<static_cast<unsigned>(warps / kWarpsPerBlock), kWarpsPerBlock * kWarp,
         0, stream>>>(scene, images);
}

template void LaunchDraw(const Scene<float>&,
                         const GaussianRasterImages<float*>&, cudaStream_t);
template void LaunchDraw(const Scene<double>&,
                         const GaussianRasterImages<double*>&, cudaStream_t);

}  // namespace dg4d::gaussian_raster
