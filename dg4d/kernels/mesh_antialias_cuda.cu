#include <cuda_runtime.h>

#include <cstdint>
#include <limits>

#include "dg4d/kernels/cuda_status.h"
#include "dg4d/kernels/mesh_antialias_device.h"
#include "dg4d/kernels/mesh_antialias_math.h"
#include "dg4d/kernels/mesh_raster_cuda.h"
#include "dg4d/kernels/mesh_raster_device.h"

namespace dg4d {
namespace {

using namespace mesh_raster;  // NOLINT: the kernels' own

// A hash table of edges; linear probing, at most half full.
struct EdgeSlot {
  unsigned long long key;  // both vertices' rows, 0: free
  int count;               // corners opposite this edge
  int corners;             // their numbers, exclusive or
};

int64_t EdgeSlots(int64_t triangle_count) {
  int64_t slots = 64;
  while (slots < 6 * triangle_count) slots *= 2;
  return slots;
}

__device__ EdgeSlot* SlotOf(const int32_t* triangles, int64_t corner,
                            EdgeSlot* slots, int64_t count) {
  const int64_t t = corner / 3, k = corner % 3;
  const uint32_t a = triangles[3 * t + (k + 1) % 3];
  const uint32_t b = triangles[3 * t + (k + 2) % 3];
  // One more than a row, so that no key is 0.
  const unsigned long long key =
      (static_cast<unsigned long long>(a < b ? a : b) + 1) << 32 |
      (a < b ? b : a);
  unsigned long long hash = key * 0x9e3779b97f4a7c15ull;
  hash ^= hash >> 32;
  for (int64_t i = hash & (count - 1);; i = (i + 1) & (count - 1)) {
    const unsigned long long found = atomicCAS(&slots[i].key, 0ull, key);
    if (found == 0 || found == key) return slots + i;
  }
}

__global__ void InsertEdges(const int32_t* triangles, int64_t corners,
                            EdgeSlot* slots, int64_t count) {
  const int64_t i = int64_t{blockIdx.x} * kBlock + threadIdx.x;
  if (i >= corners) return;
  EdgeSlot* slot = SlotOf(triangles, i, slots, count);
  atomicAdd(&slot->count, 1);
  atomicXor(&slot->corners, static_cast<int>(i));
}

__global__ void MeetEdges(const int32_t* triangles, int64_t corners,
                          EdgeSlot* slots, int64_t count, int32_t* neighbors) {
  const int64_t i = int64_t{blockIdx.x} * kBlock + threadIdx.x;
  if (i >= corners) return;
  const EdgeSlot* slot = SlotOf(triangles, i, slots, count);
  neighbors[i] =
      slot->count == 2 ? (slot->corners ^ static_cast<int>(i)) / 3 : -1;
}

template <typename Real>
__global__ void FindWeights(MeshGeometry<Real> geometry,
                            MeshSilhouettes<Real> silhouettes, Real smallest,
                            Real* weights) {
  const Pixel pixel = ThisPixel(geometry.width, geometry.height);
  if (!pixel.inside) return;
  const Surface<Real> surface = SurfaceOf(geometry, silhouettes, pixel.image);
  for (int axis = 0; axis < 2; ++axis) {
    Real weight = 0;
    PixelPair pair;
    if (GetPair(geometry, silhouettes, pixel, axis, pair)) {
      const PairCrossing crossing = FindCrossing(surface, pair);
      if (crossing.found) {
        weight = Real(PairWeight(crossing));
        // 0 says that there is no silhouette; one half way has a gradient.
        if (weight == 0) weight = smallest;
      }
    }
    weights[2 * pixel.index + axis] = weight;
  }
}

// A picture [B, H, W, C] as Blend takes it.
template <typename Real>
struct Values {
  const Real* values;
  int64_t channels;

