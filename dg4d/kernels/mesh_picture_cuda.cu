// What each pixel of a picture shows, and the gradients of that.

#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "dg4d/kernels/cuda_status.h"
#include "dg4d/kernels/mesh_antialias_device.h"
#include "dg4d/kernels/mesh_picture_cuda.h"
#include "dg4d/kernels/mesh_raster_device.h"
#include "dg4d/kernels/mesh_raster_math.h"
#include "dg4d/kernels/mesh_texture_device.h"
#include "dg4d/kernels/mesh_visibility_math.h"

namespace dg4d {
namespace {

using namespace mesh_raster;  // NOLINT: the kernels' own

// Of a pixel in plane c of [B, channels, H, W].
__device__ int64_t InPlane(const Pixel& p, int64_t channels, int64_t c,
                           int64_t plane) {
  return (p.image * (channels - 1) + c) * plane + p.index;
}

template <typename Real>
__device__ int64_t PlaneOf(const MeshPicture<Real>& picture) {
  return int64_t{picture.geometry.width} * picture.geometry.height;
}

// What is seen at a pixel. Every step rounds to Real, as arrays between the
// CPU's steps do.
template <typename Real>
struct Seen {
  Fragment<Real> fragment;
  Real uv[2];
  Real slopes[4] = {};  // u_x, u_y, v_x, v_y; 0 without mips
};

template <typename Real>
__device__ Seen<Real> SeenAt(const MeshPicture<Real>& picture, const Pixel& p,
                             int32_t id) {
  const MeshGeometry<Real>& geometry = picture.geometry;
  Vector3<double> corners[3];
  LoadCorners(geometry.positions + p.image * geometry.vertex_count * 3,
              geometry.triangles, id, corners);
  Triangle<double> triangle;
  SetUpTriangle(corners, geometry.triangles + 3 * int64_t{id}, triangle);
  const Fragment<double> exact = FragmentAt(triangle, p.x + 0.5, p.y + 0.5);
  Seen<Real> seen;
  seen.fragment.depth = Real(exact.depth);
  for (int k = 0; k < 2; ++k) {
    seen.fragment.barycentrics[k] = Real(exact.barycentrics[k]);
    for (int axis = 0; axis < 2; ++axis) {
      seen.fragment.derivatives[k][axis] = Real(exact.derivatives[k][axis]);
    }
  }
  const int32_t* rows = picture.uvs.triangles + 3 * int64_t{id};
  for (int c = 0; c < 2; ++c) {
    const Real last = picture.uvs.values[2 * int64_t{rows[2]} + c];
    const Real first = picture.uvs.values[2 * int64_t{rows[0]} + c] - last;
    const Real second = picture.uvs.values[2 * int64_t{rows[1]} + c] - last;
    const Fragment<Real>& f = seen.fragment;
    seen.uv[c] = last + f.barycentrics[0] * first + f.barycentrics[1] * second;
    if (picture.texture.mips == nullptr) continue;
    for (int axis = 0; axis < 2; ++axis) {
      seen.slopes[2 * c + axis] =
          f.derivatives[0][axis] * first + f.derivatives[1][axis] * second;
    }
  }
  return seen;
}

// The texels around what is seen, at one or two levels.
template <typename Real>
struct Taps {
  Lookup<Real> lookup;
  BilinearTaps<Real> taps[2];

