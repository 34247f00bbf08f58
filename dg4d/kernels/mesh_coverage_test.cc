#include "dg4d/kernels/mesh_coverage.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "dg4d/base/parallel.h"
#include "dg4d/kernels/mesh_test_shapes.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using mesh_test::Cameras;
using mesh_test::Noise;
using mesh_test::Shape;
using mesh_test::Sphere;
using mesh_test::Square;

struct Picture {
  std::vector<float> rgba, depth;
};

Picture Render(const MeshCoverageInputs<float>& inputs) {
  const auto& geometry = inputs.geometry;
  const int64_t pixels = geometry.images * geometry.width * geometry.height;
  Picture picture = {std::vector<float>(4 * pixels, -1.0f),
                     std::vector<float>(pixels, -1.0f)};
  RenderMeshCoverageCpu(inputs, picture.rgba.data(), picture.depth.data());
  return picture;
}

// A shape, seen by cameras, with a texture of noise.
struct Drawing {
  Drawing(const Shape<float>& shape, const Cameras<float>& cameras,
          int layers = 1, int size = 8)
      : shape(shape),
        cameras(cameras),
        positions(cameras.Project(shape.vertices)),
        texels(Noise<float>(layers * size * size * 3, 1)) {
    for (float& texel : texels) texel = 0.5f + 0.5f * texel;
    inputs = {.geometry = cameras.Geometry(positions, this->shape.triangles),
              .uv_triangles = this->shape.uv_triangles.data(),
              .uvs = this->shape.uvs.data(),
              .layers = texels.data(),
              .layer_count = layers,
              .layer_height = size,
              .layer_width = size};
  }
  Shape<float> shape;
  Cameras<float> cameras;
  std::vector<float> positions, texels;
  MeshCoverageInputs<float> inputs;
};

TEST(MeshCoverage, ShowsASquareSeenFrontOnAsItsTexture) {
  Drawing drawing(Square<float>(), Cameras<float>(1, 8, 8, 2.0f, 8.0f));
  const Picture picture = Render(drawing.inputs);
  for (int i = 0; i < 64; ++i) {
    for (int c = 0; c < 3; ++c) {
      EXPECT_NEAR(picture.rgba[4 * i + c], drawing.texels[3 * i + c], 1e-5);
    }
    EXPECT_EQ(picture.rgba[4 * i + 3], 1);
    EXPECT_NEAR(picture.depth[i], 2, 1e-5);
  }
}

TEST(MeshCoverage, CountsTheSamplesThatHit) {
  // The square's right edge is at 2/3 of pixel 6's width, beyond its centre
  // and two of three columns of samples.
  Shape<float> shape = Square<float>();
  const float right = 2 * (6 + 2 / 3.0f) / 8 - 1;
  shape.vertices[6] = shape.vertices[9] = right;
  Drawing drawing(shape, Cameras<float>(1, 8, 8, 2.0f, 8.0f));
  const Picture picture = Render(drawing.inputs);
  EXPECT_FLOAT_EQ(picture.rgba[4 * 5 + 3], 1);
  EXPECT_FLOAT_EQ(picture.rgba[4 * 6 + 3], 2 / 3.0f);
  EXPECT_FLOAT_EQ(picture.rgba[4 * 7 + 3], 0);
  EXPECT_EQ(picture.depth[7], 0);
}

TEST(MeshCoverage, TakesTheMeanOfWhatHitsWhereTheCentreMisses) {
  Shape<float> shape = Square<float>();
  shape.vertices[6] = shape.vertices[9] = 2 * (6 + 0.4f) / 8 - 1;
  Drawing drawing(shape, Cameras<float>(1, 8, 8, 2.0f, 8.0f));
  // Red grows from left to right over the square.
  const std::vector<float> colors = {0, 0, 0, 0, 0, 0, 1, 0, 0,
                                     0, 0, 0, 1, 0, 0, 1, 0, 0};
  drawing.inputs.corner_colors = colors.data();
  const Picture picture = Render(drawing.inputs);
  const float sample = 6 + 1 / 6.0f;
  EXPECT_NEAR(picture.rgba[4 * 6], sample / 6.4f / 3, 1e-5);
  EXPECT_FLOAT_EQ(picture.rgba[4 * 6 + 3], 1 / 3.0f);
  EXPECT_NEAR(picture.depth[6], 2, 1e-5);
}

TEST(MeshCoverage, BlendsTheLayersOfATrianglesCorners) {
  Drawing drawing(Square<float>(), Cameras<float>(1, 8, 8, 2.0f, 8.0f), 2);
  std::fill(drawing.texels.begin(), drawing.texels.begin() + 192, 0.0f);
  std::fill(drawing.texels.begin() + 192, drawing.texels.end(), 1.0f);
  const std::vector<int32_t> layer_of_uv = {0, 0, 1, 1};  // left 0, right 1
  drawing.inputs.layer_of_uv = layer_of_uv.data();
  const Picture picture = Render(drawing.inputs);
  for (int i = 0; i < 64; ++i) {
    EXPECT_NEAR(picture.rgba[4 * i], (i % 8 + 0.5f) / 8, 1e-5);
  }
}

TEST(MeshCoverage, BatchesEqualImagesOneByOne) {
  Drawing drawing(Sphere<float>(24, 16),
                  Cameras<float>(3, 20, 14, 3.0f, 16.0f));
  const Picture all = Render(drawing.inputs);
  MeshCoverageInputs<float> one = drawing.inputs;
  one.geometry.images = 1;
  for (int b = 0; b < 3; ++b) {
    one.geometry.positions =
        drawing.positions.data() + b * drawing.shape.vertices.size();
    const Picture picture = Render(one);
    EXPECT_TRUE(std::equal(picture.rgba.begin(), picture.rgba.end(),
                           all.rgba.begin() + b * 20 * 14 * 4));
    EXPECT_TRUE(std::equal(picture.depth.begin(), picture.depth.end(),
                           all.depth.begin() + b * 20 * 14));
  }
}

TEST(MeshCoverage, OfAClosedMeshNeedsItsFrontAlone) {
  Drawing drawing(Sphere<float>(24, 16),
                  Cameras<float>(2, 40, 30, 3.0f, 36.0f));
  const Picture whole = Render(drawing.inputs);
  drawing.inputs.closed = true;
  const Picture front = Render(drawing.inputs);
  EXPECT_EQ(whole.rgba, front.rgba);
  EXPECT_EQ(whole.depth, front.depth);
}

TEST(MeshCoverage, BytesDoNotDependOnThreads) {
  Drawing drawing(Sphere<float>(90, 60),
                  Cameras<float>(2, 70, 50, 3.0f, 60.0f));
  const Picture one = Render(drawing.inputs);
  SetThreads(3);
  const Picture three = Render(drawing.inputs);
  SetThreads(1);
  EXPECT_EQ(one.rgba, three.rgba);
  EXPECT_EQ(one.depth, three.depth);
}

TEST(MeshCoverage, OfNoTrianglesIsEmpty) {
  Drawing drawing(Square<float>(), Cameras<float>(1, 5, 3, 2.0f, 4.0f));
  drawing.inputs.geometry.triangle_count = 0;
  const Picture picture = Render(drawing.inputs);
  EXPECT_EQ(picture.rgba, std::vector<float>(60, 0.0f));
  EXPECT_EQ(picture.depth, std::vector<float>(15, 0.0f));
}

}  // namespace
}  // namespace dg4d
