#include <algorithm>
#include <vector>

#include "dg4d/base/parallel.h"
#include "dg4d/kernels/mesh_raster.h"
#include "dg4d/kernels/mesh_raster_math.h"
#include "dg4d/kernels/mesh_scatter.h"
#include "dg4d/kernels/mesh_visibility.h"

namespace dg4d {
namespace {

using mesh_raster::Fragment;
using mesh_raster::ScatterRows;
using mesh_raster::Triangle;
using mesh_raster::Vector3;
using mesh_raster::VisibleBand;

constexpr int64_t kVertexGrain = 4096;
constexpr int64_t kPixelGrain = 8192;

template <typename Real>
Fragment<double> LoadFragment(const MeshFragments<const Real>& fragments,
                              int64_t pixel) {
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
void StoreFragment(const Fragment<double>& fragment, int64_t pixel,
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

bool IsZero(const Fragment<double>& fragment) {
  return fragment.barycentrics[0] == 0 && fragment.barycentrics[1] == 0 &&
         fragment.derivatives[0][0] == 0 && fragment.derivatives[0][1] == 0 &&
         fragment.derivatives[1][0] == 0 && fragment.derivatives[1][1] == 0 &&
         fragment.depth == 0;
}

template <typename Real>
int64_t SetOf(const MeshAttributes<Real>& attributes, int64_t image) {
  return attributes.set_of_image == nullptr ? 0
                                            : attributes.set_of_image[image];
}

}  // namespace

template <typename Real>
void ProjectMeshCpu(const MeshProjection<Real>& projection, Real* positions) {
  const int64_t count = projection.vertex_count;
  const int64_t total = projection.images * count;
  ParallelFor(total, kVertexGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t b = i / count;
      const int64_t mesh = projection.mesh_of_image[b];
      const Vector3<Real> q = mesh_raster::Project(
          projection.view_from_world + 12 * b, projection.focal_lengths[2 * b],
          projection.focal_lengths[2 * b + 1], Real(0.5) * projection.width,
          Real(0.5) * projection.height,
          projection.vertices + 3 * (mesh * count + i % count));
      positions[3 * i] = q.x;
      positions[3 * i + 1] = q.y;
      positions[3 * i + 2] = q.z;
    }
  });
}

template <typename Real>
void ProjectMeshVjpCpu(const MeshProjection<Real>& projection,
                       const Real* position_gradients, Real* vertex_gradients) {
  const int64_t count = projection.vertex_count;
  ParallelFor(count, 1024, [&](int64_t begin, int64_t end) {
    for (int64_t m = 0; m < projection.meshes; ++m) {
      std::fill(vertex_gradients + 3 * (m * count + begin),
                vertex_gradients + 3 * (m * count + end), Real(0));
    }
    for (int64_t b = 0; b < projection.images; ++b) {
      Real* out = vertex_gradients + 3 * projection.mesh_of_image[b] * count;
      for (int64_t v = begin; v < end; ++v) {
        const Vector3<Real> gradient = mesh_raster::ProjectVjp(
            projection.view_from_world + 12 * b,
            projection.focal_lengths[2 * b],
            projection.focal_lengths[2 * b + 1], Real(0.5) * projection.width,
            Real(0.5) * projection.height,
            position_gradients + 3 * (b * count + v));
        out[3 * v] += gradient.x;
        out[3 * v + 1] += gradient.y;
        out[3 * v + 2] += gradient.z;
      }
    }
  });
}

template <typename Real>
void RasterizeMeshCpu(const MeshGeometry<Real>& geometry, int32_t* triangle_ids,
                      const MeshFragments<Real>& fragments) {
  const auto shade = [&](const VisibleBand& band) {
    const Real* positions =
        geometry.positions + band.image * geometry.vertex_count * 3;
    const int64_t first =
        (band.image * geometry.height + band.first_row) * geometry.width;
    for (int64_t i = 0; i < int64_t{band.rows} * geometry.width; ++i) {
      const int32_t id = band.triangles[i];
      Fragment<double> fragment;
      if (id >= 0) {
        Vector3<double> corners[3];
        mesh_raster::LoadCorners(positions, geometry.triangles, id, corners);
        Triangle<double> triangle;
        SetUpTriangle(corners, geometry.triangles + 3 * int64_t{id}, triangle);
        fragment = FragmentAt(triangle, i % geometry.width + 0.5,
                              band.first_row + i / geometry.width + 0.5);
      }
      triangle_ids[first + i] = id;
      StoreFragment(fragment, first + i, fragments);
    }
  };
  mesh_raster::ForEachVisibleBand(geometry, {}, shade);
}

template <typename Real>
void RasterizeMeshVjpCpu(const MeshGeometry<Real>& geometry,
                         const int32_t* triangle_ids,
                         const MeshFragments<const Real>& fragment_gradients,
                         Real* position_gradients) {
  const auto add_row = [&](int64_t image, int64_t row, Real* sum) {
    const Real* positions =
        geometry.positions + image * geometry.vertex_count * 3;
    for (int x = 0; x < geometry.width; ++x) {
      const int64_t pixel =
          (image * geometry.height + row) * geometry.width + x;
      const int64_t id = triangle_ids[pixel];
      if (id < 0) continue;
      const Fragment<double> gradient = LoadFragment(fragment_gradients, pixel);
      if (IsZero(gradient)) continue;
      Vector3<double> corners[3], corner_gradients[3];
      mesh_raster::LoadCorners(positions, geometry.triangles, id, corners);
      FragmentVjp(corners, x + 0.5, row + 0.5, gradient, corner_gradients);
      for (int k = 0; k < 3; ++k) {
        Real* out = sum + 3 * int64_t{geometry.triangles[3 * id + k]};
        out[0] += Real(corner_gradients[k].x);
        out[1] += Real(corner_gradients[k].y);
        out[2] += Real(corner_gradients[k].z);
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

template <typename Real>
void InterpolateMeshCpu(const MeshGeometry<Real>& geometry,
                        const int32_t* triangle_ids,
                        const MeshFragments<const Real>& fragments,
                        const MeshAttributes<Real>& attributes, Real* values,
                        Real* derivatives) {
  const int64_t channels = attributes.channels;
  const int64_t pixels = int64_t{geometry.height} * geometry.width;
  const auto interpolate = [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t id = triangle_ids[i];
      if (id < 0) {
        std::fill_n(values + i * channels, channels, Real(0));
        if (derivatives != nullptr) {
          std::fill_n(derivatives + 2 * i * channels, 2 * channels, Real(0));
        }
        continue;
      }
      const Real* set = attributes.values + SetOf(attributes, i / pixels) *
                                                attributes.rows * channels;
      const int32_t* rows = attributes.triangles + 3 * id;
      const Real u = fragments.barycentrics[2 * i];
      const Real v = fragments.barycentrics[2 * i + 1];
      for (int64_t c = 0; c < channels; ++c) {
        const Real last = set[rows[2] * channels + c];
        const Real first = set[rows[0] * channels + c] - last;
        const Real second = set[rows[1] * channels + c] - last;
        values[i * channels + c] = last + u * first + v * second;
        if (derivatives == nullptr) continue;
        const Real* slopes = fragments.barycentric_derivatives + 4 * i;
        for (int axis = 0; axis < 2; ++axis) {
          derivatives[2 * (i * channels + c) + axis] =
              slopes[axis] * first + slopes[2 + axis] * second;
        }
      }
    }
  };
  ParallelFor(geometry.images * pixels, kPixelGrain, interpolate);
}

template <typename Real>
void InterpolateMeshVjpCpu(const MeshGeometry<Real>& geometry,
                           const int32_t* triangle_ids,
                           const MeshFragments<const Real>& fragments,
                           const MeshAttributes<Real>& attributes,
                           const Real* value_gradients,
                           const Real* derivative_gradients,
                           Real* attribute_gradients,
                           const MeshFragments<Real>& fragment_gradients) {
  const int64_t channels = attributes.channels;
  const auto add_pixel = [&](int64_t image, int64_t i, Real* sum) {
    Fragment<double> gradient;
    const int64_t id = triangle_ids[i];
    if (id < 0) {
      StoreFragment(gradient, i, fragment_gradients);
      return;
    }
    const Real* set = attributes.values +
                      SetOf(attributes, image) * attributes.rows * channels;
    const int32_t* rows = attributes.triangles + 3 * id;
    const Fragment<double> fragment = LoadFragment(fragments, i);
    for (int64_t c = 0; c < channels; ++c) {
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
      for (int k = 0; k < 3; ++k) {
        sum[rows[k] * channels + c] += Real(corner_gradients[k]);
      }
    }
    StoreFragment(gradient, i, fragment_gradients);
  };
  std::vector<Real> unused;
  if (attribute_gradients == nullptr) {
    unused.resize(attributes.sets * attributes.rows * channels);
    attribute_gradients = unused.data();
  }
  // Without sets of their own all images add to set 0.
  const std::vector<int64_t> first_set(geometry.images, 0);
  ScatterRows({.images = geometry.images,
               .height = geometry.height,
               .width = geometry.width,
               .targets = attributes.sets,
               .size = attributes.rows * channels,
               .target_of_image = attributes.set_of_image != nullptr
                                      ? attributes.set_of_image
                                      : first_set.data()},
              attribute_gradients, [&](int64_t image, int64_t row, Real* sum) {
                const int64_t first =
                    (image * geometry.height + row) * geometry.width;
                for (int x = 0; x < geometry.width; ++x) {
                  add_pixel(image, first + x, sum);
                }
              });
}

#define DG4D_INSTANTIATE(Real)                                              \
  template void ProjectMeshCpu<Real>(const MeshProjection<Real>&, Real*);   \
  template void ProjectMeshVjpCpu<Real>(const MeshProjection<Real>&,        \
                                        const Real*, Real*);                \
  template void RasterizeMeshCpu<Real>(const MeshGeometry<Real>&, int32_t*, \
                                       const MeshFragments<Real>&);         \
  template void RasterizeMeshVjpCpu<Real>(                                  \
      const MeshGeometry<Real>&, const int32_t*,                            \
      const MeshFragments<const Real>&, Real*);                             \
  template void InterpolateMeshCpu<Real>(                                   \
      const MeshGeometry<Real>&, const int32_t*,                            \
      const MeshFragments<const Real>&, const MeshAttributes<Real>&, Real*, \
      Real*);                                                               \
  template void InterpolateMeshVjpCpu<Real>(                                \
      const MeshGeometry<Real>&, const int32_t*,                            \
      const MeshFragments<const Real>&, const MeshAttributes<Real>&,        \
      const Real*, const Real*, Real*, const MeshFragments<Real>&);

DG4D_INSTANTIATE(float)
DG4D_INSTANTIATE(double)
#undef DG4D_INSTANTIATE

}  // namespace dg4d
