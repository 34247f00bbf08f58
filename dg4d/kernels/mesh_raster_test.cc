#include "dg4d/kernels/mesh_raster.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <vector>

#include "dg4d/base/parallel.h"
#include "dg4d/kernels/mesh_test_shapes.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using mesh_test::Cameras;
using mesh_test::Noise;
using mesh_test::Shape;
using mesh_test::Slope;
using mesh_test::Sphere;
using mesh_test::Square;

double Sum(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

struct Buffers {
  std::vector<int32_t> ids;
  std::vector<double> barycentrics, derivatives, depth;

  explicit Buffers(int64_t pixels)
      : ids(pixels, -2),
        barycentrics(2 * pixels, -1.0),
        derivatives(4 * pixels, -1.0),
        depth(pixels, -1.0) {}
  MeshFragments<double> Write() {
    return {barycentrics.data(), derivatives.data(), depth.data()};
  }
  MeshFragments<const double> Read() const {
    return {barycentrics.data(), derivatives.data(), depth.data()};
  }
};

Buffers Rasterize(const MeshGeometry<double>& geometry) {
  Buffers buffers(geometry.images * geometry.width * geometry.height);
  RasterizeMeshCpu(geometry, buffers.ids.data(), buffers.Write());
  return buffers;
}

Buffers Rasterize(const Shape<double>& shape, const Cameras<double>& cameras) {
  const std::vector<double> positions = cameras.Project(shape.vertices);
  return Rasterize(cameras.Geometry(positions, shape.triangles));
}

// One triangle, by its corners in homogeneous pixels, in a 16 x 16 image.
Buffers RasterizeOne(const std::vector<double>& positions) {
  const std::vector<int32_t> triangles = {0, 1, 2};
  return Rasterize(
      Cameras<double>(1, 16, 16, 2, 8).Geometry(positions, triangles));
}

TEST(MeshRaster, ProjectsThroughThePinhole) {
  const Cameras<double> cameras(1, 20, 10, 3, 7);
  const std::vector<double> q = cameras.Project({0.5, 0.25, 1});
  EXPECT_NEAR(q[2], 2, 1e-12);
  EXPECT_NEAR(q[0] / q[2], 10 + 7 * 0.5 / 2, 1e-12);
  EXPECT_NEAR(q[1] / q[2], 5 - 7 * 0.25 / 2, 1e-12);
}

TEST(MeshRaster, HitsEachSharedEdgeOnce) {
  // A fan whose edges all pass pixel centres, by any triangle's vertex order.
  const int size = 16;
  const double rim[8][2] = {{0, 0},   {8.5, 0},  {16, 0}, {16, 8.5},
                            {16, 16}, {8.5, 16}, {0, 16}, {0, 8.5}};
  std::vector<double> positions = {8.5, 8.5, 1};
  for (const auto& point : rim) {
    positions.insert(positions.end(), {3 * point[0], 3 * point[1], 3});
  }
  const Cameras<double> cameras(1, size, size, 2, 8);
  std::vector<int> hits(size * size, 0);
  for (int i = 0; i < 8; ++i) {
    std::vector<int32_t> triangle = {0, 1 + i, 1 + (i + 1) % 8};
    if (i % 3 == 1) std::swap(triangle[0], triangle[2]);
    const Buffers buffers = Rasterize(cameras.Geometry(positions, triangle));
    for (int p = 0; p < size * size; ++p) hits[p] += buffers.ids[p] == 0;
  }
  EXPECT_EQ(hits, std::vector<int>(size * size, 1));
}

TEST(MeshRaster, LeavesNoHolesInAClosedSurface) {
  // From inside a sphere every ray hits it, also through vertices and at the
  // back of the camera, where triangles pass the camera's plane.
  const Shape<double> sphere = Sphere<double>(40, 24, 2);
  const Buffers buffers = Rasterize(sphere, Cameras<double>(4, 64, 64, 0, 12));
  EXPECT_EQ(std::count(buffers.ids.begin(), buffers.ids.end(), -1), 0);
}

TEST(MeshRaster, BarycentricsArePerspectiveCorrect) {
  const double corners[3][3] = {{2, 3, 1}, {14, 4, 3}, {6, 13, 8}};  // x, y, z
  std::vector<double> positions;
  for (const auto& c : corners) {
    positions.insert(positions.end(), {c[0] * c[2], c[1] * c[2], c[2]});
  }
  const Buffers buffers = RasterizeOne(positions);
  int hits = 0;
  for (int p = 0; p < 256; ++p) {
    if (buffers.ids[p] < 0) continue;
    ++hits;
    const double b0 = buffers.barycentrics[2 * p];
    const double b1 = buffers.barycentrics[2 * p + 1];
    const double b[3] = {b0, b1, 1 - b0 - b1};
    double q[3] = {};
    for (int k = 0; k < 3; ++k) {
      EXPECT_GE(b[k], -1e-12);
      for (int i = 0; i < 3; ++i) q[i] += b[k] * positions[3 * k + i];
    }
    EXPECT_NEAR(q[0] / q[2], p % 16 + 0.5, 1e-9);
    EXPECT_NEAR(q[1] / q[2], p / 16 + 0.5, 1e-9);
    EXPECT_NEAR(q[2], buffers.depth[p], 1e-9);
  }
  EXPECT_GT(hits, 30);
}

TEST(MeshRaster, DerivativesAreDifferencesBetweenNeighbours) {
  // Moving the image by a small step moves barycentrics by their derivatives.
  const std::vector<double> positions = {2, 3, 1, 42, 12, 3, 48, 104, 8};
  const Buffers buffers = RasterizeOne(positions);
  for (int axis = 0; axis < 2; ++axis) {
    std::vector<double> moved = positions;
    for (int k = 0; k < 3; ++k) moved[3 * k + axis] -= 1e-6 * moved[3 * k + 2];
    const Buffers after = RasterizeOne(moved);
    for (int p = 0; p < 256; ++p) {
      if (buffers.ids[p] < 0 || after.ids[p] < 0) continue;
      for (int k = 0; k < 2; ++k) {
        EXPECT_NEAR(
            (after.barycentrics[2 * p + k] - buffers.barycentrics[2 * p + k]) /
                1e-6,
            buffers.derivatives[4 * p + 2 * k + axis], 1e-5);
      }
    }
  }
}

TEST(MeshRaster, SeesTheNearestAndBothSides) {
  std::vector<double> positions;
  for (const double z : {3.0, 2.0, 5.0}) {
    for (const auto& [x, y] : {std::pair(0, 0), {40, 0}, {0, 40}}) {
      positions.insert(positions.end(), {x * z, y * z, z});
    }
  }
  const std::vector<int32_t> triangles = {0, 1, 2, 3, 5, 4, 6, 7, 8};
  const Buffers buffers =
      Rasterize(Cameras<double>(1, 8, 8, 2, 8).Geometry(positions, triangles));
  EXPECT_EQ(buffers.ids, std::vector<int32_t>(64, 1));
  for (const double depth : buffers.depth) EXPECT_NEAR(depth, 2, 1e-12);
}

TEST(MeshRaster, CutsAtNearAndFarPixelByPixel) {
  // A floor one unit below the camera, from behind it to beyond far: at row y
  // it is focal / (y - height / 2) away.
  const std::vector<double> vertices = {-1e3, -1, 2,    1e3,  -1, 2,
                                        1e3,  -1, -1e3, -1e3, -1, -1e3};
  const std::vector<int32_t> triangles = {0, 1, 2, 0, 2, 3};
  const Cameras<double> cameras(1, 16, 64, 0, 16);
  const std::vector<double> positions = cameras.Project(vertices);
  MeshGeometry<double> geometry = cameras.Geometry(positions, triangles);
  geometry.near = 1;
  geometry.far = 20;
  const Buffers buffers = Rasterize(geometry);
  for (int y = 0; y < 64; ++y) {
    const double distance = 16 / (y + 0.5 - 32);
    for (int x = 0; x < 16; ++x) {
      const int p = 16 * y + x;
      if (distance >= 1 && distance < 20) {
        EXPECT_GE(buffers.ids[p], 0) << x << " " << y;
        EXPECT_NEAR(buffers.depth[p], distance, 1e-9);
      } else {
        EXPECT_EQ(buffers.ids[p], -1) << x << " " << y;
        EXPECT_EQ(buffers.depth[p], 0);
      }
    }
  }
}

TEST(MeshRaster, DoesNotSeeWhatHasNoAreaOrIsNotFinite) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<int32_t> empty(256, -1);
  EXPECT_EQ(RasterizeOne({1, 1, 1, 8, 8, 1, 15, 15, 1}).ids, empty);
  EXPECT_EQ(RasterizeOne({5, 5, 1, 5, 5, 1, 5, 5, 1}).ids, empty);
  EXPECT_EQ(RasterizeOne({0, 0, 1, nan, 0, 1, 0, 40, 1}).ids, empty);
  EXPECT_EQ(RasterizeOne({0, 0, 1, infinity, 0, 1, 0, 40, 1}).ids, empty);
  EXPECT_EQ(RasterizeOne({0, 0, 1, 40, 0, nan, 0, 40, 1}).ids, empty);
  EXPECT_EQ(RasterizeOne({0, 0, -1, -40, 0, -1, 0, -40, -1}).ids, empty);
  EXPECT_EQ(RasterizeOne({0, 0, 0, 0, 0, 0, 0, 0, 0}).ids, empty);
}

