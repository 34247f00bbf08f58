#include <cstdint>

#include "dg4d/kernels/mesh_coverage.h"
#include "dg4d/kernels/mesh_coverage_math.h"
#include "dg4d/kernels/mesh_visibility.h"

namespace dg4d {
namespace {

using mesh_raster::VisibleBand;

// The nearest triangles at one pixel's samples.
struct SampledIds {
  const int32_t* ids;
  int64_t stride;

  int32_t operator()(int i, int j) const { return ids[i * stride + j]; }
};

template <typename Real>
void ResolveBand(const MeshCoverageInputs<Real>& inputs,
                 const VisibleBand& band, Real* rgba, Real* depth) {
  const int count = inputs.samples;
  const int width = inputs.geometry.width;
  const int64_t stride = int64_t{width} * count;
  const mesh_raster::Shader<Real> shader(inputs, band.image);
  for (int row = 0; row < band.rows; ++row) {
    const int y = band.first_row + row;
    const int64_t start =
        (band.image * inputs.geometry.height + y) * int64_t{width};
    for (int x = 0; x < width; ++x) {
      const SampledIds ids = {band.triangles + row * count * stride + x * count,
                              stride};
      mesh_raster::ResolvePixel(shader, ids, count, x, y,
                                rgba + 4 * (start + x),
                                depth == nullptr ? nullptr : depth + start + x);
    }
  }
}

}  // namespace

template <typename Real>
void RenderMeshCoverageCpu(const MeshCoverageInputs<Real>& inputs, Real* rgba,
                           Real* depth) {
  mesh_raster::ForEachVisibleBand(
      inputs.geometry, {.samples = inputs.samples, .front_only = inputs.closed},
      [&](const VisibleBand& band) { ResolveBand(inputs, band, rgba, depth); });
}

template void RenderMeshCoverageCpu<float>(const MeshCoverageInputs<float>&,
                                           float*, float*);
template void RenderMeshCoverageCpu<double>(const MeshCoverageInputs<double>&,
                                            double*, double*);

}  // namespace dg4d