  __device__ Real operator()(const Pixel& p, int64_t c) const {
    return values[p.index * channels + c];
  }
};

template <typename Real>
__global__ void BlendKernel(Blend<Real> blend, Values<Real> colors,
                            Real* smooth) {
  const Pixel p = ThisPixel(blend.width, blend.height);
  if (!p.inside) return;
  for (int64_t c = 0; c < colors.channels; ++c) {
    smooth[p.index * colors.channels + c] = blend.AlongXAndY(colors, p, c);
  }
}

template <typename Real>
__global__ void BlendVjp(MeshGeometry<Real> geometry,
                         MeshSilhouettes<Real> silhouettes, Blend<Real> blend,
                         Values<Real> colors, Values<Real> smooth_gradients,
                         Real* color_gradients, Real* position_gradients) {
  const Pixel p = ThisPixel(blend.width, blend.height);
  if (!p.inside) return;
  const int64_t channels = colors.channels;
  for (int64_t c = 0; c < channels; ++c) {
    color_gradients[p.index * channels + c] =
        blend.ColorGradient(smooth_gradients, p, c);
  }
  if (position_gradients == nullptr) return;
  for (int axis = 0; axis < 2; ++axis) {
    const Real after = blend.After(p, axis);
    if (after == 0) continue;
    const Pixel next = blend.Moved(p, axis, 1);
    const Pixel& changed = after > 0 ? next : p;
    Real weight_gradient = 0;
    for (int64_t c = 0; c < channels; ++c) {
      weight_gradient +=
          axis == 0
              ? blend.AlongXGradient(smooth_gradients, changed, c) *
                    (colors(p, c) - colors(next, c))
              : smooth_gradients(changed, c) * (blend.AlongX(colors, p, c) -
                                                blend.AlongX(colors, next, c));
    }
    PixelPair pair;
    if (weight_gradient == 0 ||
        !GetPair(geometry, silhouettes, p, axis, pair)) {
      continue;
    }
    const Surface<Real> surface = SurfaceOf(geometry, silhouettes, p.image);
    const PairCrossing crossing = FindCrossing(surface, pair);
    if (!crossing.found) continue;
    Vector3<double> gradients[2];
    PairWeightVjp(surface, pair, crossing, double(weight_gradient), gradients);
    for (int k = 0; k < 2; ++k) {
      Real* out = position_gradients + 3 * (p.image * geometry.vertex_count +
                                            crossing.walk.edge_rows[k]);
      atomicAdd(out, Real(gradients[k].x));
      atomicAdd(out + 1, Real(gradients[k].y));
      atomicAdd(out + 2, Real(gradients[k].z));
    }
  }
}

}  // namespace

int64_t FindMeshNeighborsWorkspaceBytes(int64_t triangle_count) {
  return EdgeSlots(triangle_count) * int64_t{sizeof(EdgeSlot)};
}

absl::Status FindMeshNeighborsCuda(const int32_t* triangles,
                                   int64_t triangle_count, int32_t* neighbors,
                                   void* workspace, CUstream_st* stream) {
  if (triangle_count == 0) return absl::OkStatus();
  const int64_t count = EdgeSlots(triangle_count), corners = 3 * triangle_count;
  EdgeSlot* slots = static_cast<EdgeSlot*>(workspace);
  cudaMemsetAsync(slots, 0, count * sizeof(EdgeSlot), stream);
  InsertEdges<<<BlocksFor(corners), kBlock, 0, stream>>>(triangles, corners,
                                                         slots, count);
  MeetEdges<<<BlocksFor(corners), kBlock, 0, stream>>>(triangles, corners,
                                                       slots, count, neighbors);
  return LaunchStatus("FindMeshNeighborsCuda");
}

template <typename Real>
absl::Status AntialiasMeshCuda(const MeshGeometry<Real>& geometry,
                               const MeshSilhouettes<Real>& silhouettes,
                               int64_t channels, const Real* colors,
                               Real* weights, Real* smooth,
                               CUstream_st* stream) {
  if (IsEmpty(geometry)) return absl::OkStatus();
  if (const absl::Status s = CheckImages(geometry.images); !s.ok()) return s;
  const dim3 grid = PixelGrid(geometry.images, geometry.width, geometry.height);
  FindWeights<<<grid, kBlock, 0, stream>>>(
      geometry, silhouettes, std::numeric_limits<Real>::min(), weights);
  BlendKernel<<<grid, kBlock, 0, stream>>>(
      Blend<Real>{geometry.width, geometry.height, weights},
      Values<Real>{colors, channels}, smooth);
  return LaunchStatus("AntialiasMeshCuda");
}

template <typename Real>
absl::Status AntialiasMeshVjpCuda(
    const MeshGeometry<Real>& geometry,
    const MeshSilhouettes<Real>& silhouettes, int64_t channels,
    const Real* colors, const Real* weights, const Real* smooth_gradients,
    Real* color_gradients, Real* position_gradients, CUstream_st* stream) {
  if (const absl::Status s = CheckImages(geometry.images); !s.ok()) return s;
  if (position_gradients != nullptr) {
    cudaMemsetAsync(position_gradients, 0,
                    sizeof(Real) * 3 * geometry.images * geometry.vertex_count,
                    stream);
  }
  if (IsEmpty(geometry)) return absl::OkStatus();
  BlendVjp<<<PixelGrid(geometry.images, geometry.width, geometry.height),
             kBlock, 0, stream>>>(
      geometry, silhouettes,
      Blend<Real>{geometry.width, geometry.height, weights},
      Values<Real>{colors, channels}, Values<Real>{smooth_gradients, channels},
      color_gradients, position_gradients);
  return LaunchStatus("AntialiasMeshVjpCuda");
}

#define DG4D_INSTANTIATE(Real)                                          \
  template absl::Status AntialiasMeshCuda<Real>(                        \
      const MeshGeometry<Real>&, const MeshSilhouettes<Real>&, int64_t, \
      const Real*, Real*, Real*, CUstream_st*);                         \
  template absl::Status AntialiasMeshVjpCuda<Real>(                     \
      const MeshGeometry<Real>&, const MeshSilhouettes<Real>&, int64_t, \
      const Real*, const Real*, const Real*, Real*, Real*, CUstream_st*);

DG4D_INSTANTIATE(float)
DG4D_INSTANTIATE(double)
#undef DG4D_INSTANTIATE

}  // namespace dg4d
