#include "dg4d/kernels/mesh_antialias.h"

#include <algorithm>
#include <cmath>
#include <numeric>
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

// A mesh in front of cameras. `channels` colours of pixels; the last is the
// hard alpha.
struct Drawing {
  Shape<double> shape;
  Cameras<double> cameras;
  std::vector<double> positions;
  std::vector<int32_t> neighbors;
  MeshGeometry<double> geometry;
  int64_t pixels;
  std::vector<int32_t> ids;
  std::vector<double> depth, weights;

  Drawing(const Shape<double>& shape, const Cameras<double>& cameras)
      : shape(shape),
        cameras(cameras),
        positions(cameras.Project(shape.vertices)),
        neighbors(shape.triangles.size()),
        geometry(cameras.Geometry(positions, this->shape.triangles)),
        pixels(geometry.images * geometry.width * geometry.height),
        ids(pixels),
        depth(pixels),
        weights(2 * pixels) {
    FindMeshNeighborsCpu(this->shape.triangles.data(), shape.triangle_count(),
                         shape.vertex_count(), neighbors.data());
  }
  Drawing(const Drawing&) = delete;

  MeshSilhouettes<double> Silhouettes() const {
    return {ids.data(), depth.data(), neighbors.data()};
  }

  std::vector<double> Smooth(const std::vector<double>& colors) {
    RasterizeMeshCpu(geometry, ids.data(), {.depth = depth.data()});
    std::vector<double> smooth(colors.size());
    AntialiasMeshCpu(geometry, Silhouettes(), colors.size() / pixels,
                     colors.data(), weights.data(), smooth.data());
    return smooth;
  }

  std::vector<double> HardAlpha() {
    RasterizeMeshCpu(geometry, ids.data(), MeshFragments<double>{});
    std::vector<double> alpha;
    for (const int32_t id : ids) alpha.push_back(id >= 0);
    return alpha;
  }
};

double Area(const std::vector<double>& alpha) {
  return std::accumulate(alpha.begin(), alpha.end(), 0.0);
}

Shape<double> Turned(Shape<double> shape, double angle) {
  const double c = std::cos(angle), s = std::sin(angle);
  for (size_t i = 0; i < shape.vertices.size(); i += 3) {
    const double x = shape.vertices[i], y = shape.vertices[i + 1];
    shape.vertices[i] = c * x - s * y;
    shape.vertices[i + 1] = s * x + c * y;
  }
  return shape;
}

TEST(MeshAntialias, FindsNeighboursAcrossEdges) {
  const std::vector<int32_t> triangles = {0, 1, 2, 2, 1, 3, 3, 1, 4, 1, 3, 5};
  std::vector<int32_t> neighbors(12, -2);
  FindMeshNeighborsCpu(triangles.data(), 4, 6, neighbors.data());
  // Edge (1, 2) joins triangles 0 and 1; edge (1, 3) has three triangles.
  EXPECT_EQ(neighbors, (std::vector<int32_t>{1, -1, -1, -1, -1, 0, -1, -1, -1,
                                             -1, -1, -1}));
}

TEST(MeshAntialias, CoversWhatAStraightEdgeCovers) {
  // A square whose right edge passes pixel column 6 at every share of it.
  for (const double share : {0.05, 0.3, 0.5, 0.8, 0.95}) {
    Shape<double> shape = Square<double>(3);
    shape.vertices[6] = shape.vertices[9] = 2 * (6 + share) / 8 - 1;
    Drawing drawing(shape, Cameras<double>(1, 8, 8, 2, 8));
    const std::vector<double> alpha = drawing.Smooth(drawing.HardAlpha());
    for (int i = 0; i < 64; ++i) {
      EXPECT_NEAR(alpha[i], std::clamp(6 + share - i % 8, 0.0, 1.0), 1e-9);
    }
  }
}

TEST(MeshAntialias, KeepsTheAreaOfATurnedSquare) {
  for (const double degrees : {0, 7, 20, 33, 45, 60, 81}) {
    const Shape<double> square =
        Turned(Square<double>(0.61), degrees * 3.14159265358979 / 180);
    Drawing drawing(square, Cameras<double>(1, 40, 40, 2, 40));
    const std::vector<double> hard = drawing.HardAlpha();
    const double area = std::pow(2 * 0.61 * 20, 2);
    EXPECT_NEAR(Area(drawing.Smooth(hard)), area, 0.004 * area) << degrees;
  }
}

