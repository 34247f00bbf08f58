// Gaussians to splats, and the splats' gradients back to Gaussians.

#include <algorithm>

#include "dg4d/kernels/gaussian_raster_device.h"
#include "dg4d/kernels/gaussian_raster_sums.h"
#include "dg4d/kernels/gaussian_raster_tiles.h"
#include "dg4d/kernels/spherical_harmonics.h"

namespace dg4d::gaussian_raster {
namespace {

constexpr int kThreads = 128;

// A thread per image and per time.
template <typename Real>
__global__ void Prepare(Scene<Real> scene) {
  const GaussianRasterInputs<Real>& in = scene.inputs;
  const int64_t k = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (k < in.images) {
    scene.arrays.views[k] =
        MakeView<Real>(in.view_from_world + 12 * k, in.focal_lengths + 2 * k,
                       in.width, in.height);
    const int64_t time = in.time_of_image[k];
    int32_t place = 0;
    for (int64_t b = 0; b < in.images; ++b) {
      const int64_t other = in.time_of_image[b];
      place += other < time || (other == time && b < k);
    }
    scene.arrays.images_by_time[place] = static_cast<int32_t>(k);
  }
  if (k <= in.times) {
    int32_t before = 0;
    for (int64_t b = 0; b < in.images; ++b) before += in.time_of_image[b] < k;
    scene.arrays.time_begin[k] = before;
  }
}

template <typename Real, int kDegree>
__global__ void __launch_bounds__(kThreads)
    Project(Scene<Real> scene, int32_t* radii) {
  const GaussianRasterInputs<Real>& in = scene.inputs;
  const int64_t row = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (row >= scene.rows()) return;
  const int64_t image = row / in.count, i = row % in.count;
  const int64_t time = in.time_of_image[image];
  const View<Real>& view = scene.arrays.views[image];
  Real mean[3], quaternion[4], log_scales[3];
  for (int k = 0; k < 3; ++k) {
    mean[k] = in.means[time * in.means_stride + 3 * i + k];
    log_scales[k] = in.log_scales[time * in.log_scales_stride + 3 * i + k];
  }
  for (int k = 0; k < 4; ++k) {
    quaternion[k] = in.quaternions[time * in.quaternions_stride + 4 * i + k];
  }
  const WorldGaussian<Real> world = ActivateGaussian<Real>(
      quaternion, log_scales,
      in.opacity_logits[time * in.opacity_logits_stride + i]);
  const Footprint<Real> footprint = ProjectGaussian<Real>(
      view, mean, world.covariance, in.low_pass,
      in.screen_offsets ? in.screen_offsets + 2 * row : nullptr);
  Splat<Real> splat;
  bool drawn = footprint.z > in.near &&
               MakeSplat<Real>(footprint, world.opacity, splat) &&
               splat.mean[0] + splat.half_extent[0] >= 0 &&
               splat.mean[1] + splat.half_extent[1] >= 0 &&
               splat.mean[0] - splat.half_extent[0] <= in.width - 1 &&
               splat.mean[1] - splat.half_extent[1] <= in.height - 1;
  if (drawn) {
    constexpr int kShSize = 3 * (kDegree + 1) * (kDegree + 1);
    ShColor<Real>(kDegree, in.sh + time * in.sh_stride + kShSize * i, mean,
                  view.position, splat.rgb);
    const Real sum = splat.rgb[0] + splat.rgb[1] + splat.rgb[2];
    drawn = sum - sum == 0;
  }
  CudaSplat<Real>& out = scene.arrays.splats[row];
  uint32_t touches = 0;
  if (drawn) {
    const CudaSplat<Real> packed = {
        {splat.mean[0], splat.mean[1]},
        splat.xx,
        splat.xy,
        splat.yy,
        splat.log2_opacity,
        {splat.rgb[0], splat.rgb[1], splat.rgb[2]},
        splat.z,
        {splat.half_extent[0], splat.half_extent[1]}};
    out = packed;
    if (scene.arrays.touches) {
      ForTouchedTiles(packed, scene.grid, [&](int) { ++touches; });
    }
  } else {
    out.half_extent[0] = -1;
  }
  if (!scene.arrays.touches) return;
  scene.arrays.touches[row] = touches;
  // Depths of what is drawn are positive: their bits sort as they do. The rest
  // comes last.
  DepthBits<Real> depth = DepthBits<Real>(-1) >> 1;
  if (drawn) memcpy(&depth, &splat.z, sizeof(depth));
  scene.arrays.depths[0][row] = depth;
  scene.arrays.rows[row] = static_cast<uint32_t>(row);
  if (radii) {
    radii[row] = !drawn ? 0
                 : splat.radius < Real(1 << 30)
                     ? static_cast<int32_t>(splat.radius)
                     : 1 << 30;
  }
}

// Sets the values at `to` if they are the first, else adds to them.
template <typename Real, int kSize>
__device__ void Deposit(const Real (&from)[kSize], int64_t i, int64_t time,
                        bool first, int64_t stride, Real* to) {
  if (!to) return;
  to += time * stride + kSize * i;
  first = first && (time == 0 || stride != 0);
  for (int k = 0; k < kSize; ++k) to[k] = first ? from[k] : to[k] + from[k];
}

// A thread per row of the images in the range. With kExact, of a deterministic
// pass, which left sums as integers.
template <typename Real, bool kExact>
__global__ void __launch_bounds__(kThreads)
    StoreSumsOfRange(Scene<Real> scene, ImageRange range) {
  const GaussianRasterInputs<Real>& in = scene.inputs;
  const int64_t k = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (k >= (range.end - range.begin) * in.count) return;
  const int64_t row = range.begin * in.count + k;
  CudaSplat<Real>& splat = scene.arrays.splats[row];
  if (!(splat.half_extent[0] >= 0)) return;
  Real sums[kSums];
  if constexpr (kExact) {
    const SumBounds bounds(scene.arrays.maxima[row / in.count], in.width,
                           in.height);
    const SplatExponents exponents(splat, bounds);
#pragma unroll
    for (int i = 0; i < kSums; ++i) {
      const int e =
          exponents.For<Real>(bounds.Of(i), PowersOfDx(i), PowersOfDy(i));
      sums[i] = bounds.finite ? Real(scene.arrays.exact_sums[kSums * k + i]) *
                                    PowerOfTwo<Real>(-e)
                              : Real(nan(""));
    }
  } else {
#pragma unroll
    for (int i = 0; i < kSums; ++i) sums[i] = scene.arrays.sums[kSums * k + i];
  }
  StoreSums(sums, splat);
}

// A thread per Gaussian, through all its times and their images. With kNormals,
// of a scene of normals: adds to all gradients.
template <typename Real, int kDegree, bool kNormals>
__global__ void __launch_bounds__(kThreads)
    ProjectBackward(Scene<Real> scene, GaussianRasterGradients<Real> out) {
  constexpr int kShSize = 3 * (kDegree + 1) * (kDegree + 1);
  const GaussianRasterInputs<Real>& in = scene.inputs;
  const Arrays<Real>& arrays = scene.arrays;
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= in.count) return;
  for (int64_t time = 0; time < in.times; ++time) {
    Real mean[3], quaternion[4], log_scales[3];
    for (int k = 0; k < 3; ++k) {
      mean[k] = in.means[time * in.means_stride + 3 * i + k];
      log_scales[k] = in.log_scales[time * in.log_scales_stride + 3 * i + k];
    }
    for (int k = 0; k < 4; ++k) {
      quaternion[k] = in.quaternions[time * in.quaternions_stride + 4 * i + k];
    }
    const Real* sh = in.sh + time * in.sh_stride + kShSize * i;
    const WorldGaussian<Real> world = ActivateGaussian<Real>(
        quaternion, log_scales,
        in.opacity_logits[time * in.opacity_logits_stride + i]);
    Real mean_gradient[3] = {}, covariance_gradient[6] = {},
         sh_gradient[kShSize] = {}, quaternion_gradient[4] = {},
         log_scales_gradient[3] = {}, logit_gradient[1] = {};
    bool drawn = false;
    for (int32_t k = arrays.time_begin[time]; k < arrays.time_begin[time + 1];
         ++k) {
      const int64_t image = arrays.images_by_time[k];
      const int64_t row = image * in.count + i;
      Real* offset_gradient =
          out.screen_offsets ? out.screen_offsets + 2 * row : nullptr;
      if (!(arrays.splats[row].half_extent[0] >= 0)) {
        if (offset_gradient && !kNormals) {
          offset_gradient[0] = offset_gradient[1] = 0;
        }
        continue;
      }
      drawn = true;
      const View<Real>& view = arrays.views[image];
      const SplatSums<Real> sums = StoredSums(arrays.splats[row]);
      const Footprint<Real> footprint = ProjectGaussian<Real>(
          view, mean, world.covariance, in.low_pass, nullptr);
      const FootprintGradient<Real> gradient =
          MakeSplatVjp<Real>(footprint, sums);
      if (offset_gradient) {
        for (int k = 0; k < 2; ++k) {
          const Real value = gradient.mean[k] * view.half_size[k];
          offset_gradient[k] = kNormals ? offset_gradient[k] + value : value;
        }
      }
      ProjectGaussianVjp<Real>(view, mean, world.covariance, gradient,
                               mean_gradient, covariance_gradient);
      logit_gradient[0] += sums.p * (1 - world.opacity);
      if constexpr (kNormals) {
        FacingAxisVjp<Real>(
            FacingAxis<Real>(quaternion, log_scales, mean, view.position),
            quaternion, sums.rgb, quaternion_gradient);
      } else {
        ShColorVjp<Real>(kDegree, sh, mean, view.position, sums.rgb,
                         sh_gradient, mean_gradient);
      }
    }
    if (drawn) {
      CovarianceVjp<Real>(quaternion, log_scales, covariance_gradient,
                          quaternion_gradient, log_scales_gradient);
    }
    const bool first = !kNormals;
    Deposit(mean_gradient, i, time, first, in.means_stride, out.means);
    Deposit(quaternion_gradient, i, time, first, in.quaternions_stride,
            out.quaternions);
    Deposit(log_scales_gradient, i, time, first, in.log_scales_stride,
            out.log_scales);
    Deposit(logit_gradient, i, time, first, in.opacity_logits_stride,
            out.opacity_logits);
    if (!kNormals) Deposit(sh_gradient, i, time, first, in.sh_stride, out.sh);
  }
}

template <typename Real>
__global__ void __launch_bounds__(kThreads) MakeNormals(Scene<Real> scene) {
  const GaussianRasterInputs<Real>& in = scene.inputs;
  const int64_t row = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (row < 3 * in.images) scene.arrays.black[row] = 0;
  if (row >= scene.rows()) return;
  CudaSplat<Real> splat = scene.arrays.splats[row];
  if (splat.half_extent[0] >= 0) {
    const int64_t image = row / in.count, i = row % in.count;
    const int64_t time = in.time_of_image[image];
    const FacingAxis<Real> facing(
        in.quaternions + time * in.quaternions_stride + 4 * i,
        in.log_scales + time * in.log_scales_stride + 3 * i,
        in.means + time * in.means_stride + 3 * i,
        scene.arrays.views[image].position);
    for (int k = 0; k < 3; ++k) splat.rgb[k] = facing.normal[k];
  }
  scene.arrays.normal_splats[row] = splat;
}

unsigned BlocksFor(int64_t threads) {
  return static_cast<unsigned>((threads + kThreads - 1) / kThreads);
}

}  // namespace

