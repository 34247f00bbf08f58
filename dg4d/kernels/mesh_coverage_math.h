#ifndef DG4D_KERNELS_MESH_COVERAGE_MATH_H_
#define DG4D_KERNELS_MESH_COVERAGE_MATH_H_

#include <cstdint>

#include "dg4d/kernels/host_device.h"
#include "dg4d/kernels/mesh_coverage.h"
#include "dg4d/kernels/mesh_raster_math.h"
#include "dg4d/kernels/mesh_texture_math.h"
#include "dg4d/kernels/mesh_visibility_math.h"

namespace dg4d::mesh_raster {

struct Shade {
  double color[3] = {};
  double depth = 0;
};

// The shade of samples of one image.
template <typename Real>
class Shader {
 public:
  DG4D_HOST_DEVICE Shader(const MeshCoverageInputs<Real>& inputs, int64_t image)
      : inputs_(inputs),
        positions_(inputs.geometry.positions +
                   image * inputs.geometry.vertex_count * 3),
        layer_size_(int64_t{inputs.layer_height} * inputs.layer_width * 3),
        layers_(inputs.layers) {
    if (inputs.set_of_image != nullptr) {
      layers_ += inputs.set_of_image[image] * inputs.layer_count * layer_size_;
    }
  }

  // Of triangle `id` at pixel (x, y).
  DG4D_HOST_DEVICE Shade At(int32_t id, double x, double y) const {
    Vector3<double> corners[3];
    LoadCorners(positions_, inputs_.geometry.triangles, id, corners);
    Triangle<double> triangle;
    SetUpTriangle(corners, inputs_.geometry.triangles + 3 * id, triangle);
    const Fragment<double> fragment = FragmentAt(triangle, x, y);
    const double weights[3] = {
        fragment.barycentrics[0], fragment.barycentrics[1],
        1 - fragment.barycentrics[0] - fragment.barycentrics[1]};
    Shade shade = {.depth = fragment.depth};
    if (inputs_.corner_colors != nullptr) {
      for (int i = 0; i < 9; ++i) {
        shade.color[i % 3] +=
            weights[i / 3] * inputs_.corner_colors[9 * int64_t{id} + i];
      }
    } else {
      AddTexture(inputs_.uv_triangles + 3 * int64_t{id}, weights, shade);
    }
    return shade;
  }

 private:
  DG4D_HOST_DEVICE void AddTexture(const int32_t* rows, const double weights[3],
                                   Shade& shade) const {
    double u = 0, v = 0;
    for (int k = 0; k < 3; ++k) {
      u += weights[k] * inputs_.uvs[2 * int64_t{rows[k]}];
      v += weights[k] * inputs_.uvs[2 * int64_t{rows[k]} + 1];
    }
    int layers[3] = {};
    if (inputs_.layer_of_uv != nullptr) {
      for (int k = 0; k < 3; ++k) layers[k] = inputs_.layer_of_uv[rows[k]];
    }
    if (layers[0] == layers[1] && layers[0] == layers[2]) {
      AddLayer(layers[0], 1, u, v, shade);
      return;
    }
    for (int k = 0; k < 3; ++k) AddLayer(layers[k], weights[k], u, v, shade);
  }

  DG4D_HOST_DEVICE void AddLayer(int layer, double weight, double u, double v,
                                 Shade& shade) const {
    const auto taps = BilinearTapsAt(u, v, inputs_.layer_width,
                                     inputs_.layer_height, Border::kClamp);
    const Real* texels = layers_ + layer * layer_size_;
    for (int tap = 0; tap < 4; ++tap) {
      const Real* texel = texels + 3 * taps.texels[tap];
      for (int c = 0; c < 3; ++c) {
        shade.color[c] += weight * taps.weights[tap] * texel[c];
      }
    }
  }

  const MeshCoverageInputs<Real>& inputs_;
  const Real* const positions_;
  const int64_t layer_size_;
  const Real* layers_;
};

// Shows what `count` x `count` samples of pixel (x, y) hit: writes `rgba` [4]
// and unless null `depth` [1]. `id_at(i, j)` is the triangle that is nearest at
// the sample of row i and column j, -1 where there is none.
template <typename Real, typename IdAt>
DG4D_HOST_DEVICE inline void ResolvePixel(const Shader<Real>& shader,
                                          const IdAt& id_at, int count, int x,
                                          int y, Real* rgba, Real* depth) {
  int hits = 0;
  for (int i = 0; i < count; ++i) {
    for (int j = 0; j < count; ++j) hits += id_at(i, j) >= 0;
  }
  Shade shade;
  const int32_t centre = id_at(count / 2, count / 2);
  if (centre >= 0) {
    shade = shader.At(centre, x + 0.5, y + 0.5);
  } else if (hits > 0) {
    for (int i = 0; i < count; ++i) {
      for (int j = 0; j < count; ++j) {
        const int32_t id = id_at(i, j);
        if (id < 0) continue;
        const Shade sample =
            shader.At(id, x + (j + 0.5) / count, y + (i + 0.5) / count);
        for (int c = 0; c < 3; ++c) shade.color[c] += sample.color[c] / hits;
        shade.depth += sample.depth / hits;
      }
    }
  }
  const double alpha = double(hits) / (count * count);
  for (int c = 0; c < 3; ++c) rgba[c] = Real(alpha * shade.color[c]);
  rgba[3] = Real(alpha);
  if (depth != nullptr) *depth = Real(shade.depth);
}

}  // namespace dg4d::mesh_raster

#endif  // DG4D_KERNELS_MESH_COVERAGE_MATH_H_
