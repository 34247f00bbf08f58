#include <algorithm>
#include <limits>
#include <vector>

#include "dg4d/base/parallel.h"
#include "dg4d/kernels/mesh_antialias.h"
#include "dg4d/kernels/mesh_antialias_math.h"
#include "dg4d/kernels/mesh_scatter.h"

namespace dg4d {
namespace {

using mesh_raster::FindCrossing;
using mesh_raster::PairCrossing;
using mesh_raster::PixelPair;
using mesh_raster::ScatterRows;
using mesh_raster::Surface;
using mesh_raster::Vector3;

constexpr int64_t kRowGrain = 16;

template <typename Real>
Surface<Real> SurfaceOf(const MeshGeometry<Real>& geometry,
                        const MeshSilhouettes<Real>& silhouettes,
                        int64_t image) {
  return {geometry.positions + image * geometry.vertex_count * 3,
          geometry.triangles, silhouettes.neighbors};
}

// The pair of `pixel`, at column x of row y, and the next along `axis`; false
// where the image ends or both show the same triangle.
template <typename Real>
bool GetPair(const MeshGeometry<Real>& geometry,
             const MeshSilhouettes<Real>& silhouettes, int64_t pixel, int x,
             int y, int axis, PixelPair& pair) {
  if (axis == 0 ? x + 1 >= geometry.width : y + 1 >= geometry.height) {
    return false;
  }
  const int64_t next = pixel + (axis == 0 ? 1 : geometry.width);
  const int32_t* ids = silhouettes.triangle_ids;
  if (ids[pixel] == ids[next]) return false;
  pair = {.x = x + 0.5,
          .y = y + 0.5,
          .axis = axis,
          .ids = {ids[pixel], ids[next]},
          .depths = {double(silhouettes.depth[pixel]),
                     double(silhouettes.depth[next])}};
  return true;
}

// One pass of blending along an axis: of the pair (i, next), weight w > 0 gives
// next w of i's colour, w < 0 gives i -w of next's.
template <typename Real>
class Blend {
 public:
  Blend(const MeshGeometry<Real>& geometry, int64_t channels,
        const Real* weights, int axis)
      : images_(geometry.images),
        width_(geometry.width),
        height_(geometry.height),
        channels_(channels),
        weights_(weights),
        axis_(axis),
        step_(axis == 0 ? 1 : geometry.width) {}

  void Forward(const Real* colors, Real* out) const {
    ForEachPixel([&](int64_t i, Real before, Real after) {
      const Real from_previous = std::max(before, Real(0));
      const Real from_next = std::max(-after, Real(0));
      for (int64_t c = 0; c < channels_; ++c) {
        const Real own = colors[i * channels_ + c];
        Real value = own;
        if (from_previous != 0) {
          value += from_previous * (colors[(i - step_) * channels_ + c] - own);
        }
        if (from_next != 0) {
          value += from_next * (colors[(i + step_) * channels_ + c] - own);
        }
        out[i * channels_ + c] = value;
      }
    });
  }

  // Writes the gradients of the colours and of this axis's weights.
  void Vjp(const Real* colors, const Real* out_gradients, Real* color_gradients,
           Real* weight_gradients) const {
    ForEachPixel([&](int64_t i, Real before, Real after) {
      const Real kept =
          1 - std::max(before, Real(0)) - std::max(-after, Real(0));
      Real weight_gradient = 0;
      for (int64_t c = 0; c < channels_; ++c) {
        const int64_t own = i * channels_ + c;
        const int64_t previous = own - step_ * channels_;
        const int64_t next = own + step_ * channels_;
        Real value = kept * out_gradients[own];
        if (before < 0) value -= before * out_gradients[previous];
        if (after > 0) value += after * out_gradients[next];
        color_gradients[own] = value;
        if (after != 0) {
          weight_gradient += out_gradients[after > 0 ? next : own] *
                             (colors[own] - colors[next]);
        }
      }
      weight_gradients[2 * i + axis_] = weight_gradient;
    });
  }

