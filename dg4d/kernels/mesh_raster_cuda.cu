#include <cuda_runtime.h>

#include <algorithm>
#include <bit>
#include <cstdint>

#include "dg4d/kernels/cuda_status.h"
#include "dg4d/kernels/mesh_raster_cuda.h"
#include "dg4d/kernels/mesh_raster_device.h"
#include "dg4d/kernels/mesh_raster_math.h"
#include "dg4d/kernels/mesh_visibility_math.h"

namespace dg4d {
namespace {

using namespace mesh_raster;  // NOLINT: the kernels' own

typedef unsigned long long Key;

// A triangle whose bounds hold more pixels is drawn by warps, not by a thread.
constexpr int kThreadPixels = 192;
// And with more by as many warps as are free.
constexpr int kWarpPixels = 4096;
constexpr int kWarpBlocks = 264;

// What is nearest has the greatest key: the leading bits of 1 / depth less
// those of 1 / far, then the complement of the triangle's row. 0: empty.
struct Keys {
  double furthest, nearest;  // inverse depths
  int64_t base;
  int shift;
  int id_bits;

  __device__ Key Of(double inverse_depth, uint32_t id) const {
    const Key depth =
        static_cast<Key>((__double_as_longlong(inverse_depth) - base) >> shift);
    return depth << id_bits | (((Key{1} << id_bits) - 1) - id);
  }
  __device__ int32_t Id(Key key) const {
    const Key mask = (Key{1} << id_bits) - 1;
    return key == 0 ? -1 : static_cast<int32_t>(mask - (key & mask));
  }
};

Keys KeysOf(double near, double far, int64_t triangle_count) {
  Keys keys = {.furthest = 1 / far, .nearest = 1 / near};
  keys.base = std::bit_cast<int64_t>(keys.furthest);
  keys.id_bits = std::bit_width(static_cast<uint64_t>(triangle_count));
  const int depth_bits = std::bit_width(
      static_cast<uint64_t>(std::bit_cast<int64_t>(keys.nearest) - keys.base));
  keys.shift = std::max(0, depth_bits + keys.id_bits - 64);
  return keys;
}

struct Workspace {
  Key* keys;         // [B, H, W]
  unsigned* counts;  // [2]: triangles for a warp, and for many
  uint32_t*
      triangles;  // [B T]: the first from the front, the second from behind
};

int64_t KeyBytes(int64_t images, int width, int height) {
  return images * width * height * int64_t{sizeof(Key)};
}

struct DrawnTriangle {
  Vector3<double> planes[4];  // edges, inverse depth
  bool owner[3];