TEST(MeshRaster, OfNoTrianglesIsEmptyAndHasNoGradient) {
  const Cameras<double> cameras(2, 5, 3, 2, 8);
  const std::vector<double> positions = cameras.Project({0, 0, 0});
  const MeshGeometry<double> geometry = cameras.Geometry(positions, {});
  const Buffers buffers = Rasterize(geometry);
  EXPECT_EQ(buffers.ids, std::vector<int32_t>(30, -1));
  EXPECT_EQ(buffers.barycentrics, std::vector<double>(60, 0));
  std::vector<double> gradients(6, 1.0);
  RasterizeMeshVjpCpu(geometry, buffers.ids.data(), buffers.Read(),
                      gradients.data());
  EXPECT_EQ(gradients, std::vector<double>(6, 0.0));
}

TEST(MeshRaster, DrawsASinglePixel) {
  const Buffers buffers =
      Rasterize(Square<double>(), Cameras<double>(1, 1, 1, 2, 1));
  EXPECT_GE(buffers.ids[0], 0);
  EXPECT_NEAR(buffers.depth[0], 2, 1e-12);
}

TEST(MeshRaster, BatchesEqualImagesOneByOne) {
  const Shape<double> sphere = Sphere<double>(20, 12);
  const Cameras<double> cameras(3, 40, 24, 3, 30);
  const std::vector<double> positions = cameras.Project(sphere.vertices);
  const Buffers all = Rasterize(cameras.Geometry(positions, sphere.triangles));
  for (int b = 0; b < 3; ++b) {
    MeshGeometry<double> one = cameras.Geometry(positions, sphere.triangles);
    one.images = 1;
    one.vertex_count = sphere.vertex_count();
    one.positions = positions.data() + b * sphere.vertices.size();
    const Buffers buffers = Rasterize(one);
    EXPECT_TRUE(std::equal(buffers.ids.begin(), buffers.ids.end(),
                           all.ids.begin() + b * 960));
    EXPECT_TRUE(std::equal(buffers.barycentrics.begin(),
                           buffers.barycentrics.end(),
                           all.barycentrics.begin() + b * 1920));
  }
}