 private:
  // Calls `body(i, weight of (previous, i), weight of (i, next))`.
  template <typename Body>
  void ForEachPixel(Body body) const {
    ParallelFor(images_ * height_, kRowGrain, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        for (int64_t x = 0; x < width_; ++x) {
          const int64_t i = row * width_ + x;
          const bool first = axis_ == 0 ? x == 0 : row % height_ == 0;
          body(i, first ? Real(0) : weights_[2 * (i - step_) + axis_],
               weights_[2 * i + axis_]);
        }
      }
    });
  }

  const int64_t images_, width_, height_, channels_;
  const Real* const weights_;
  const int axis_;
  const int64_t step_;
};

template <typename Real>
void FindWeights(const MeshGeometry<Real>& geometry,
                 const MeshSilhouettes<Real>& silhouettes, Real* weights) {
  const auto find_row = [&](int64_t row) {
    const int64_t image = row / geometry.height;
    const int y = static_cast<int>(row % geometry.height);
    const Surface<Real> surface = SurfaceOf(geometry, silhouettes, image);
    for (int x = 0; x < geometry.width; ++x) {
      const int64_t pixel = row * geometry.width + x;
      for (int axis = 0; axis < 2; ++axis) {
        Real weight = 0;
        PixelPair pair;
        if (GetPair(geometry, silhouettes, pixel, x, y, axis, pair)) {
          const PairCrossing crossing = FindCrossing(surface, pair);
          if (crossing.found) {
            weight = Real(PairWeight(crossing));
            // 0 says that there is no silhouette; one half way has a gradient.
            if (weight == 0) weight = std::numeric_limits<Real>::min();
          }
        }
        weights[2 * pixel + axis] = weight;
      }
    }
  };
  ParallelFor(geometry.images * geometry.height, kRowGrain,
              [&](int64_t begin, int64_t end) {
                for (int64_t row = begin; row < end; ++row) find_row(row);
              });
}

template <typename Real>
void WeightsVjp(const MeshGeometry<Real>& geometry,
                const MeshSilhouettes<Real>& silhouettes,
                const Real* weight_gradients, Real* position_gradients) {
  const auto add_row = [&](int64_t image, int64_t y, Real* sum) {
    const Surface<Real> surface = SurfaceOf(geometry, silhouettes, image);
    for (int x = 0; x < geometry.width; ++x) {
      const int64_t pixel = (image * geometry.height + y) * geometry.width + x;
      for (int axis = 0; axis < 2; ++axis) {
        const Real gradient = weight_gradients[2 * pixel + axis];
        PixelPair pair;
        if (gradient == 0 || !GetPair(geometry, silhouettes, pixel, x,
                                      static_cast<int>(y), axis, pair)) {
          continue;
        }
        const PairCrossing crossing = FindCrossing(surface, pair);
        if (!crossing.found) continue;
        Vector3<double> gradients[2];
        PairWeightVjp(surface, pair, crossing, double(gradient), gradients);
        for (int k = 0; k < 2; ++k) {
          Real* out = sum + 3 * int64_t{crossing.walk.edge_rows[k]};
          out[0] += Real(gradients[k].x);
          out[1] += Real(gradients[k].y);
          out[2] += Real(gradients[k].z);
        }
      }
    }
  };
  ScatterRows({.images = geometry.images,
               .height = geometry.height,
               .width = geometry.width,
               .targets = geometry.images,
               .size = 3 * geometry.vertex_count},
              position_gradients, add_row);
}

}  // namespace