  __device__ Taps(const MeshPicture<Real>& picture, const Levels& levels,
                  const Seen<Real>& seen)
      : lookup(LookupAt(levels, seen.slopes)) {
    for (int i = 0; i < 2; ++i) {
      if (i < lookup.count) {
        taps[i] =
            TapsAt(levels, lookup.Level(i), seen.uv, picture.texture.wrap);
      }
    }
  }
};

template <typename Real>
__device__ Vector3<Real> NormalAt(const MeshPicture<Real>& picture,
                                  const MeshPictureNormals<Real>& normals,
                                  const Pixel& p, int32_t id,
                                  const Fragment<Real>& fragment) {
  const Real* sums = normals.sums + normals.mesh_of_image[p.image] *
                                        picture.geometry.vertex_count * 3;
  const Real weights[3] = {
      fragment.barycentrics[0], fragment.barycentrics[1],
      1 - fragment.barycentrics[0] - fragment.barycentrics[1]};
  Vector3<Real> normal;
  for (int k = 0; k < 3; ++k) {
    const Real* sum =
        sums + 3 * int64_t{picture.geometry.triangles[3 * int64_t{id} + k]};
    const Vector3<Real> v = {sum[0], sum[1], sum[2]};
    const Real square = Dot(v, v);
    // As VertexNormals has it: what has no area faces forward.
    normal += square > Real(1e-30)
                  ? (weights[k] / std::sqrt(square)) * v
                  : Vector3<Real>{Real(0), Real(0), weights[k]};
  }
  const Real length = std::sqrt(Dot(normal, normal));
  return length > 0 ? (1 / length) * normal : normal;
}

template <typename Real>
__global__ void DrawKernel(const __grid_constant__ MeshPicture<Real> picture,
                           MeshPictureNormals<Real> normals,
                           const __grid_constant__ Levels levels,
                           MeshPictureImages<Real> images) {
  const Pixel p = ThisPixel(picture.geometry.width, picture.geometry.height);
  if (!p.inside) return;
  const int64_t plane = PlaneOf(picture), channels = picture.texture.channels;
  const int32_t id = picture.triangle_ids[p.index];
  if (images.alpha != nullptr) images.alpha[p.index] = id >= 0 ? 1 : 0;
  if (id < 0) {
    for (int64_t c = 0; c < channels; ++c) {
      images.rgb[InPlane(p, channels, c, plane)] =
          picture.background[p.image * channels + c];
    }
    if (images.depth != nullptr) images.depth[p.index] = 0;
    for (int c = 0; images.uv != nullptr && c < 2; ++c) {
      images.uv[InPlane(p, 2, c, plane)] = 0;
    }
    for (int c = 0; images.normals != nullptr && c < 3; ++c) {
      images.normals[InPlane(p, 3, c, plane)] = 0;
    }
    return;
  }
  const Seen<Real> seen = SeenAt(picture, p, id);
  if (images.depth != nullptr) images.depth[p.index] = seen.fragment.depth;
  for (int c = 0; images.uv != nullptr && c < 2; ++c) {
    images.uv[InPlane(p, 2, c, plane)] = seen.uv[c];
  }
  if (images.normals != nullptr) {
    const Vector3<Real> normal =
        NormalAt(picture, normals, p, id, seen.fragment);
    images.normals[InPlane(p, 3, 0, plane)] = normal.x;
    images.normals[InPlane(p, 3, 1, plane)] = normal.y;
    images.normals[InPlane(p, 3, 2, plane)] = normal.z;
  }
  const Taps<Real> at(picture, levels, seen);
  const int64_t set = SetOf(picture.texture, p.image);
  for (int64_t c = 0; c < channels; ++c) {
    Real sum = 0;
    for (int i = 0; i < 2; ++i) {
      if (i >= at.lookup.count) break;
      const Real* texels = LevelIn(picture.texture.texels, picture.texture.mips,
                                   levels, set, at.lookup.Level(i), channels);
      for (int tap = 0; tap < 4; ++tap) {
        sum += at.lookup.Share(i) * at.taps[i].weights[tap] *
               texels[at.taps[i].texels[tap] * channels + c];
      }
    }
    images.rgb[InPlane(p, channels, c, plane)] = sum;
  }
}

// The picture's colours before smoothing; channel C is alpha.
template <typename Real>
struct Unsmoothed {
  const MeshPicture<Real>& picture;

  __device__ Real operator()(const Pixel& p, int64_t c) const {
    const int64_t channels = picture.texture.channels;
    if (c == channels) return picture.triangle_ids[p.index] >= 0 ? 1 : 0;
    return picture.unsmoothed[InPlane(p, channels, c, PlaneOf(picture))];
  }
};

// Upstream gradients of the same channels.
template <typename Real>
struct Upstream {
  const MeshPicture<Real>& picture;
  const MeshPictureImageGradients<Real>& gradients;