TEST(MeshAntialias, SmoothsMeshesFinerThanAPixel) {
  // Most triangles at the rim of this sphere span less than a tenth of a pixel.
  Drawing drawing(Sphere<double>(160, 120, 0.8),
                  Cameras<double>(1, 24, 24, 4, 40));
  const std::vector<double> alpha = drawing.Smooth(drawing.HardAlpha());
  const double radius = 40 * 0.8 / std::sqrt(16 - 0.64);
  EXPECT_NEAR(Area(alpha), 3.14159265 * radius * radius, 1.0);
  int soft = 0;
  for (int y = 0; y < 24; ++y) {
    for (int x = 0; x < 24; ++x) {
      const double distance = radius - std::hypot(x + 0.5 - 12, y + 0.5 - 12);
      const double value = alpha[24 * y + x];
      EXPECT_NEAR(value, std::clamp(distance + 0.5, 0.0, 1.0), 0.2);
      soft += value > 0.01 && value < 0.99;
    }
  }
  EXPECT_GT(soft, 30);
}

TEST(MeshAntialias, LeavesTheInteriorAlone) {
  // A colour for each triangle changes at every inner edge; none is smoothed.
  Drawing drawing(Sphere<double>(12, 8), Cameras<double>(1, 32, 32, 3, 30));
  drawing.HardAlpha();
  std::vector<double> colors;
  for (const int32_t id : drawing.ids) colors.push_back(id < 0 ? 0 : 1 + id);
  const std::vector<double> smooth = drawing.Smooth(colors);
  int inside = 0;
  for (int y = 1; y < 31; ++y) {
    for (int x = 1; x < 31; ++x) {
      const int i = 32 * y + x;
      const bool rim = drawing.ids[i] < 0 || drawing.ids[i - 1] < 0 ||
                       drawing.ids[i + 1] < 0 || drawing.ids[i - 32] < 0 ||
                       drawing.ids[i + 32] < 0;
      if (rim) continue;
      ++inside;
      EXPECT_EQ(smooth[i], colors[i]);
    }
  }
  EXPECT_GT(inside, 200);
}

TEST(MeshAntialias, FindsTheFarSilhouetteBeforeANearFloor) {
  // The floor (the image's lower half) is nearer than the wall standing on it
  // and goes on behind the wall: the wall's lower edge is what shows.
  const std::vector<double> z = {1, 1, 6, 6, 3, 3, 3, 3};
  const double points[8][2] = {{-9, 20}, {25, 20},  {25, 5},   {-9, 5},
                               {-9, 0},  {-9, 7.8}, {25, 7.8}, {25, 0}};
  Shape<double> shape = {{}, {0, 1, 2, 0, 2, 3, 4, 5, 6, 4, 6, 7}, {}, {}};
  shape.vertices.resize(24);
  Drawing drawing(shape, Cameras<double>(1, 16, 16, 2, 16));
  for (int i = 0; i < 8; ++i) {
    drawing.positions[3 * i] = points[i][0] * z[i];
    drawing.positions[3 * i + 1] = points[i][1] * z[i];
    drawing.positions[3 * i + 2] = z[i];
  }
  drawing.HardAlpha();
  std::vector<double> wall;
  for (const int32_t id : drawing.ids) wall.push_back(id >= 2);
  const std::vector<double> smooth = drawing.Smooth(wall);
  EXPECT_NEAR(smooth[16 * 6 + 5], 1, 1e-9);
  EXPECT_NEAR(smooth[16 * 7 + 5], 0.8, 1e-9);
  EXPECT_NEAR(smooth[16 * 8 + 5], 0, 1e-9);
}

TEST(MeshAntialias, NeverLeavesTheRangeOfItsColours) {
  // Crumbs, each of about a pixel.
  Shape<double> shape;
  const std::vector<double> noise = Noise(3000, 5);
  for (size_t i = 0; i + 8 < noise.size(); i += 9) {
    for (int k = 0; k < 3; ++k) {
      for (int c = 0; c < 3; ++c) {
        shape.vertices.push_back(noise[i + c] + 0.08 * noise[i + 3 * k + c]);
      }
      shape.triangles.push_back(static_cast<int32_t>(i / 3 + k));
    }
  }
  Drawing drawing(shape, Cameras<double>(1, 24, 24, 3, 24));
  const std::vector<double> hard = drawing.HardAlpha();
  EXPECT_GT(Area(hard), 20);
  for (const double alpha : drawing.Smooth(hard)) {
    EXPECT_GE(alpha, 0);
    EXPECT_LE(alpha, 1);
  }
}