template <typename Real>
void LaunchPrepare(const Scene<Real>& scene, cudaStream_t stream) {
  const int64_t images = scene.inputs.images, times = scene.inputs.times;
  Prepare<<<BlocksFor(images > times ? images : times + 1), kThreads, 0,
            stream>>>(scene);
}

template <typename Real>
void LaunchProject(const Scene<Real>& scene, int32_t* radii,
                   cudaStream_t stream) {
  const unsigned blocks = BlocksFor(scene.rows());
  switch (scene.inputs.sh_degree) {
    case 0:
      return Project<Real, 0><<<blocks, kThreads, 0, stream>>>(scene, radii);
    case 1:
      return Project<Real, 1><<<blocks, kThreads, 0, stream>>>(scene, radii);
    case 2:
      return Project<Real, 2><<<blocks, kThreads, 0, stream>>>(scene, radii);
    default:
      return Project<Real, 3><<<blocks, kThreads, 0, stream>>>(scene, radii);
  }
}

template <typename Real>
void LaunchStoreSums(const Scene<Real>& scene, ImageRange range,
                     cudaStream_t stream) {
  const auto kernel = scene.inputs.deterministic
                          ? StoreSumsOfRange<Real, true>
                          : StoreSumsOfRange<Real, false>;
  kernel<<<BlocksFor((range.end - range.begin) * scene.inputs.count), kThreads,
           0, stream>>>(scene, range);
}