  __device__ Real operator()(const Pixel& p, int64_t c) const {
    const int64_t channels = picture.texture.channels;
    if (c == channels) {
      return gradients.alpha == nullptr ? 0 : gradients.alpha[p.index];
    }
    return gradients.rgb == nullptr
               ? 0
               : gradients.rgb[InPlane(p, channels, c, PlaneOf(picture))];
  }
};

template <typename Real>
__device__ Blend<Real> BlendOf(const MeshPicture<Real>& picture) {
  return {picture.geometry.width, picture.geometry.height, picture.weights};
}

template <typename Real>
__device__ MeshSilhouettes<Real> SilhouettesOf(
    const MeshPicture<Real>& picture) {
  return {picture.triangle_ids, picture.depth, picture.neighbors};
}

template <typename Real>
__global__ void FindWeights(const __grid_constant__ MeshPicture<Real> picture,
                            Real smallest, Real* weights) {
  const MeshGeometry<Real>& geometry = picture.geometry;
  const Pixel p = ThisPixel(geometry.width, geometry.height);
  if (!p.inside) return;
  const MeshSilhouettes<Real> silhouettes = SilhouettesOf(picture);
  const Surface<Real> surface = SurfaceOf(geometry, silhouettes, p.image);
  for (int axis = 0; axis < 2; ++axis) {
    Real weight = 0;
    PixelPair pair;
    if (GetPair(geometry, silhouettes, p, axis, pair)) {
      const PairCrossing crossing = FindCrossing(surface, pair);
      if (crossing.found) {
        weight = Real(PairWeight(crossing));
        // 0 says that there is no silhouette; one half way has a gradient.
        if (weight == 0) weight = smallest;
      }
    }
    weights[2 * p.index + axis] = weight;
  }
}

template <typename Real>
__global__ void SmoothKernel(const __grid_constant__ MeshPicture<Real> picture,
                             Real* rgb, Real* alpha) {
  const Pixel p = ThisPixel(picture.geometry.width, picture.geometry.height);
  if (!p.inside) return;
  const Blend<Real> blend = BlendOf(picture);
  const Unsmoothed<Real> colors = {picture};
  const int64_t channels = picture.texture.channels;
  for (int64_t c = 0; c < channels; ++c) {
    rgb[InPlane(p, channels, c, PlaneOf(picture))] =
        blend.AlongXAndY(colors, p, c);
  }
  alpha[p.index] = blend.AlongXAndY(colors, p, channels);
}

// The part of silhouettes in the positions' gradients.
template <typename Real>
__device__ void SilhouetteVjp(const MeshPicture<Real>& picture,
                              const Upstream<Real>& upstream, const Pixel& p,
                              Real* position_gradients) {
  const MeshGeometry<Real>& geometry = picture.geometry;
  const Blend<Real> blend = BlendOf(picture);
  const Unsmoothed<Real> colors = {picture};
  for (int axis = 0; axis < 2; ++axis) {
    const Real after = blend.After(p, axis);
    if (after == 0) continue;
    const Pixel next = blend.Moved(p, axis, 1);
    const Pixel& changed = after > 0 ? next : p;
    Real weight_gradient = 0;
    for (int64_t c = 0; c <= picture.texture.channels; ++c) {
      weight_gradient +=
          axis == 0 ? blend.AlongXGradient(upstream, changed, c) *
                          (colors(p, c) - colors(next, c))
                    : upstream(changed, c) * (blend.AlongX(colors, p, c) -
                                              blend.AlongX(colors, next, c));
    }
    const MeshSilhouettes<Real> silhouettes = SilhouettesOf(picture);
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

template <typename Real>
__device__ Real SumOverWarp(Real value) {
  for (int step = 16; step > 0; step /= 2) {
    value += __shfl_xor_sync(0xffffffff, value, step);
  }
  return value;
}

// The gradients of the texels that a pixel sees, and what remains for its UVs.
template <typename Real, typename Gradient>
__device__ void TextureVjp(const MeshPicture<Real>& picture,
                           const Levels& levels, const Pixel& p,
                           const Seen<Real>& seen, const Gradient& gradient,
                           const MeshPictureGradients<Real>& out,
                           Real uv_gradient[2], Real slope_gradients[4]) {
  const MeshTexture<Real>& texture = picture.texture;
  const int64_t channels = texture.channels;
  const int64_t set = SetOf(texture, p.image);
  const Taps<Real> at(picture, levels, seen);
  Real level_gradient = 0;
  for (int64_t c = 0; c < channels; ++c) {
    const Real g = gradient(c);
    if (g == 0) continue;
    for (int i = 0; i < 2; ++i) {
      if (i >= at.lookup.count) break;
      const int level = at.lookup.Level(i);
      const Real share = at.lookup.Share(i);
      const Real* texels =
          LevelIn(texture.texels, texture.mips, levels, set, level, channels);
      for (int tap = 0; tap < 4; ++tap) {
        const int64_t k = at.taps[i].texels[tap] * channels + c;
        const Real weight = at.taps[i].weights[tap];
        if (out.texels != nullptr) {
          atomicAdd(
              LevelIn(out.texels, out.mips, levels, set, level, channels) + k,
              share * weight * g);
        }
        const Real product = g * texels[k];
        uv_gradient[0] += share * at.taps[i].u_slopes[tap] * product;
        uv_gradient[1] += share * at.taps[i].v_slopes[tap] * product;
        level_gradient += (i == 0 ? -1 : 1) * weight * product;
      }
    }
  }
  if (at.lookup.count == 2) {
    LevelVjp(seen.slopes, Real(texture.width), Real(texture.height),
             at.lookup.footprint, level_gradient, slope_gradients);
  }
}

// From the gradients of a pixel's UVs on, for all lanes of a warp.
template <typename Real>
__device__ void GeometryVjp(const MeshPicture<Real>& picture, const Pixel& p,
                            int32_t id, const Seen<Real>& seen,
                            const Real uv_gradient[2],
                            const Real slope_gradients[4], Real depth_gradient,
                            const MeshPictureGradients<Real>& out) {
  const MeshGeometry<Real>& geometry = picture.geometry;
  Fragment<double> fragment, fragment_gradient;
  for (int k = 0; k < 2; ++k) {
    fragment.barycentrics[k] = double(seen.fragment.barycentrics[k]);
    for (int axis = 0; axis < 2; ++axis) {
      fragment.derivatives[k][axis] =
          double(seen.fragment.derivatives[k][axis]);
    }
  }
  const int32_t* rows = picture.uvs.triangles + 3 * int64_t{id};
  for (int c = 0; c < 2; ++c) {
    Real sums[3] = {};
    if (id >= 0) {
      double corners[3], corner_gradients[3];
      for (int k = 0; k < 3; ++k) {
        corners[k] = double(picture.uvs.values[2 * int64_t{rows[k]} + c]);
      }
      const double slopes[2] = {double(slope_gradients[2 * c]),
                                double(slope_gradients[2 * c + 1])};
      InterpolationVjp(corners, fragment, double(uv_gradient[c]), slopes,
                       corner_gradients, fragment_gradient);
      for (int k = 0; k < 3; ++k) sums[k] = Real(corner_gradients[k]);
    }
    if (out.uvs == nullptr) continue;
    if (!SumOverEqualKeys(id, sums) || id < 0) continue;
    for (int k = 0; k < 3; ++k) {
      if (sums[k] == 0) continue;
      atomicAdd(out.uvs + 2 * int64_t{rows[k]} + c, sums[k]);
    }
  }
  if (out.positions == nullptr) return;
  Real sums[9] = {};
  if (id >= 0) {
    fragment_gradient.depth = double(depth_gradient);
    for (int k = 0; k < 2; ++k) {
      fragment_gradient.barycentrics[k] =
          double(Real(fragment_gradient.barycentrics[k]));
      for (int axis = 0; axis < 2; ++axis) {
        fragment_gradient.derivatives[k][axis] =
            double(Real(fragment_gradient.derivatives[k][axis]));
      }
    }
    Vector3<double> corners[3], corner_gradients[3];
    LoadCorners(geometry.positions + p.image * geometry.vertex_count * 3,
                geometry.triangles, id, corners);
    FragmentVjp(corners, p.x + 0.5, p.y + 0.5, fragment_gradient,
                corner_gradients);
    for (int k = 0; k < 3; ++k) {
      sums[3 * k] = Real(corner_gradients[k].x);
      sums[3 * k + 1] = Real(corner_gradients[k].y);
      sums[3 * k + 2] = Real(corner_gradients[k].z);
    }
  }
  if (!SumOverEqualKeys(id, sums) || id < 0) return;
  for (int k = 0; k < 3; ++k) {
    const int64_t row = p.image * geometry.vertex_count +
                        geometry.triangles[3 * int64_t{id} + k];
    for (int c = 0; c < 3; ++c) {
      if (sums[3 * k + c] == 0) continue;
      atomicAdd(out.positions + 3 * row + c, sums[3 * k + c]);
    }
  }
}

// `kMoves`: gradients of positions or UVs are wanted, not of texels alone.
template <typename Real, bool kMoves>
__global__ void DrawVjpKernel(
    const __grid_constant__ MeshPicture<Real> picture,
    const __grid_constant__ Levels levels,
    const __grid_constant__ MeshPictureImageGradients<Real> image_gradients,
    MeshPictureGradients<Real> out) {
  const Pixel p = ThisPixel(picture.geometry.width, picture.geometry.height);
  const int64_t channels = picture.texture.channels;
  int32_t id = p.inside ? picture.triangle_ids[p.index] : -1;
  const Upstream<Real> upstream = {picture, image_gradients};
  // Of the colours before smoothing.
  const auto gradient = [&](int64_t c) {
    return picture.weights == nullptr
               ? upstream(p, c)
               : BlendOf(picture).ColorGradient(upstream, p, c);
  };
  if (out.background != nullptr) {
    for (int64_t c = 0; c < channels; ++c) {
      const Real sum = SumOverWarp(p.inside && id < 0 ? gradient(c) : Real(0));
      if (threadIdx.x % 32 == 0 && sum != 0) {
        atomicAdd(out.background + p.image * channels + c, sum);
      }
    }
  }
  Seen<Real> seen = {};
  Real uv_gradient[2] = {}, slope_gradients[4] = {};
  if (id >= 0 && (kMoves || out.texels != nullptr)) {
    seen = SeenAt(picture, p, id);
    TextureVjp(picture, levels, p, seen, gradient, out, uv_gradient,
               slope_gradients);
  }
  if constexpr (kMoves) {
    const Real depth_gradient = id >= 0 && image_gradients.depth != nullptr
                                    ? image_gradients.depth[p.index]
                                    : Real(0);
    GeometryVjp(picture, p, id, seen, uv_gradient, slope_gradients,
                depth_gradient, out);
    if (out.positions != nullptr && picture.weights != nullptr && p.inside) {
      SilhouetteVjp(picture, upstream, p, out.positions);
    }
  }
}

template <typename Real>
__global__ void AddNormals(int64_t vertex_count, int64_t triangle_count,
                           const Real* vertices, const int32_t* triangles,
                           Real* sums) {
  const int64_t i = int64_t{blockIdx.x} * kBlock + threadIdx.x;
  if (i >= triangle_count) return;
  const int64_t mesh = int64_t{blockIdx.y} * vertex_count;
  const int32_t* rows = triangles + 3 * i;
  const auto corner = [&](int k) {
    const Real* v = vertices + 3 * (mesh + rows[k]);
    return Vector3<Real>{v[0], v[1], v[2]};
  };
  const Vector3<Real> origin = corner(0);
  const Vector3<Real> normal =
      Cross(corner(1) + Real(-1) * origin, corner(2) + Real(-1) * origin);
  for (int k = 0; k < 3; ++k) {
    Real* sum = sums + 3 * (mesh + rows[k]);
    atomicAdd(sum, normal.x);
    atomicAdd(sum + 1, normal.y);
    atomicAdd(sum + 2, normal.z);
  }
}

template <typename Real>
dim3 GridOf(const MeshPicture<Real>& picture) {
  return PixelGrid(picture.geometry.images, picture.geometry.width,
                   picture.geometry.height);
}

template <typename Real>
Levels LevelsOf(const MeshTexture<Real>& texture) {
  return mesh_raster::LevelsOf(texture.height, texture.width,
                               texture.mips != nullptr);
}

}  // namespace

template <typename Real>
absl::Status AddMeshNormalsCuda(int64_t meshes, int64_t vertex_count,
                                int64_t triangle_count, const Real* vertices,
                                const int32_t* triangles, Real* sums,
                                CUstream_st* stream) {
  if (const absl::Status s = CheckImages(meshes); !s.ok()) return s;
  if (meshes == 0 || triangle_count == 0) return absl::OkStatus();
  AddNormals<<<dim3(BlocksFor(triangle_count), static_cast<unsigned>(meshes)),
               kBlock, 0, stream>>>(vertex_count, triangle_count, vertices,
                                    triangles, sums);
  return LaunchStatus("AddMeshNormalsCuda");
}

template <typename Real>
absl::Status DrawMeshPictureCuda(const MeshPicture<Real>& picture,
                                 const MeshPictureNormals<Real>& normals,
                                 const MeshPictureImages<Real>& images,
                                 CUstream_st* stream) {
  if (IsEmpty(picture.geometry)) return absl::OkStatus();
  const absl::Status s = CheckImages(picture.geometry.images);
  if (!s.ok()) return s;
  DrawKernel<<<GridOf(picture), kBlock, 0, stream>>>(
      picture, normals, LevelsOf(picture.texture), images);
  return LaunchStatus("DrawMeshPictureCuda");
}

template <typename Real>
absl::Status FindMeshSilhouettesCuda(const MeshPicture<Real>& picture,
                                     Real* weights, CUstream_st* stream) {
  if (IsEmpty(picture.geometry)) return absl::OkStatus();
  const absl::Status s = CheckImages(picture.geometry.images);
  if (!s.ok()) return s;
  FindWeights<<<GridOf(picture), kBlock, 0, stream>>>(
      picture, std::numeric_limits<Real>::min(), weights);
  return LaunchStatus("FindMeshSilhouettesCuda");
}

template <typename Real>
absl::Status SmoothMeshPictureCuda(const MeshPicture<Real>& picture, Real* rgb,
                                   Real* alpha, CUstream_st* stream) {
  if (IsEmpty(picture.geometry)) return absl::OkStatus();
  const absl::Status s = CheckImages(picture.geometry.images);
  if (!s.ok()) return s;
  SmoothKernel<<<GridOf(picture), kBlock, 0, stream>>>(picture, rgb, alpha);
  return LaunchStatus("SmoothMeshPictureCuda");
}

template <typename Real>
absl::Status DrawMeshPictureVjpCuda(
    const MeshPicture<Real>& picture,
    const MeshPictureImageGradients<Real>& image_gradients,
    const MeshPictureGradients<Real>& gradients, CUstream_st* stream) {
  if (IsEmpty(picture.geometry)) return absl::OkStatus();
  const absl::Status s = CheckImages(picture.geometry.images);
  if (!s.ok()) return s;
  const auto kernel = gradients.positions == nullptr && gradients.uvs == nullptr
                          ? DrawVjpKernel<Real, false>
                          : DrawVjpKernel<Real, true>;
  kernel<<<GridOf(picture), kBlock, 0, stream>>>(
      picture, LevelsOf(picture.texture), image_gradients, gradients);
  return LaunchStatus("DrawMeshPictureVjpCuda");
}

#define DG4D_INSTANTIATE(Real)                                                \
  template absl::Status AddMeshNormalsCuda<Real>(int64_t, int64_t, int64_t,   \
                                                 const Real*, const int32_t*, \
                                                 Real*, CUstream_st*);        \
  template absl::Status DrawMeshPictureCuda<Real>(                            \
      const MeshPicture<Real>&, const MeshPictureNormals<Real>&,              \
      const MeshPictureImages<Real>&, CUstream_st*);                          \
  template absl::Status FindMeshSilhouettesCuda<Real>(                        \
      const MeshPicture<Real>&, Real*, CUstream_st*);                         \
  template absl::Status SmoothMeshPictureCuda<Real>(                          \
      const MeshPicture<Real>&, Real*, Real*, CUstream_st*);                  \
  template absl::Status DrawMeshPictureVjpCuda<Real>(                         \
      const MeshPicture<Real>&, const MeshPictureImageGradients<Real>&,       \
      const MeshPictureGradients<Real>&, CUstream_st*);

DG4D_INSTANTIATE(float)
DG4D_INSTANTIATE(double)
#undef DG4D_INSTANTIATE

}  // namespace dg4d
