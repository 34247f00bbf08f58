#ifndef DG4D_KERNELS_MESH_VISIBILITY_DEVICE_H_
#define DG4D_KERNELS_MESH_VISIBILITY_DEVICE_H_

#include <cuda_runtime.h>

#include <algorithm>
#include <bit>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dg4d/kernels/cuda_status.h"
#include "dg4d/kernels/host_device.h"
#include "dg4d/kernels/mesh_raster.h"
#include "dg4d/kernels/mesh_raster_device.h"
#include "dg4d/kernels/mesh_raster_math.h"
#include "dg4d/kernels/mesh_visibility_math.h"

namespace dg4d::mesh_raster {

// Private to the mesh kernels in .cu files: the z-buffer on the GPU, twin of
// mesh_visibility.h.

typedef unsigned long long Key;

// A triangle whose bounds hold more samples is drawn by warps, not by a thread.
constexpr int kThreadSamples = 192;
// And with more by as many warps as are free.
constexpr int kWarpSamples = 4096;
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
  DG4D_HOST_DEVICE int32_t Id(Key key) const {
    const Key mask = (Key{1} << id_bits) - 1;
    return key == 0 ? -1 : static_cast<int32_t>(mask - (key & mask));
  }
};

inline Keys KeysOf(double near, double far, int64_t triangle_count) {
  Keys keys = {.furthest = 1 / far, .nearest = 1 / near};
  keys.base = std::bit_cast<int64_t>(keys.furthest);
  keys.id_bits = std::bit_width(static_cast<uint64_t>(triangle_count));
  const int depth_bits = std::bit_width(
      static_cast<uint64_t>(std::bit_cast<int64_t>(keys.nearest) - keys.base));
  keys.shift = std::max(0, depth_bits + keys.id_bits - 64);
  return keys;
}

// What the kernels share; its arrays lie in the caller's workspace.
struct ZBuffer {
  Keys keys;
  Sampling sampling;
  Key* samples;         // [B, H samples, W samples]
  unsigned* counts;     // [2]: triangles for a warp, and for many
  uint32_t* triangles;  // [B T]: the first from the front, the second from
                        // behind

  // Of a column or row of samples, in pixels.
  __device__ double At(int i) const { return (i + 0.5) * step; }
  double step;
};

inline int64_t KeyBytes(int64_t images, int width, int height, int samples) {
  return images * width * height * samples * samples * int64_t{sizeof(Key)};
}

