#include <algorithm>
#include <cmath>

#include "dg4d/kernels/mesh_coverage.h"
#include "dg4d/kernels/mesh_raster_math.h"
#include "dg4d/kernels/mesh_texture_math.h"
#include "dg4d/kernels/mesh_visibility.h"

namespace dg4d {
namespace {

using mesh_raster::Fragment;
using mesh_raster::Triangle;
using mesh_raster::Vector3;
using mesh_raster::VisibleBand;

struct Shade {
  double color[3] = {};
  double depth = 0;
};

// The shade of samples of one image.
template <typename Real>
class Shader {
 public:
  Shader(const MeshCoverageInputs<Real>& inputs, int64_t image)
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
  Shade At(int32_t id, double x, double y) const {
    Vector3<double> corners[3];
    mesh_raster::LoadCorners(positions_, inputs_.geometry.triangles, id,
                             corners);
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
  void AddTexture(const int32_t* rows, const double weights[3],
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

  void AddLayer(int layer, double weight, double u, double v,
                Shade& shade) const {
    const auto taps = mesh_raster::BilinearTapsAt(u, v, inputs_.layer_width,
                                                  inputs_.layer_height,
                                                  mesh_raster::Border::kClamp);
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

// The mean shade of the samples of one pixel that hit, or that of the centre.
template <typename Real>
Shade ShadePixel(const Shader<Real>& shader, const int32_t* samples,
                 int64_t stride, int count, int hits, int x, int y) {
  const int32_t centre = samples[(count / 2) * (stride + 1)];
  if (centre >= 0) return shader.At(centre, x + 0.5, y + 0.5);
  Shade mean;
  for (int i = 0; i < count; ++i) {
    for (int j = 0; j < count; ++j) {
      const int32_t id = samples[i * stride + j];
      if (id < 0) continue;
      const Shade shade =
          shader.At(id, x + (j + 0.5) / count, y + (i + 0.5) / count);
      for (int c = 0; c < 3; ++c) mean.color[c] += shade.color[c] / hits;
      mean.depth += shade.depth / hits;
    }
  }
  return mean;
}

template <typename Real>
void ResolveBand(const MeshCoverageInputs<Real>& inputs,
                 const VisibleBand& band, Real* rgba, Real* depth) {
  const int count = inputs.samples;
  const int width = inputs.geometry.width;
  const int64_t stride = int64_t{width} * count;
  const Shader<Real> shader(inputs, band.image);
  for (int row = 0; row < band.rows; ++row) {
    const int y = band.first_row + row;
    const int64_t start =
        (band.image * inputs.geometry.height + y) * int64_t{width};
    for (int x = 0; x < width; ++x) {
      const int32_t* samples =
          band.triangles + row * count * stride + x * count;
      int hits = 0;
      for (int i = 0; i < count; ++i) {
        for (int j = 0; j < count; ++j) hits += samples[i * stride + j] >= 0;
      }
      Shade shade;
      if (hits > 0) {
        shade = ShadePixel(shader, samples, stride, count, hits, x, y);
      }
      const double alpha = double(hits) / (count * count);
      Real* out = rgba + 4 * (start + x);
      for (int c = 0; c < 3; ++c) out[c] = Real(alpha * shade.color[c]);
      out[3] = Real(alpha);
      if (depth != nullptr) depth[start + x] = Real(shade.depth);
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