TEST(MeshAntialias, GradientsMatchDifferences) {
  const Shape<double> sphere = Turned(Sphere<double>(7, 5, 0.9), 0.2);
  Drawing drawing(sphere, Cameras<double>(2, 18, 14, 2.5, 14));
  std::vector<double> colors = Noise(3 * drawing.pixels, 1);
  const std::vector<double> loss_weights = Noise(3 * drawing.pixels, 2);
  const auto loss = [&] {
    const std::vector<double> smooth = drawing.Smooth(colors);
    return std::inner_product(smooth.begin(), smooth.end(),
                              loss_weights.begin(), 0.0);
  };
  loss();
  std::vector<double> color_gradients(colors.size(), -1.0);
  std::vector<double> position_gradients(drawing.positions.size(), -1.0);
  AntialiasMeshVjpCpu(drawing.geometry, drawing.Silhouettes(), 3, colors.data(),
                      drawing.weights.data(), loss_weights.data(),
                      color_gradients.data(), position_gradients.data());
  for (size_t i = 0; i < colors.size(); i += 5) {
    EXPECT_NEAR(color_gradients[i], Slope(colors, i, loss), 1e-7);
  }
  double largest = 0;
  for (size_t i = 0; i < position_gradients.size(); ++i) {
    const double slope = Slope(drawing.positions, i, loss);
    EXPECT_NEAR(position_gradients[i], slope, 1e-6 * (1 + std::abs(slope)))
        << i;
    largest = std::max(largest, std::abs(slope));
  }
  EXPECT_GT(largest, 0.1);
}

TEST(MeshAntialias, AreaGrowsAsTheShapeDoes) {
  // d(sum of alpha)/d(scale) of a turned square, whose area is (2 s f/z)^2.
  const Shape<double> square = Turned(Square<double>(0.6), 0.3);
  Drawing drawing(square, Cameras<double>(1, 64, 64, 2, 64));
  const std::vector<double> hard = drawing.HardAlpha();
  drawing.Smooth(hard);
  const std::vector<double> ones(drawing.pixels, 1.0);
  std::vector<double> color_gradients(drawing.pixels);
  std::vector<double> position_gradients(drawing.positions.size());
  AntialiasMeshVjpCpu(drawing.geometry, drawing.Silhouettes(), 1, hard.data(),
                      drawing.weights.data(), ones.data(),
                      color_gradients.data(), position_gradients.data());
  std::vector<double> gradients(square.vertices.size());
  ProjectMeshVjpCpu(drawing.cameras.Projection(square.vertices),
                    position_gradients.data(), gradients.data());
  const double slope = std::inner_product(gradients.begin(), gradients.end(),
                                          square.vertices.begin(), 0.0);
  const double area = std::pow(2 * 0.6 * 32, 2);
  EXPECT_NEAR(slope, 2 * area, 0.02 * 2 * area);
}

TEST(MeshAntialias, AnEdgeHalfWayBetweenCentresHasAGradient) {
  Shape<double> shape = Square<double>(3);
  shape.vertices[6] = shape.vertices[9] = 2 * 6.0 / 8 - 1;  // weight 0 exactly
  Drawing drawing(shape, Cameras<double>(1, 8, 8, 2, 8));
  const std::vector<double> hard = drawing.HardAlpha();
  drawing.Smooth(hard);
  const std::vector<double> ones(64, 1.0);
  std::vector<double> color_gradients(64), position_gradients(12);
  AntialiasMeshVjpCpu(drawing.geometry, drawing.Silhouettes(), 1, hard.data(),
                      drawing.weights.data(), ones.data(),
                      color_gradients.data(), position_gradients.data());
  // Moving both right corners by one pixel (z = 2) uncovers eight.
  EXPECT_NEAR(2 * (position_gradients[6] + position_gradients[9]), 8, 1e-9);
}

TEST(MeshAntialias, BytesDoNotDependOnThreads) {
  Drawing drawing(Sphere<double>(30, 20), Cameras<double>(3, 48, 40, 3, 40));
  const std::vector<double> colors = Noise(drawing.pixels, 1);
  const auto run = [&] {
    std::vector<double> result = drawing.Smooth(colors);
    std::vector<double> color_gradients(drawing.pixels);
    std::vector<double> position_gradients(drawing.positions.size());
    AntialiasMeshVjpCpu(drawing.geometry, drawing.Silhouettes(), 1,
                        colors.data(), drawing.weights.data(), colors.data(),
                        color_gradients.data(), position_gradients.data());
    result.insert(result.end(), color_gradients.begin(), color_gradients.end());
    result.insert(result.end(), position_gradients.begin(),
                  position_gradients.end());
    return result;
  };
  const std::vector<double> one = run();
  SetThreads(3);
  EXPECT_EQ(run(), one);
  SetThreads(1);
}

}  // namespace
}  // namespace dg4d