void FindMeshNeighborsCpu(const int32_t* triangles, int64_t triangle_count,
                          int64_t vertex_count, int32_t* neighbors) {
  // Edges (3 triangle + corner) sorted by their lower vertex.
  struct Edge {
    int32_t high;
    int32_t corner;
  };
  const auto ends = [&](int64_t i) {
    const int64_t t = i / 3, k = i % 3;
    return std::minmax(triangles[3 * t + (k + 1) % 3],
                       triangles[3 * t + (k + 2) % 3]);
  };
  std::vector<int32_t> starts(vertex_count + 1, 0);
  for (int64_t i = 0; i < 3 * triangle_count; ++i) ++starts[ends(i).first + 1];
  for (int64_t v = 0; v < vertex_count; ++v) starts[v + 1] += starts[v];
  std::vector<Edge> edges(3 * triangle_count);
  std::vector<int32_t> next(starts.begin(), starts.end());
  for (int64_t i = 0; i < 3 * triangle_count; ++i) {
    const auto [low, high] = ends(i);
    edges[next[low]++] = {high, static_cast<int32_t>(i)};
  }
  for (int64_t v = 0; v < vertex_count; ++v) {
    const auto begin = edges.begin() + starts[v];
    const auto end = edges.begin() + starts[v + 1];
    std::sort(begin, end, [](const Edge& a, const Edge& b) {
      return a.high != b.high ? a.high < b.high : a.corner < b.corner;
    });
    for (auto edge = begin; edge != end;) {
      const auto stop = std::find_if(
          edge, end, [&](const Edge& e) { return e.high != edge->high; });
      const bool pair = stop - edge == 2;
      for (auto e = edge; e != stop; ++e) {
        const auto& other = e == edge ? *(stop - 1) : *edge;
        neighbors[e->corner] = pair ? other.corner / 3 : -1;
      }
      edge = stop;
    }
  }
}

template <typename Real>
void AntialiasMeshCpu(const MeshGeometry<Real>& geometry,
                      const MeshSilhouettes<Real>& silhouettes,
                      int64_t channels, const Real* colors, Real* weights,
                      Real* smooth) {
  FindWeights(geometry, silhouettes, weights);
  std::vector<Real> along_x(geometry.images * geometry.height * geometry.width *
                            channels);
  Blend<Real>(geometry, channels, weights, 0).Forward(colors, along_x.data());
  Blend<Real>(geometry, channels, weights, 1).Forward(along_x.data(), smooth);
}

template <typename Real>
void AntialiasMeshVjpCpu(const MeshGeometry<Real>& geometry,
                         const MeshSilhouettes<Real>& silhouettes,
                         int64_t channels, const Real* colors,
                         const Real* weights, const Real* smooth_gradients,
                         Real* color_gradients, Real* position_gradients) {
  const Blend<Real> blend_x(geometry, channels, weights, 0);
  const Blend<Real> blend_y(geometry, channels, weights, 1);
  const int64_t pixels = geometry.images * geometry.height * geometry.width;
  std::vector<Real> along_x(pixels * channels);
  blend_x.Forward(colors, along_x.data());
  std::vector<Real> along_x_gradients(pixels * channels);
  std::vector<Real> weight_gradients(pixels * 2);
  blend_y.Vjp(along_x.data(), smooth_gradients, along_x_gradients.data(),
              weight_gradients.data());
  blend_x.Vjp(colors, along_x_gradients.data(), color_gradients,
              weight_gradients.data());
  if (position_gradients != nullptr) {
    WeightsVjp(geometry, silhouettes, weight_gradients.data(),
               position_gradients);
  }
}

#define DG4D_INSTANTIATE(Real)                                                \
  template void AntialiasMeshCpu<Real>(const MeshGeometry<Real>&,             \
                                       const MeshSilhouettes<Real>&, int64_t, \
                                       const Real*, Real*, Real*);            \
  template void AntialiasMeshVjpCpu<Real>(                                    \
      const MeshGeometry<Real>&, const MeshSilhouettes<Real>&, int64_t,       \
      const Real*, const Real*, const Real*, Real*, Real*);

DG4D_INSTANTIATE(float)
DG4D_INSTANTIATE(double)
#undef DG4D_INSTANTIATE

}  // namespace dg4d