TEST(MeshRaster, ProjectionGradientMatchesDifferences) {
  std::vector<double> vertices = Noise(2 * 4 * 3, 1);
  const Cameras<double> cameras(3, 12, 8, 3, 7, 0.7, 2);
  const std::vector<double> weights = Noise(3 * 4 * 3, 2);
  std::vector<double> gradients(vertices.size(), -1.0);
  ProjectMeshVjpCpu(cameras.Projection(vertices, 2), weights.data(),
                    gradients.data());
  for (size_t i = 0; i < vertices.size(); ++i) {
    EXPECT_NEAR(
        gradients[i],
        Slope(vertices, i,
              [&] { return Sum(cameras.Project(vertices, 2), weights); }),
        1e-7);
  }
}

TEST(MeshRaster, FragmentGradientsMatchDifferences) {
  const Shape<double> sphere = Sphere<double>(5, 4);
  const Cameras<double> cameras(2, 16, 12, 2.5, 14);
  std::vector<double> positions = cameras.Project(sphere.vertices);
  const MeshGeometry<double> geometry =
      cameras.Geometry(positions, sphere.triangles);
  const Buffers buffers = Rasterize(geometry);
  const int64_t pixels = buffers.ids.size();
  Buffers weights(pixels);
  weights.barycentrics = Noise(2 * pixels, 1);
  weights.derivatives = Noise(4 * pixels, 2);
  weights.depth = Noise(pixels, 3);
  std::vector<double> gradients(positions.size(), -1.0);
  RasterizeMeshVjpCpu(geometry, buffers.ids.data(), weights.Read(),
                      gradients.data());
  const auto loss = [&] {
    const Buffers now = Rasterize(geometry);
    EXPECT_EQ(now.ids, buffers.ids);
    return Sum(now.barycentrics, weights.barycentrics) +
           Sum(now.derivatives, weights.derivatives) +
           Sum(now.depth, weights.depth);
  };
  for (size_t i = 0; i < positions.size(); ++i) {
    const double slope = Slope(positions, i, loss);
    EXPECT_NEAR(gradients[i], slope, 1e-6 * (1 + std::abs(slope))) << i;
  }
}