  __device__ double At(int k, double x, double y) const {
    return EdgeValue(planes[k], x, y);
  }
  __device__ bool Holds(double x, double y) const {
    for (int k = 0; k < 3; ++k) {
      const double at = At(k, x, y);
      if (!(at > 0 || (at == 0 && owner[k]))) return false;
    }
    return true;
  }
};

template <typename Real>
__device__ bool SetUpDrawn(const MeshGeometry<Real>& geometry, int64_t image,
                           int64_t id, DrawnTriangle& drawn, Bounds& bounds) {
  Vector3<double> corners[3];
  LoadCorners(geometry.positions + image * geometry.vertex_count * 3,
              geometry.triangles, id, corners);
  bounds = BoundsOf(corners, double(geometry.near), geometry.width,
                    geometry.height, Sampling{});
  if (bounds.empty()) return false;
  Triangle<double> triangle;
  if (!SetUpTriangle(corners, geometry.triangles + 3 * id, triangle)) {
    return false;
  }
  for (int k = 0; k < 3; ++k) {
    drawn.planes[k] = triangle.edges[k];
    drawn.owner[k] = OwnsItsPoints(triangle.edges[k]);
  }
  drawn.planes[3] = (1 / triangle.determinant) *
                    (triangle.edges[0] + triangle.edges[1] + triangle.edges[2]);
  return true;
}

__device__ void DrawPixel(const DrawnTriangle& drawn, const Keys& keys,
                          uint32_t id, int x, int y, Key* pixel) {
  const double px = x + 0.5, py = y + 0.5;
  if (!drawn.Holds(px, py)) return;
  const double here = drawn.At(3, px, py);
  if (here > keys.furthest && here <= keys.nearest) {
    atomicMax(pixel, keys.Of(here, id));
  }
}

template <typename Real>
__global__ void DrawSmall(MeshGeometry<Real> geometry, Keys keys,
                          Workspace workspace) {
  const int64_t total = geometry.images * geometry.triangle_count;
  const int64_t i = int64_t{blockIdx.x} * kBlock + threadIdx.x;
  if (i >= total) return;
  const int64_t image = i / geometry.triangle_count;
  const int64_t id = i % geometry.triangle_count;
  DrawnTriangle drawn;
  Bounds bounds;
  if (!SetUpDrawn(geometry, image, id, drawn, bounds)) return;
  const int64_t area =
      int64_t{bounds.right - bounds.left} * (bounds.bottom - bounds.top);
  if (area > kWarpPixels) {
    workspace.triangles[total - 1 - atomicAdd(workspace.counts + 1, 1u)] = i;
    return;
  }
  if (area > kThreadPixels) {
    workspace.triangles[atomicAdd(workspace.counts, 1u)] = i;
    return;
  }
  Key* image_keys = workspace.keys + image * geometry.height * geometry.width;
  for (int y = bounds.top; y < bounds.bottom; ++y) {
    for (int x = bounds.left; x < bounds.right; ++x) {
      DrawPixel(drawn, keys, static_cast<uint32_t>(id), x, y,
                image_keys + int64_t{y} * geometry.width + x);
    }
  }
}

// Whether a rectangle of pixels is beyond an edge. Rounding is monotone, so
// none of its pixels can be found inside where its furthest corner is not.
__device__ bool Misses(const DrawnTriangle& drawn, int left, int top, int right,
                       int bottom) {
  for (int k = 0; k < 3; ++k) {
    const Vector3<double>& edge = drawn.planes[k];
    const double x = edge.x > 0 ? right - 0.5 : left + 0.5;
    const double y = edge.y > 0 ? bottom - 0.5 : top + 0.5;
    if (EdgeValue(edge, x, y) < 0) return true;
  }
  return false;
}

template <typename Real>
__global__ void DrawLarge(MeshGeometry<Real> geometry, Keys keys,
                          Workspace workspace) {
  const int64_t total = geometry.images * geometry.triangle_count;
  const int64_t warps = int64_t{gridDim.x} * (kBlock / 32);
  const int64_t warp = (int64_t{blockIdx.x} * kBlock + threadIdx.x) / 32;
  const int lane = threadIdx.x % 32;
  for (int list = 1; list >= 0; --list) {
    const int64_t count = workspace.counts[list];
    if (count == 0) continue;
    const int64_t team = count < warps ? warps / count : 1;
    const int64_t teams = warps / team;
    for (int64_t n = warp / team; n < count && warp < teams * team;
         n += teams) {
      const int64_t i = workspace.triangles[list == 1 ? total - 1 - n : n];
      const int64_t image = i / geometry.triangle_count;
      const int64_t id = i % geometry.triangle_count;
      DrawnTriangle drawn;
      Bounds bounds;
      if (!SetUpDrawn(geometry, image, id, drawn, bounds)) continue;
      const int across = (bounds.right - bounds.left + 7) / 8;
      const int down = (bounds.bottom - bounds.top + 3) / 4;
      Key* image_keys =
          workspace.keys + image * geometry.height * geometry.width;
      for (int64_t b = warp % team; b < int64_t{across} * down; b += team) {
        const int left = bounds.left + static_cast<int>(b % across) * 8;
        const int top = bounds.top + static_cast<int>(b / across) * 4;
        if (Misses(drawn, left, top, left + 8, top + 4)) continue;
        const int x = left + lane % 8, y = top + lane / 8;
        if (x >= bounds.right || y >= bounds.bottom) continue;
        DrawPixel(drawn, keys, static_cast<uint32_t>(id), x, y,
                  image_keys + int64_t{y} * geometry.width + x);
      }
    }
  }
}

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
__global__ void Resolve(MeshGeometry<Real> geometry, Keys keys,
                        const Key* depths, int32_t* triangle_ids,
                        MeshFragments<Real> fragments) {
  const Pixel pixel = ThisPixel(geometry.width, geometry.height);
  if (!pixel.inside) return;
  const int32_t id = keys.Id(depths[pixel.index]);
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

absl::Status CheckImages(int64_t images) {
  if (images <= 65535) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("mesh kernels draw up to 65535 images at once, not ", images,
                   ": draw them in parts"));
}

template <typename Real>
bool IsEmpty(const MeshGeometry<Real>& geometry) {
  return geometry.images == 0 || geometry.width == 0 || geometry.height == 0;
}

}  // namespace

int64_t RasterizeMeshWorkspaceBytes(int64_t images, int64_t triangle_count,
                                    int width, int height) {
  return KeyBytes(images, width, height) + 8 + 4 * images * triangle_count;
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
  if (const absl::Status s = CheckImages(geometry.images); !s.ok()) return s;
  const int64_t triangles = geometry.images * geometry.triangle_count;
  if (triangles > UINT32_MAX) {
    return absl::InvalidArgumentError(
        absl::StrCat("too many triangles in all images together: ", triangles));
  }
  const Keys keys = KeysOf(double(geometry.near), double(geometry.far),
                           geometry.triangle_count);
  const int64_t key_bytes =
      KeyBytes(geometry.images, geometry.width, geometry.height);
  char* bytes = static_cast<char*>(workspace);
  const Workspace parts = {
      .keys = reinterpret_cast<Key*>(bytes),
      .counts = reinterpret_cast<unsigned*>(bytes + key_bytes),
      .triangles = reinterpret_cast<uint32_t*>(bytes + key_bytes + 8)};
  const absl::Status cleared =
      CudaStatus(cudaMemsetAsync(workspace, 0, key_bytes + 8, stream),
                 "RasterizeMeshCuda");
  if (!cleared.ok()) return cleared;
  if (triangles > 0) {
    DrawSmall<<<BlocksFor(triangles), kBlock, 0, stream>>>(geometry, keys,
                                                           parts);
    DrawLarge<<<kWarpBlocks, kBlock, 0, stream>>>(geometry, keys, parts);
  }
  Resolve<<<PixelGrid(geometry.images, geometry.width, geometry.height), kBlock,
            0, stream>>>(geometry, keys, parts.keys, triangle_ids, fragments);
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