inline int64_t ZBufferBytes(int64_t images, int64_t triangle_count, int width,
                            int height, int samples) {
  return KeyBytes(images, width, height, samples) + 8 +
         4 * images * triangle_count;
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
__device__ bool SetUpDrawn(const MeshGeometry<Real>& geometry,
                           const Sampling& sampling, int64_t image, int64_t id,
                           DrawnTriangle& drawn, Bounds& bounds) {
  Vector3<double> corners[3];
  LoadCorners(geometry.positions + image * geometry.vertex_count * 3,
              geometry.triangles, id, corners);
  bounds = BoundsOf(corners, double(geometry.near), geometry.width,
                    geometry.height, sampling);
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

__device__ inline void DrawSample(const DrawnTriangle& drawn,
                                  const ZBuffer& buffer, uint32_t id, int x,
                                  int y, Key* sample) {
  const double px = buffer.At(x), py = buffer.At(y);
  if (!drawn.Holds(px, py)) return;
  const double here = drawn.At(3, px, py);
  if (here > buffer.keys.furthest && here <= buffer.keys.nearest) {
    atomicMax(sample, buffer.keys.Of(here, id));
  }
}

template <typename Real>
__global__ void DrawSmall(MeshGeometry<Real> geometry, ZBuffer buffer) {
  const int64_t total = geometry.images * geometry.triangle_count;
  const int64_t i = int64_t{blockIdx.x} * kBlock + threadIdx.x;
  if (i >= total) return;
  const int64_t image = i / geometry.triangle_count;
  const int64_t id = i % geometry.triangle_count;
  DrawnTriangle drawn;
  Bounds bounds;
  if (!SetUpDrawn(geometry, buffer.sampling, image, id, drawn, bounds)) return;
  const int64_t area =
      int64_t{bounds.right - bounds.left} * (bounds.bottom - bounds.top);
  if (area > kWarpSamples) {
    buffer.triangles[total - 1 - atomicAdd(buffer.counts + 1, 1u)] = i;
    return;
  }
  if (area > kThreadSamples) {
    buffer.triangles[atomicAdd(buffer.counts, 1u)] = i;
    return;
  }
  const int64_t stride = int64_t{geometry.width} * buffer.sampling.samples;
  Key* samples = buffer.samples +
                 image * geometry.height * buffer.sampling.samples * stride;
  for (int y = bounds.top; y < bounds.bottom; ++y) {
    for (int x = bounds.left; x < bounds.right; ++x) {
      DrawSample(drawn, buffer, static_cast<uint32_t>(id), x, y,
                 samples + y * stride + x);
    }
  }
}

// Whether a rectangle of samples is beyond an edge. Rounding is monotone, so
// none of them can be found inside where its furthest corner is not.
__device__ inline bool Misses(const DrawnTriangle& drawn, const ZBuffer& buffer,
                              int left, int top, int right, int bottom) {
  for (int k = 0; k < 3; ++k) {
    const Vector3<double>& edge = drawn.planes[k];
    const double x = buffer.At(edge.x > 0 ? right - 1 : left);
    const double y = buffer.At(edge.y > 0 ? bottom - 1 : top);
    if (EdgeValue(edge, x, y) < 0) return true;
  }
  return false;
}

template <typename Real>
__global__ void DrawLarge(MeshGeometry<Real> geometry, ZBuffer buffer) {
  const int64_t total = geometry.images * geometry.triangle_count;
  const int64_t warps = int64_t{gridDim.x} * (kBlock / 32);
  const int64_t warp = (int64_t{blockIdx.x} * kBlock + threadIdx.x) / 32;
  const int lane = threadIdx.x % 32;
  for (int list = 1; list >= 0; --list) {
    const int64_t count = buffer.counts[list];
    if (count == 0) continue;
    const int64_t team = count < warps ? warps / count : 1;
    const int64_t teams = warps / team;
    for (int64_t n = warp / team; n < count && warp < teams * team;
         n += teams) {
      const int64_t i = buffer.triangles[list == 1 ? total - 1 - n : n];
      const int64_t image = i / geometry.triangle_count;
      const int64_t id = i % geometry.triangle_count;
      DrawnTriangle drawn;
      Bounds bounds;
      if (!SetUpDrawn(geometry, buffer.sampling, image, id, drawn, bounds))
        continue;
      const int across = (bounds.right - bounds.left + 7) / 8;
      const int down = (bounds.bottom - bounds.top + 3) / 4;
      const int64_t stride = int64_t{geometry.width} * buffer.sampling.samples;
      Key* samples = buffer.samples +
                     image * geometry.height * buffer.sampling.samples * stride;
      for (int64_t b = warp % team; b < int64_t{across} * down; b += team) {
        const int left = bounds.left + static_cast<int>(b % across) * 8;
        const int top = bounds.top + static_cast<int>(b / across) * 4;
        if (Misses(drawn, buffer, left, top, left + 8, top + 4)) continue;
        const int x = left + lane % 8, y = top + lane / 8;
        if (x >= bounds.right || y >= bounds.bottom) continue;
        DrawSample(drawn, buffer, static_cast<uint32_t>(id), x, y,
                   samples + y * stride + x);
      }
    }
  }
}

// Finds what is nearest at each sample: fills in `buffer`, which then tells by
// its keys. `workspace` has ZBufferBytes. `caller` is for messages. At least
// one image and pixel.
template <typename Real>
absl::Status FindVisible(const MeshGeometry<Real>& geometry,
                         const Sampling& sampling, void* workspace,
                         const char* caller, CUstream_st* stream,
                         ZBuffer& buffer) {
  if (const absl::Status s = CheckImages(geometry.images); !s.ok()) return s;
  const int64_t triangles = geometry.images * geometry.triangle_count;
  if (triangles > UINT32_MAX) {
    return absl::InvalidArgumentError(
        absl::StrCat("too many triangles in all images together: ", triangles));
  }
  const int64_t key_bytes = KeyBytes(geometry.images, geometry.width,
                                     geometry.height, sampling.samples);
  char* bytes = static_cast<char*>(workspace);
  buffer = {.keys = KeysOf(double(geometry.near), double(geometry.far),
                           geometry.triangle_count),
            .sampling = sampling,
            .samples = reinterpret_cast<Key*>(bytes),
            .counts = reinterpret_cast<unsigned*>(bytes + key_bytes),
            .triangles = reinterpret_cast<uint32_t*>(bytes + key_bytes + 8),
            .step = 1.0 / sampling.samples};
  const absl::Status cleared =
      CudaStatus(cudaMemsetAsync(workspace, 0, key_bytes + 8, stream), caller);
  if (!cleared.ok() || triangles == 0) return cleared;
  DrawSmall<<<BlocksFor(triangles), kBlock, 0, stream>>>(geometry, buffer);
  DrawLarge<<<kWarpBlocks, kBlock, 0, stream>>>(geometry, buffer);
  return LaunchStatus(caller);
}

}  // namespace dg4d::mesh_raster

#endif  // DG4D_KERNELS_MESH_VISIBILITY_DEVICE_H_