template <typename Real>
void LaunchProjectBackward(const Scene<Real>& scene,
                           const GaussianRasterGradients<Real>& out,
                           cudaStream_t stream) {
  const auto launch = [&]<int kDegree>() {
    const auto kernel = ProjectBackward<Real, kDegree, false>;
    kernel<<<BlocksFor(scene.inputs.count), kThreads, 0, stream>>>(scene, out);
  };
  switch (scene.inputs.sh_degree) {
    case 0:
      return launch.template operator()<0>();
    case 1:
      return launch.template operator()<1>();
    case 2:
      return launch.template operator()<2>();
    default:
      return launch.template operator()<3>();
  }
}

template <typename Real>
void LaunchMakeNormals(const Scene<Real>& scene, cudaStream_t stream) {
  MakeNormals<<<BlocksFor(std::max(scene.rows(), 3 * scene.inputs.images)),
                kThreads, 0, stream>>>(scene);
}

template <typename Real>
void LaunchNormalsBackward(const Scene<Real>& scene,
                           const GaussianRasterGradients<Real>& out,
                           cudaStream_t stream) {
  const auto kernel = ProjectBackward<Real, 0, true>;
  kernel<<<BlocksFor(scene.inputs.count), kThreads, 0, stream>>>(scene, out);
}

#define DG4D_INSTANTIATE(Real)                                                 \
  template void LaunchPrepare(const Scene<Real>&, cudaStream_t);               \
  template void LaunchProject(const Scene<Real>&, int32_t*, cudaStream_t);     \
  template void LaunchProjectBackward(                                         \
      const Scene<Real>&, const GaussianRasterGradients<Real>&, cudaStream_t); \
  template void LaunchStoreSums(const Scene<Real>&, ImageRange, cudaStream_t); \
  template void LaunchMakeNormals(const Scene<Real>&, cudaStream_t);           \
  template void LaunchNormalsBackward(                                         \
      const Scene<Real>&, const GaussianRasterGradients<Real>&, cudaStream_t)

DG4D_INSTANTIATE(float);
DG4D_INSTANTIATE(double);

}  // namespace dg4d::gaussian_raster
