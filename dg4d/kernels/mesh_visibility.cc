#include "dg4d/kernels/mesh_visibility.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "dg4d/base/parallel.h"
#include "dg4d/kernels/mesh_visibility_math.h"

namespace dg4d::mesh_raster {
namespace {

// Small enough for a band's depths to stay in the second-level cache.
constexpr int kBandSampleRows = 32;
constexpr int64_t kTriangleGrain = 4096;

// The triangles of all images sorted by the bands they touch, in order of their
// rows within a band.
class Bins {
 public:
  template <typename Real>
  Bins(const MeshGeometry<Real>& geometry, const Sampling& sampling,
       int band_sample_rows)
      : band_rows_(band_sample_rows),
        bands_((geometry.height * sampling.samples + band_rows_ - 1) /
               band_rows_),
        chunks_((geometry.triangle_count + kTriangleGrain - 1) /
                kTriangleGrain),
        triangle_count_(geometry.triangle_count),
        bounds_(geometry.images * geometry.triangle_count),
        offsets_(geometry.images * bands_ * chunks_ + 1) {
    ForEachChunk(geometry.images, [&](int64_t image, int64_t chunk) {
      const Real* positions =
          geometry.positions + image * geometry.vertex_count * 3;
      Bounds* bounds = bounds_.data() + image * triangle_count_;
      std::vector<int64_t> counts(bands_);
      ForEachTriangle(chunk, [&](int64_t id) {
        Vector3<double> corners[3];
        LoadCorners(positions, geometry.triangles, id, corners);
        bounds[id] = BoundsOf(corners, geometry.near, geometry.width,
                              geometry.height, sampling);
        ForEachBand(bounds[id], [&](int band) { ++counts[band]; });
      });
      for (int band = 0; band < bands_; ++band) {
        offsets_[Slot(image, band, chunk) + 1] = counts[band];
      }
    });
    for (size_t i = 1; i < offsets_.size(); ++i) offsets_[i] += offsets_[i - 1];
    entries_.resize(offsets_.back());
    ForEachChunk(geometry.images, [&](int64_t image, int64_t chunk) {
      std::vector<int64_t> next(bands_);
      for (int band = 0; band < bands_; ++band) {
        next[band] = offsets_[Slot(image, band, chunk)];
      }
      const Bounds* bounds = bounds_.data() + image * triangle_count_;
      ForEachTriangle(chunk, [&](int64_t id) {
        ForEachBand(bounds[id], [&](int band) { entries_[next[band]++] = id; });
      });
    });
  }

  int bands() const { return bands_; }

  // Calls `body(id, bounds)` for the triangles of a band.
  template <typename Body>
  void ForEach(int64_t image, int band, Body body) const {
    if (chunks_ == 0) return;
    const Bounds* bounds = bounds_.data() + image * triangle_count_;
    const int64_t end = offsets_[Slot(image, band, chunks_ - 1) + 1];
    for (int64_t i = offsets_[Slot(image, band, 0)]; i < end; ++i) {
      body(entries_[i], bounds[entries_[i]]);
    }
  }

 private:
  int64_t Slot(int64_t image, int band, int64_t chunk) const {
    return (image * bands_ + band) * chunks_ + chunk;
  }

  template <typename Body>
  void ForEachChunk(int64_t images, Body body) const {
    ParallelFor(images * chunks_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) body(i / chunks_, i % chunks_);
    });
  }

  template <typename Body>
  void ForEachTriangle(int64_t chunk, Body body) const {
    const int64_t end = std::min(triangle_count_, (chunk + 1) * kTriangleGrain);
    for (int64_t id = chunk * kTriangleGrain; id < end; ++id) body(id);
  }

  template <typename Body>
  void ForEachBand(const Bounds& bounds, Body body) const {
    if (bounds.empty()) return;
    const int last = (bounds.bottom - 1) / band_rows_;
    for (int band = bounds.top / band_rows_; band <= last; ++band) body(band);
  }

  const int band_rows_;
  const int bands_;
  const int64_t chunks_;
  const int64_t triangle_count_;
  std::vector<Bounds> bounds_;    // [B, T]
  std::vector<int64_t> offsets_;  // [B, bands, chunks] + 1, into entries_
  std::vector<int32_t> entries_;
};

// Four samples side by side. Vectors without fused products give the same
// numbers with and without AVX2.
constexpr int kLanes = 4;
typedef double Lanes __attribute__((vector_size(8 * kLanes)));
typedef int64_t Mask __attribute__((vector_size(8 * kLanes)));
typedef int32_t Ids __attribute__((vector_size(4 * kLanes)));

// A triangle in a z-buffer: planes a x + (b y + c) of its edge functions and of
// 1 / depth, and the least value of each that is seen.
struct DrawnTriangle {
  Vector3<double> planes[4];
  double least[3];
  double nearest;
  int32_t id;
};

