#include <cuda_runtime.h>

#include <cstdint>

#include "dg4d/kernels/cuda_status.h"
#include "dg4d/kernels/mesh_coverage_math.h"
#include "dg4d/kernels/mesh_raster_cuda.h"
#include "dg4d/kernels/mesh_raster_device.h"
#include "dg4d/kernels/mesh_visibility_device.h"

namespace dg4d {
namespace {

using namespace mesh_raster;  // NOLINT: the kernels' own

// The nearest triangles at one pixel's samples.
struct SampledIds {
  const Key* samples;
  int64_t stride;
  Keys keys;

  DG4D_HOST_DEVICE int32_t operator()(int i, int j) const {
    return keys.Id(samples[i * stride + j]);
  }
};

template <typename Real>
__global__ void ResolveCoverage(MeshCoverageInputs<Real> inputs, ZBuffer buffer,
                                Real* rgba, Real* depth) {
  const MeshGeometry<Real>& geometry = inputs.geometry;
  const Pixel pixel = ThisPixel(geometry.width, geometry.height);
  if (!pixel.inside) return;
  const int count = inputs.samples;
  const int64_t stride = int64_t{geometry.width} * count;
  const int64_t row =
      (pixel.image * geometry.height + pixel.y) * int64_t{count};
  const SampledIds ids = {buffer.samples + row * stride + pixel.x * count,
                          stride, buffer.keys};
  ResolvePixel(Shader<Real>(inputs, pixel.image), ids, count, pixel.x, pixel.y,
               rgba + 4 * pixel.index,
               depth == nullptr ? nullptr : depth + pixel.index);
}

}  // namespace

int64_t RenderMeshCoverageWorkspaceBytes(int64_t images, int64_t triangle_count,
                                         int width, int height, int samples) {
  return ZBufferBytes(images, triangle_count, width, height, samples);
}

template <typename Real>
absl::Status RenderMeshCoverageCuda(const MeshCoverageInputs<Real>& inputs,
                                    Real* rgba, Real* depth, void* workspace,
                                    CUstream_st* stream) {
  const MeshGeometry<Real>& geometry = inputs.geometry;
  if (IsEmpty(geometry)) return absl::OkStatus();
  ZBuffer buffer;
  const absl::Status found = FindVisible(
      geometry, {.samples = inputs.samples, .front_only = inputs.closed},
      workspace, "RenderMeshCoverageCuda", stream, buffer);
  if (!found.ok()) return found;
  ResolveCoverage<<<PixelGrid(geometry.images, geometry.width, geometry.height),
                    kBlock, 0, stream>>>(inputs, buffer, rgba, depth);
  return LaunchStatus("RenderMeshCoverageCuda");
}

template absl::Status RenderMeshCoverageCuda<float>(
    const MeshCoverageInputs<float>&, float*, float*, void*, CUstream_st*);
template absl::Status RenderMeshCoverageCuda<double>(
    const MeshCoverageInputs<double>&, double*, double*, void*, CUstream_st*);

}  // namespace dg4d