// Two sets of attributes with seams of their own, seen by two cameras.
struct Interpolation {
  Shape<double> sphere = Sphere<double>(5, 4);
  Cameras<double> cameras{2, 16, 12, 2.5, 14};
  std::vector<double> positions = cameras.Project(sphere.vertices);
  MeshGeometry<double> geometry = cameras.Geometry(positions, sphere.triangles);
  Buffers buffers = Rasterize(geometry);
  int64_t rows = sphere.uvs.size() / 2;
  std::vector<double> table = Noise(2 * rows * 3, 1);
  std::vector<int64_t> set_of_image = {1, 0};
  MeshAttributes<double> attributes = {.sets = 2,
                                       .rows = rows,
                                       .channels = 3,
                                       .values = table.data(),
                                       .triangles = sphere.uv_triangles.data(),
                                       .set_of_image = set_of_image.data()};
  int64_t pixels = buffers.ids.size();
  std::vector<double> values = std::vector<double>(3 * pixels);
  std::vector<double> derivatives = std::vector<double>(6 * pixels);
  std::vector<double> value_weights = Noise(3 * pixels, 2);
  std::vector<double> derivative_weights = Noise(6 * pixels, 3);

  double Loss() {
    InterpolateMeshCpu(geometry, buffers.ids.data(), buffers.Read(), attributes,
                       values.data(), derivatives.data());
    return Sum(values, value_weights) + Sum(derivatives, derivative_weights);
  }
};

TEST(MeshRaster, InterpolationGradientsMatchDifferences) {
  Interpolation it;
  std::vector<double> table_gradients(it.table.size(), -1.0);
  Buffers gradients(it.pixels);
  InterpolateMeshVjpCpu(it.geometry, it.buffers.ids.data(), it.buffers.Read(),
                        it.attributes, it.value_weights.data(),
                        it.derivative_weights.data(), table_gradients.data(),
                        gradients.Write());
  const auto loss = [&] { return it.Loss(); };
  for (size_t i = 0; i < it.table.size(); ++i) {
    EXPECT_NEAR(table_gradients[i], Slope(it.table, i, loss), 1e-6);
  }
  for (size_t i = 0; i < gradients.barycentrics.size(); i += 7) {
    EXPECT_NEAR(gradients.barycentrics[i],
                Slope(it.buffers.barycentrics, i, loss), 1e-6);
  }
  for (size_t i = 0; i < gradients.derivatives.size(); i += 7) {
    EXPECT_NEAR(gradients.derivatives[i],
                Slope(it.buffers.derivatives, i, loss), 1e-6);
  }
}

TEST(MeshRaster, BytesDoNotDependOnThreads) {
  const Shape<float> sphere = Sphere<float>(60, 40);
  const Cameras<float> cameras(3, 96, 80, 3, 80);
  const std::vector<float> positions = cameras.Project(sphere.vertices);
  const MeshGeometry<float> geometry =
      cameras.Geometry(positions, sphere.triangles);
  const int64_t pixels = 3 * 96 * 80;
  const auto run = [&] {
    std::vector<int32_t> ids(pixels);
    std::vector<float> barycentrics(2 * pixels), gradients(positions.size());
    RasterizeMeshCpu(geometry, ids.data(),
                     {.barycentrics = barycentrics.data()});
    const std::vector<float> weights = Noise<float>(2 * pixels, 1);
    RasterizeMeshVjpCpu(geometry, ids.data(), {.barycentrics = weights.data()},
                        gradients.data());
    barycentrics.insert(barycentrics.end(), gradients.begin(), gradients.end());
    barycentrics.insert(barycentrics.end(), ids.begin(), ids.end());
    return barycentrics;
  };
  const std::vector<float> one = run();
  SetThreads(3);
  const std::vector<float> three = run();
  SetThreads(1);
  EXPECT_EQ(one, three);
}

}  // namespace
}  // namespace dg4d
