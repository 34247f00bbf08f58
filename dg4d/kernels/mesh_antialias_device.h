#ifndef DG4D_KERNELS_MESH_ANTIALIAS_DEVICE_H_
#define DG4D_KERNELS_MESH_ANTIALIAS_DEVICE_H_

#include <cstdint>

#include "dg4d/kernels/mesh_antialias.h"
#include "dg4d/kernels/mesh_antialias_math.h"
#include "dg4d/kernels/mesh_raster_device.h"

namespace dg4d::mesh_raster {

// Private to the mesh kernels in .cu files.

// The pair of a pixel and the next along `axis`; false where the image ends or
// both show the same triangle.
template <typename Real>
__device__ bool GetPair(const MeshGeometry<Real>& geometry,
                        const MeshSilhouettes<Real>& silhouettes,
                        const Pixel& pixel, int axis, PixelPair& pair) {
  if (axis == 0 ? pixel.x + 1 >= geometry.width
                : pixel.y + 1 >= geometry.height) {
    return false;
  }
  const int64_t i = pixel.index;
  const int64_t next = i + (axis == 0 ? 1 : geometry.width);
  const int32_t* ids = silhouettes.triangle_ids;
  if (ids[i] == ids[next]) return false;
  pair = {.x = pixel.x + 0.5,
          .y = pixel.y + 0.5,
          .axis = axis,
          .ids = {ids[i], ids[next]},
          .depths = {double(silhouettes.depth[i]),
                     double(silhouettes.depth[next])}};
  return true;
}

template <typename Real>
__device__ Surface<Real> SurfaceOf(const MeshGeometry<Real>& geometry,
                                   const MeshSilhouettes<Real>& silhouettes,
                                   int64_t image) {
  return {geometry.positions + image * geometry.vertex_count * 3,
          geometry.triangles, silhouettes.neighbors};
}

// The blending of mesh_antialias_cpu.cc, of one pixel at a time: of the pair
// (i, next), weight w > 0 gives next w of i's colour, w < 0 gives i -w of
// next's; first along x, then along y. Colours and gradients are functions of a
// pixel and a channel.
template <typename Real>
struct Blend {
  int width, height;
  const Real* weights;  // [B, H, W, 2]

  __device__ Real Before(const Pixel& p, int axis) const {
    if (axis == 0 ? p.x == 0 : p.y == 0) return 0;
    return weights[2 * (p.index - Step(axis)) + axis];
  }
  __device__ Real After(const Pixel& p, int axis) const {
    return weights[2 * p.index + axis];
  }
  __device__ int64_t Step(int axis) const { return axis == 0 ? 1 : width; }
  __device__ Pixel Moved(Pixel p, int axis, int by) const {
    (axis == 0 ? p.x : p.y) += by;
    p.index += by * Step(axis);
    return p;
  }

  template <typename Colors>
  __device__ Real AlongX(const Colors& colors, const Pixel& p,
                         int64_t c) const {
    const Real before = Before(p, 0), after = After(p, 0);
    const Real own = colors(p, c);
    Real value = own;
    if (before > 0) value += before * (colors(Moved(p, 0, -1), c) - own);
    if (after < 0) value -= after * (colors(Moved(p, 0, 1), c) - own);
    return value;
  }

  template <typename Colors>
  __device__ Real AlongXAndY(const Colors& colors, const Pixel& p,
                             int64_t c) const {
    const Real before = Before(p, 1), after = After(p, 1);
    const Real own = AlongX(colors, p, c);
    Real value = own;
    if (before > 0) {
      value += before * (AlongX(colors, Moved(p, 1, -1), c) - own);
    }
    if (after < 0) value -= after * (AlongX(colors, Moved(p, 1, 1), c) - own);
    return value;
  }

  // The gradient of AlongX's result, from that of AlongXAndY's.
  template <typename Gradients>
  __device__ Real AlongXGradient(const Gradients& gradients, const Pixel& p,
                                 int64_t c) const {
    return Pull(p, 1, [&](const Pixel& q) { return gradients(q, c); });
  }
  // And that of the colours.
  template <typename Gradients>
  __device__ Real ColorGradient(const Gradients& gradients, const Pixel& p,
                                int64_t c) const {
    return Pull(
        p, 0, [&](const Pixel& q) { return AlongXGradient(gradients, q, c); });
  }

 private:
  template <typename Gradient>
  __device__ Real Pull(const Pixel& p, int axis, Gradient gradient) const {
    const Real before = Before(p, axis), after = After(p, axis);
    const Real kept = 1 - (before > 0 ? before : 0) - (after < 0 ? -after : 0);
    Real value = kept * gradient(p);
    if (before < 0) value -= before * gradient(Moved(p, axis, -1));
    if (after > 0) value += after * gradient(Moved(p, axis, 1));
    return value;
  }
};

}  // namespace dg4d::mesh_raster

#endif  // DG4D_KERNELS_MESH_ANTIALIAS_DEVICE_H_
