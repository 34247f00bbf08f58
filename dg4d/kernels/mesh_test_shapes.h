#ifndef DG4D_KERNELS_MESH_TEST_SHAPES_H_
#define DG4D_KERNELS_MESH_TEST_SHAPES_H_

#include <cmath>
#include <cstdint>
#include <vector>

#include "dg4d/kernels/mesh_raster.h"

namespace dg4d::mesh_test {

// A mesh with UVs of its own, for tests and benchmarks of the mesh kernels.
template <typename Real>
struct Shape {
  std::vector<Real> vertices;         // [V, 3]
  std::vector<int32_t> triangles;     // [T, 3]
  std::vector<Real> uvs;              // [U, 2]
  std::vector<int32_t> uv_triangles;  // [T, 3]

  int64_t vertex_count() const { return vertices.size() / 3; }
  int64_t triangle_count() const { return triangles.size() / 3; }
};

// The square [-size, size]^2 in the plane z = 0, facing +z, with the whole
// texture on it, upright.
template <typename Real>
Shape<Real> Square(Real size = 1) {
  return {{-size, size, 0, -size, -size, 0, size, -size, 0, size, size, 0},
          {0, 1, 2, 0, 2, 3},
          {0, 0, 0, 1, 1, 1, 1, 0},
          {0, 1, 2, 0, 2, 3}};
}

// A unit sphere of 2 x columns x (rows - 1) triangles, welded; the seam of its
// UVs is in their indices alone. Facing outwards.
template <typename Real>
Shape<Real> Sphere(int columns, int rows, Real radius = 1) {
  constexpr double kPi = 3.14159265358979323846;
  Shape<Real> sphere;
  const auto add_vertex = [&](double theta, double phi) {
    const double ring = std::sin(theta);
    sphere.vertices.push_back(Real(radius * ring * std::sin(phi)));
    sphere.vertices.push_back(Real(radius * std::cos(theta)));
    sphere.vertices.push_back(Real(radius * ring * std::cos(phi)));
  };
  add_vertex(0, 0);
  for (int i = 1; i < rows; ++i) {
    for (int j = 0; j < columns; ++j) {
      add_vertex(kPi * i / rows, 2 * kPi * j / columns);
    }
  }
  add_vertex(kPi, 0);
  for (int i = 0; i <= rows; ++i) {
    for (int j = 0; j <= columns; ++j) {
      sphere.uvs.push_back(Real(j) / columns);
      sphere.uvs.push_back(Real(i) / rows);
    }
  }
  const int32_t last = static_cast<int32_t>(sphere.vertex_count()) - 1;
  const auto vertex = [&](int i, int j) {
    if (i == 0) return 0;
    return i == rows ? last : 1 + (i - 1) * columns + j % columns;
  };
  const auto add_triangle = [&](int i0, int j0, int i1, int j1, int i2,
                                int j2) {
    for (const auto& [i, j] : {std::pair(i0, j0), {i1, j1}, {i2, j2}}) {
      sphere.triangles.push_back(vertex(i, j));
      sphere.uv_triangles.push_back(i * (columns + 1) + j);
    }
  };
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < columns; ++j) {
      if (i > 0) add_triangle(i, j, i + 1, j, i, j + 1);
      if (i < rows - 1) add_triangle(i, j + 1, i + 1, j, i + 1, j + 1);
    }
  }
  return sphere;
}

// `images` cameras `distance` away from the origin, turning around it from the
// front (+z) in steps of `turn` radians, each of mesh `image % meshes`.
template <typename Real>
struct Cameras {
  int width, height;
  std::vector<Real> view_from_world;
  std::vector<Real> focal_lengths;
  std::vector<int64_t> mesh_of_image;

  Cameras(int images, int width, int height, Real distance, Real focal,
          Real turn = Real(0.7), int meshes = 1)
      : width(width), height(height) {
    for (int b = 0; b < images; ++b) {
      const Real c = std::cos(turn * b), s = std::sin(turn * b);
      const Real rows[12] = {c,  0,  -s, 0,  //
                             0,  -1, 0,  0,  //
                             -s, 0,  -c, distance};
      view_from_world.insert(view_from_world.end(), rows, rows + 12);
      focal_lengths.insert(focal_lengths.end(), {focal, focal});
      mesh_of_image.push_back(b % meshes);
    }
  }

  MeshProjection<Real> Projection(const std::vector<Real>& vertices,
                                  int meshes = 1) const {
    return {.meshes = meshes,
            .vertex_count = int64_t(vertices.size()) / 3 / meshes,
            .images = int64_t(mesh_of_image.size()),
            .width = width,
            .height = height,
            .vertices = vertices.data(),
            .mesh_of_image = mesh_of_image.data(),
            .view_from_world = view_from_world.data(),
            .focal_lengths = focal_lengths.data()};
  }

  std::vector<Real> Project(const std::vector<Real>& vertices,
                            int meshes = 1) const {
    std::vector<Real> positions(mesh_of_image.size() * vertices.size() /
                                meshes);
    ProjectMeshCpu(Projection(vertices, meshes), positions.data());
    return positions;
  }

  // `positions` must outlive the result.
  MeshGeometry<Real> Geometry(const std::vector<Real>& positions,
                              const std::vector<int32_t>& triangles) const {
    const int64_t images = mesh_of_image.size();
    return {.images = images,
            .vertex_count = int64_t(positions.size()) / 3 / images,
            .triangle_count = int64_t(triangles.size()) / 3,
            .width = width,
            .height = height,
            .positions = positions.data(),
            .triangles = triangles.data()};
  }
};

// The derivative of `function(values)` along values[i], by central differences.
template <typename Function>
double Slope(std::vector<double>& values, size_t i, Function function,
             double step = 1e-6) {
  const double kept = values[i];
  values[i] = kept + step;
  const double above = function();
  values[i] = kept - step;
  const double below = function();
  values[i] = kept;
  return (above - below) / (2 * step);
}

// Fixed numbers in [-1, 1) that look like noise.
template <typename Real = double>
std::vector<Real> Noise(size_t count, uint64_t seed) {
  std::vector<Real> noise(count);
  for (Real& value : noise) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    value = Real(double(seed >> 40) * 0x1p-23 - 1);
  }
  return noise;
}

}  // namespace dg4d::mesh_test

#endif  // DG4D_KERNELS_MESH_TEST_SHAPES_H_
