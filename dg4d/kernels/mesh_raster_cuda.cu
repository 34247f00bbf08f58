#include <cuda_runtime.h>

#include <algorithm>
#include <bit>
#include <cstdint>

#include "dg4d/kernels/cuda_status.h"
#include "dg4d/kernels/mesh_raster_cuda.h"
#include "dg4d/kernels/mesh_raster_device.h"
#include "dg4d/kernels/mesh_raster_math.h"
#include "dg4d/kernels/mesh_visibility_device.h"

namespace dg4d {
namespace {

using namespace mesh_raster;  // NOLINT: the kernels' own

template <typename Real>
__device__ Fragment<double> LoadFragment(
    const MeshFragments<const Real>& fragments, int64_t pixel) {
  Fragment<double> fragment;
  for (int k = 0; k < 2; ++k) {
    if (fragments.barycentrics != nullptr) {
      fragment.barycentrics[k] = fragments.barycentrics[2 * pixel + k];
    }
    if (fragments.barycentric_derivatives != nullptr) {
      for (int axis = 0; axis < 2; ++axis) {
        fragment.derivatives[k][axis] =
            fragments.barycentric_derivatives[4 * pixel + 2 * k + axis];
      }
    }
  }
  if (fragments.depth != nullptr) fragment.depth = fragments.depth[pixel];
  return fragment;
}

template <typename Real>
__device__ void StoreFragment(const Fragment<double>& fragment, int64_t pixel,
                              const MeshFragments<Real>& fragments) {
  for (int k = 0; k < 2; ++k) {
    if (fragments.barycentrics != nullptr) {
      fragments.barycentrics[2 * pixel + k] = Real(fragment.barycentrics[k]);
    }
    if (fragments.barycentric_derivatives != nullptr) {
      for (int axis = 0; axis < 2; ++axis) {
        fragments.barycentric_derivatives[4 * pixel + 2 * k + axis] =
            Real(fragment.derivatives[k][axis]);
      }
    }
  }
  if (fragments.depth != nullptr) {
    fragments.depth[pixel] = Real(fragment.depth);
  }
}

template <typename Real>
__global__ void Resolve(MeshGeometry<Real> geometry, ZBuffer buffer,
                        int32_t* triangle_ids, MeshFragments<Real> fragments) {
  const Pixel pixel = ThisPixel(geometry.width, geometry.height);
  if (!pixel.inside) return;
  const int32_t id = buffer.keys.Id(buffer.samples[pixel.index]);
  Fragment<double> fragment;
  if (id >= 0) {
    Vector3<double> corners[3];
    LoadCorners(geometry.positions + pixel.image * geometry.vertex_count * 3,
                geometry.triangles, id, corners);
    Triangle<double> triangle;
    SetUpTriangle(corners, geometry.triangles + 3 * int64_t{id}, triangle);
    fragment = FragmentAt(triangle, pixel.x + 0.5, pixel.y + 0.5);
  }
  triangle_ids[pixel.index] = id;
  StoreFragment(fragment, pixel.index, fragments);
}

template <typename Real>
__global__ void RasterizeVjp(MeshGeometry<Real> geometry,
                             const int32_t* triangle_ids,
                             MeshFragments<const Real> fragment_gradients,
                             Real* position_gradients) {
  const Pixel pixel = ThisPixel(geometry.width, geometry.height);
  int32_t id = pixel.inside ? triangle_ids[pixel.index] : -1;
  Real sums[9] = {};
  if (id >= 0) {
    const Fragment<double> gradient =
        LoadFragment(fragment_gradients, pixel.index);
    const bool zero =
        gradient.barycentrics[0] == 0 && gradient.barycentrics[1] == 0 &&
        gradient.derivatives[0][0] == 0 && gradient.derivatives[0][1] == 0 &&
        gradient.derivatives[1][0] == 0 && gradient.derivatives[1][1] == 0 &&
        gradient.depth == 0;
    if (zero) {
      id = -1;
    } else {
      Vector3<double> corners[3], corner_gradients[3];
      LoadCorners(geometry.positions + pixel.image * geometry.vertex_count * 3,
                  geometry.triangles, id, corners);
      FragmentVjp(corners, pixel.x + 0.5, pixel.y + 0.5, gradient,
                  corner_gradients);
      for (int k = 0; k < 3; ++k) {
        sums[3 * k] = Real(corner_gradients[k].x);
        sums[3 * k + 1] = Real(corner_gradients[k].y);
        sums[3 * k + 2] = Real(corner_gradients[k].z);
      }
    }
  }
  if (!SumOverEqualKeys(id, sums) || id < 0) return;
  for (int k = 0; k < 3; ++k) {
    const int64_t row = pixel.image * geometry.vertex_count +
                        geometry.triangles[3 * int64_t{id} + k];
    for (int c = 0; c < 3; ++c) {
      atomicAdd(position_gradients + 3 * row + c, sums[3 * k + c]);
    }
  }
}

template <typename Real>
__global__ void ProjectKernel(MeshProjection<Real> projection,
                              Real* positions) {
  const int64_t count = projection.vertex_count;
  const int64_t i = int64_t{blockIdx.x} * kBlock + threadIdx.x;
  if (i >= projection.images * count) return;
  const int64_t b = i / count;
  const Vector3<Real> q = Project(
      projection.view_from_world + 12 * b, projection.focal_lengths[2 * b],
      projection.focal_lengths[2 * b + 1], Real(0.5) * projection.width,
      Real(0.5) * projection.height,
      projection.vertices +
          3 * (projection.mesh_of_image[b] * count + i % count));
  positions[3 * i] = q.x;
  positions[3 * i + 1] = q.y;
  positions[3 * i + 2] = q.z;
}

template <typename Real>
__global__ void ProjectVjpKernel(MeshProjection<Real> projection,
                                 const Real* position_gradients,
                                 Real* vertex_gradients) {
  const int64_t count = projection.vertex_count;
  const int64_t i = int64_t{blockIdx.x} * kBlock + threadIdx.x;
  if (i >= projection.meshes * count) return;
  Vector3<Real> sum;
  for (int64_t b = 0; b < projection.images; ++b) {
    if (projection.mesh_of_image[b] != i / count) continue;
    sum += ProjectVjp(
        projection.view_from_world + 12 * b, projection.focal_lengths[2 * b],
        projection.focal_lengths[2 * b + 1], Real(0.5) * projection.width,
        Real(0.5) * projection.height,
        position_gradients + 3 * (b * count + i % count));
  }
  vertex_gradients[3 * i] = sum.x;
  vertex_gradients[3 * i + 1] = sum.y;
  vertex_gradients[3 * i + 2] = sum.z;
}

template <typename Real>
__device__ int64_t SetOf(const MeshAttributes<Real>& attributes,
                         int64_t image) {
  return attributes.set_of_image == nullptr ? 0
                                            : attributes.set_of_image[image];
}

template <typename Real>
__global__ void InterpolateKernel(MeshGeometry<Real> geometry,
                                  const int32_t* triangle_ids,
                                  MeshFragments<const Real> fragments,
                                  MeshAttributes<Real> attributes, Real* values,
                                  Real* derivatives) {
  const Pixel pixel = ThisPixel(geometry.width, geometry.height);
  if (!pixel.inside) return;
  const int64_t i = pixel.index, channels = attributes.channels;
  const int64_t id = triangle_ids[i];
  const Real* set = attributes.values +
                    SetOf(attributes, pixel.image) * attributes.rows * channels;
  const int32_t* rows = attributes.triangles + 3 * id;
  for (int64_t c = 0; c < channels; ++c) {
    Real value = 0, slopes[2] = {};
    if (id >= 0) {
      const Real last = set[rows[2] * channels + c];
      const Real first = set[rows[0] * channels + c] - last;
      const Real second = set[rows[1] * channels + c] - last;
      value = last + fragments.barycentrics[2 * i] * first +
              fragments.barycentrics[2 * i + 1] * second;
      for (int axis = 0; derivatives != nullptr && axis < 2; ++axis) {
        const Real* slope = fragments.barycentric_derivatives + 4 * i + axis;
        slopes[axis] = slope[0] * first + slope[2] * second;
      }
    }
    values[i * channels + c] = value;
    if (derivatives == nullptr) continue;
    derivatives[2 * (i * channels + c)] = slopes[0];
    derivatives[2 * (i * channels + c) + 1] = slopes[1];
  }
}

template <typename Real>
__global__ void InterpolateVjp(
    MeshGeometry<Real> geometry, const int32_t* triangle_ids,
    MeshFragments<const Real> fragments, MeshAttributes<Real> attributes,
    const Real* value_gradients, const Real* derivative_gradients,
    Real* attribute_gradients, MeshFragments<Real> fragment_gradients) {
  const Pixel pixel = ThisPixel(geometry.width, geometry.height);
  const int64_t i = pixel.index, channels = attributes.channels;
  const int32_t id = pixel.inside ? triangle_ids[i] : -1;
  const int64_t offset =
      SetOf(attributes, pixel.image) * attributes.rows * channels;
  const Real* set = attributes.values + offset;
  const int32_t* rows = attributes.triangles + 3 * int64_t{id};
  Fragment<double> fragment, gradient;
  if (id >= 0) fragment = LoadFragment(fragments, i);
  for (int64_t c = 0; c < channels; ++c) {
    Real sums[3] = {};
    if (id >= 0) {
      const double value_gradient =
          value_gradients == nullptr ? 0 : value_gradients[i * channels + c];
      double slope_gradients[2] = {};
      if (derivative_gradients != nullptr) {
        slope_gradients[0] = derivative_gradients[2 * (i * channels + c)];
        slope_gradients[1] = derivative_gradients[2 * (i * channels + c) + 1];
      }
      double corners[3], corner_gradients[3];
      for (int k = 0; k < 3; ++k) corners[k] = set[rows[k] * channels + c];
      mesh_raster::InterpolationVjp(corners, fragment, value_gradient,
                                    slope_gradients, corner_gradients,
                                    gradient);
      for (int k = 0; k < 3; ++k) sums[k] = Real(corner_gradients[k]);
    }
    if (attribute_gradients == nullptr) continue;
    if (!SumOverEqualKeys(id, sums) || id < 0) continue;
    for (int k = 0; k < 3; ++k) {
      if (sums[k] == 0) continue;
      atomicAdd(attribute_gradients + offset + rows[k] * channels + c, sums[k]);
    }
  }
  if (pixel.inside) StoreFragment(gradient, i, fragment_gradients);
}

}  // namespace

int64_t RasterizeMeshWorkspaceBytes(int64_t images, int64_t triangle_count,
                                    int width, int height) {
  return ZBufferBytes(images, triangle_count, width, height, /*samples=*/1);
}

template <typename Real>
absl::Status ProjectMeshCuda(const MeshProjection<Real>& projection,
                             Real* positions, CUstream_st* stream) {
  const int64_t count = projection.images * projection.vertex_count;
  if (count == 0) return absl::OkStatus();
  ProjectKernel<<<BlocksFor(count), kBlock, 0, stream>>>(projection, positions);
  return LaunchStatus("ProjectMeshCuda");
}

template <typename Real>
absl::Status ProjectMeshVjpCuda(const MeshProjection<Real>& projection,
                                const Real* position_gradients,
                                Real* vertex_gradients, CUstream_st* stream) {
  const int64_t count = projection.meshes * projection.vertex_count;
  if (count == 0) return absl::OkStatus();
  ProjectVjpKernel<<<BlocksFor(count), kBlock, 0, stream>>>(
      projection, position_gradients, vertex_gradients);
  return LaunchStatus("ProjectMeshVjpCuda");
}

template <typename Real>
absl::Status RasterizeMeshCuda(const MeshGeometry<Real>& geometry,
                               int32_t* triangle_ids,
                               const MeshFragments<Real>& fragments,
                               void* workspace, CUstream_st* stream) {
  if (IsEmpty(geometry)) return absl::OkStatus();
  ZBuffer buffer;
  const absl::Status found = FindVisible(geometry, Sampling{}, workspace,
                                         "RasterizeMeshCuda", stream, buffer);
  if (!found.ok()) return found;
  Resolve<<<PixelGrid(geometry.images, geometry.width, geometry.height), kBlock,
            0, stream>>>(geometry, buffer, triangle_ids, fragments);
  return LaunchStatus("RasterizeMeshCuda");
}

template <typename Real>
absl::Status RasterizeMeshVjpCuda(
    const MeshGeometry<Real>& geometry, const int32_t* triangle_ids,
    const MeshFragments<const Real>& fragment_gradients,
    Real* position_gradients, CUstream_st* stream) {
  if (const absl::Status s = CheckImages(geometry.images); !s.ok()) return s;
  const absl::Status cleared = CudaStatus(
      cudaMemsetAsync(
          position_gradients, 0,
          sizeof(Real) * 3 * geometry.images * geometry.vertex_count, stream),
      "RasterizeMeshVjpCuda");
  if (!cleared.ok() || IsEmpty(geometry)) return cleared;
  RasterizeVjp<<<PixelGrid(geometry.images, geometry.width, geometry.height),
                 kBlock, 0, stream>>>(geometry, triangle_ids,
                                      fragment_gradients, position_gradients);
  return LaunchStatus("RasterizeMeshVjpCuda");
}

template <typename Real>
absl::Status InterpolateMeshCuda(const MeshGeometry<Real>& geometry,
                                 const int32_t* triangle_ids,
                                 const MeshFragments<const Real>& fragments,
                                 const MeshAttributes<Real>& attributes,
                                 Real* values, Real* derivatives,
                                 CUstream_st* stream) {
  if (IsEmpty(geometry)) return absl::OkStatus();
  if (const absl::Status s = CheckImages(geometry.images); !s.ok()) return s;
  InterpolateKernel<<<PixelGrid(geometry.images, geometry.width,
                                geometry.height),
                      kBlock, 0, stream>>>(geometry, triangle_ids, fragments,
                                           attributes, values, derivatives);
  return LaunchStatus("InterpolateMeshCuda");
}

template <typename Real>
absl::Status InterpolateMeshVjpCuda(
    const MeshGeometry<Real>& geometry, const int32_t* triangle_ids,
    const MeshFragments<const Real>& fragments,
    const MeshAttributes<Real>& attributes, const Real* value_gradients,
    const Real* derivative_gradients, Real* attribute_gradients,
    const MeshFragments<Real>& fragment_gradients, CUstream_st* stream) {
  if (const absl::Status s = CheckImages(geometry.images); !s.ok()) return s;
  if (attribute_gradients != nullptr) {
    const absl::Status cleared =
        CudaStatus(cudaMemsetAsync(attribute_gradients, 0,
                                   sizeof(Real) * attributes.sets *
                                       attributes.rows * attributes.channels,
                                   stream),
                   "InterpolateMeshVjpCuda");
    if (!cleared.ok()) return cleared;
  }
  if (IsEmpty(geometry)) return absl::OkStatus();
  InterpolateVjp<<<PixelGrid(geometry.images, geometry.width, geometry.height),
                   kBlock, 0, stream>>>(
      geometry, triangle_ids, fragments, attributes, value_gradients,
      derivative_gradients, attribute_gradients, fragment_gradients);
  return LaunchStatus("InterpolateMeshVjpCuda");
}

#define DG4D_INSTANTIATE(Real)                                                \
  template absl::Status ProjectMeshCuda<Real>(const MeshProjection<Real>&,    \
                                              Real*, CUstream_st*);           \
  template absl::Status ProjectMeshVjpCuda<Real>(                             \
      const MeshProjection<Real>&, const Real*, Real*, CUstream_st*);         \
  template absl::Status RasterizeMeshCuda<Real>(                              \
      const MeshGeometry<Real>&, int32_t*, const MeshFragments<Real>&, void*, \
      CUstream_st*);                                                          \
  template absl::Status RasterizeMeshVjpCuda<Real>(                           \
      const MeshGeometry<Real>&, const int32_t*,                              \
      const MeshFragments<const Real>&, Real*, CUstream_st*);                 \
  template absl::Status InterpolateMeshCuda<Real>(                            \
      const MeshGeometry<Real>&, const int32_t*,                              \
      const MeshFragments<const Real>&, const MeshAttributes<Real>&, Real*,   \
      Real*, CUstream_st*);                                                   \
  template absl::Status InterpolateMeshVjpCuda<Real>(                         \
      const MeshGeometry<Real>&, const int32_t*,                              \
      const MeshFragments<const Real>&, const MeshAttributes<Real>&,          \
      const Real*, const Real*, Real*, const MeshFragments<Real>&,            \
      CUstream_st*);

DG4D_INSTANTIATE(float)
DG4D_INSTANTIATE(double)
#undef DG4D_INSTANTIATE

}  // namespace dg4d