// Draws the samples [left, right) of the row at height `y`; touches up to
// kLanes - 1 more.
__attribute__((target_clones("avx2", "default"))) void DrawRow(
    const DrawnTriangle& triangle, double y, double step, int left, int right,
    double* inverse_depths, int32_t* triangles) {
  const Vector3<double>* planes = triangle.planes;
  double row[4];
  for (int k = 0; k < 4; ++k) row[k] = planes[k].y * y + planes[k].z;
  for (int column = left; column < right; column += kLanes) {
    const Lanes columns = {double(column), double(column + 1),
                           double(column + 2), double(column + 3)};
    const Lanes x = (columns + 0.5) * step;
    Lanes nearest;
    Ids ids;
    std::memcpy(&nearest, inverse_depths + column, sizeof(nearest));
    std::memcpy(&ids, triangles + column, sizeof(ids));
    const Lanes here = planes[3].x * x + row[3];
    const Mask seen = (planes[0].x * x + row[0] >= triangle.least[0]) &
                      (planes[1].x * x + row[1] >= triangle.least[1]) &
                      (planes[2].x * x + row[2] >= triangle.least[2]) &
                      (here > nearest) & (here <= triangle.nearest) &
                      (columns < double(right));
    nearest = seen ? here : nearest;
    const Ids seen_ids = __builtin_convertvector(seen, Ids);
    ids = (seen_ids & triangle.id) | (~seen_ids & ids);
    std::memcpy(inverse_depths + column, &nearest, sizeof(nearest));
    std::memcpy(triangles + column, &ids, sizeof(ids));
  }
}

// The z-buffer of one band.
class DepthBand {
 public:
  DepthBand(int columns, int first_row, int rows, int samples, double near,
            double far)
      : columns_(columns),
        first_row_(first_row),
        last_row_(first_row + rows),
        step_(1.0 / samples),
        nearest_(1 / near),
        inverse_depths_(int64_t{columns} * rows + kLanes, 1 / far),
        triangles_(int64_t{columns} * rows + kLanes, -1) {}

  void Draw(int32_t id, const Triangle<double>& triangle,
            const Bounds& bounds) {
    const Vector3<double>* edges = triangle.edges;
    DrawnTriangle drawn = {.planes = {edges[0], edges[1], edges[2],
                                      (1 / triangle.determinant) *
                                          (edges[0] + edges[1] + edges[2])},
                           .least = {},
                           .nearest = nearest_,
                           .id = id};
    // 0 belongs to owners alone.
    for (int k = 0; k < 3; ++k) {
      if (!OwnsItsPoints(edges[k])) {
        drawn.least[k] = std::numeric_limits<double>::denorm_min();
      }
    }
    const int top = std::max(bounds.top, first_row_);
    const int bottom = std::min(bounds.bottom, last_row_);
    for (int row = top; row < bottom; ++row) {
      const int64_t start = int64_t{row - first_row_} * columns_;
      DrawRow(drawn, (row + 0.5) * step_, step_, bounds.left, bounds.right,
              inverse_depths_.data() + start, triangles_.data() + start);
    }
  }

  const int32_t* triangles() const { return triangles_.data(); }

 private:
  const int columns_, first_row_, last_row_;
  const double step_, nearest_;
  // A row's last lanes may reach into the next row, and of the last row beyond.
  std::vector<double> inverse_depths_;
  std::vector<int32_t> triangles_;
};

}  // namespace

template <typename Real>
void ForEachVisibleBand(const MeshGeometry<Real>& geometry,
                        const Sampling& sampling,
                        absl::FunctionRef<void(const VisibleBand&)> body) {
  const int samples = sampling.samples;
  const int band_rows = std::max(1, kBandSampleRows / samples);  // pixels
  const Bins bins(geometry, sampling, band_rows * samples);
  ParallelFor(
      geometry.images * bins.bands(), 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const int64_t image = i / bins.bands();
          const int first_row = static_cast<int>(i % bins.bands()) * band_rows;
          const int rows = std::min(band_rows, geometry.height - first_row);
          const Real* positions =
              geometry.positions + image * geometry.vertex_count * 3;
          DepthBand depth(geometry.width * samples, first_row * samples,
                          rows * samples, samples, geometry.near, geometry.far);
          bins.ForEach(image, static_cast<int>(i % bins.bands()),
                       [&](int32_t id, const Bounds& bounds) {
                         Vector3<double> corners[3];
                         LoadCorners(positions, geometry.triangles, id,
                                     corners);
                         Triangle<double> triangle;
                         if (SetUpTriangle(corners, geometry.triangles + 3 * id,
                                           triangle)) {
                           depth.Draw(id, triangle, bounds);
                         }
                       });
          body({.image = image,
                .first_row = first_row,
                .rows = rows,
                .triangles = depth.triangles()});
        }
      });
}

template void ForEachVisibleBand<float>(
    const MeshGeometry<float>&, const Sampling&,
    absl::FunctionRef<void(const VisibleBand&)>);
template void ForEachVisibleBand<double>(
    const MeshGeometry<double>&, const Sampling&,
    absl::FunctionRef<void(const VisibleBand&)>);

}  // namespace dg4d::mesh_raster
