#include "dg4d/geometry/inflation/inflate.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>

#include <string>

#include "dg4d/geometry/inflation/shapes.h"
#include "gtest/gtest.h"

namespace dg4d::inflation {
namespace {

// Half the usual size, for speed; lengths are half those of the recipe.
constexpr int kSize = 128;

Camera FrontCamera() { return OrbitCamera({.radius = 2}); }

Inflation InflateShape(const std::string& name, InflationOptions options = {},
                       int size = kSize) {
  options.allow_full_frame = true;
  if (name == "full_frame") options.size = 48;  // the slowest
  if (name == "thin_lines") size = 256;
  absl::StatusOr<Inflation> inflation =
      Inflate(NamedShape(name, size), FrontCamera(), options);
  EXPECT_TRUE(inflation.ok()) << name << ": " << inflation.status();
  return *std::move(inflation);
}

double Highest(const Inflation& inflation) {
  double highest = 0;
  for (int y = 0; y < inflation.frame.size; ++y) {
    for (int x = 0; x < inflation.frame.size; ++x) {
      highest = std::max(highest, inflation.heights.Height(x, y));
    }
  }
  return highest;
}

TEST(Inflate, MakesClosedManifoldsOfAllShapes) {
  for (const std::string& name : ShapeNames()) {
    const MeshTopology topology = AnalyzeTopology(MeshOf(InflateShape(name)));
    EXPECT_EQ(topology.open_edges, 0) << name;
    EXPECT_EQ(topology.non_manifold_vertices, 0) << name;
    EXPECT_GT(topology.signed_volume, 0) << name;
    EXPECT_EQ(topology.components, name == "two_blobs" ? 2 : 1) << name;
  }
}

TEST(Inflate, TurnsADiscIntoABall) {
  EXPECT_NEAR(Highest(InflateShape("disc", {}, 256)), 53.9, 1);
}

TEST(Inflate, TurnsABarIntoARod) {
  EXPECT_NEAR(Highest(InflateShape("bar", {}, 256)), 12.2, 0.4);
}

TEST(Inflate, MakesAThingThatLiesFlatNoDeeperThanTwiceItsHeight) {
  const double highest = Highest(InflateShape("lying_bar"));
  EXPECT_GT(highest, 6);
  EXPECT_LT(highest, 13);
}

TEST(Inflate, TurnsARingIntoATorus) {
  const Inflation ring = InflateShape("ring");
  EXPECT_GT(Highest(ring), 0.9 * 20);
  EXPECT_LT(Highest(ring), 1.2 * 20);
  const Mesh mesh = MeshOf(ring);
  const MeshTopology topology = AnalyzeTopology(mesh);
  EXPECT_EQ(mesh.vertex_count() - topology.edges + mesh.triangle_count(), 0);
}

TEST(Inflate, FindsHemsWhereAWidePartEndsAboveThinnerOnes) {
  const InflationOptions any = {.hem_min_aspect = 0};
  EXPECT_EQ(InflateShape("mushroom", any).heights.hems, 1);
  EXPECT_EQ(InflateShape("dress", any).heights.hems, 1);
  EXPECT_EQ(InflateShape("dress").heights.hems, 1);
  for (const char* name : {"disc", "ring", "star", "table", "trousers"}) {
    EXPECT_EQ(InflateShape(name, any).heights.hems, 0) << name;
  }
}

TEST(Inflate, TakesNoHeadOnABodyForAHem) {
  // A head that is flat below, on a body a little over half as wide.
  const Image picture = DrawShape(kSize, [](double x, double y) {
    const bool head = std::pow(std::abs(x - 128) / 50, 4) +
                          std::pow(std::abs(y - 75) / 50, 4) <
                      1;
    return head || (std::abs(x - 128) < 26 && y >= 100 && y < 235);
  });
  const absl::StatusOr<Inflation> inflation = Inflate(picture, FrontCamera());
  ASSERT_TRUE(inflation.ok());
  EXPECT_EQ(inflation->heights.hems, 0);
}

TEST(Inflate, TakesNoBellyForAHem) {
  EXPECT_EQ(InflateShape("quadruped").heights.hems, 0);
}

TEST(Inflate, KeepsTheThicknessUpToABorderOfThePicture) {
  const Inflation bust = InflateShape("bust");
  EXPECT_NEAR(bust.heights.Height(64, 127), bust.heights.Height(64, 120), 1);
}

TEST(Inflate, DropsSpecks) {
  const Image picture = DrawShape(256, [](double x, double y) {
    const bool speck = x >= 10 && x < 12 && y >= 10 && y < 12;
    return speck || std::hypot(x - 128, y - 128) < 75;
  });
  const absl::StatusOr<Inflation> inflation = Inflate(picture, FrontCamera());
  ASSERT_TRUE(inflation.ok());
  EXPECT_EQ(AnalyzeTopology(MeshOf(*inflation)).components, 1);
}

TEST(Inflate, PutsEachPixelOfTheFrontOnItsRay) {
  const Inflation star = InflateShape("star");
  const Surface& surface = star.surface;
  for (int i = 0; i < surface.sheet_vertices(); ++i) {
    const auto [x, y] = star.frame.Project(surface.vertices[i]);
    EXPECT_NEAR(x, surface.pixels[i][0], 1e-6);
    EXPECT_NEAR(y, surface.pixels[i][1], 1e-6);
  }
}

TEST(Inflate, TurnsWithTheReferenceCamera) {
  const Image picture = NamedShape("star", kSize);
  const Camera camera =
      OrbitCamera({.elevation_degrees = -20, .azimuth_degrees = 35});
  const absl::StatusOr<Inflation> front = Inflate(picture, FrontCamera());
  const absl::StatusOr<Inflation> turned = Inflate(picture, camera);
  ASSERT_TRUE(front.ok() && turned.ok());
  // From its own camera each looks alike.
  EXPECT_EQ(front->surface.triangles, turned->surface.triangles);
  for (size_t i = 0; i < front->surface.vertices.size(); ++i) {
    for (int c = 0; c < 3; ++c) {
      ASSERT_NEAR(front->surface.vertices[i][c], turned->surface.vertices[i][c],
                  1e-9);
    }
  }
  const auto m = camera.camera_from_world();
  const at::Tensor world = MeshOf(*turned).vertices;
  const auto rows = world.accessor<float, 2>();
  for (int i = 0; i < 100; ++i) {
    const auto& p = turned->surface.vertices[i];
    for (int row = 0; row < 3; ++row) {
      double value = m[4 * row + 3];
      for (int c = 0; c < 3; ++c) value += m[4 * row + c] * rows[i][c];
      EXPECT_NEAR(value, p[row] - (row == 2 ? 2 : 0), 1e-5);
    }
  }
}

TEST(Inflate, KeepsAFinerTextureThanItsGeometry) {
  const absl::StatusOr<Inflation> inflation =
      Inflate(NamedShape("disc", 512), FrontCamera());
  ASSERT_TRUE(inflation.ok());
  EXPECT_EQ(inflation->frame.size, 256);
  EXPECT_EQ(inflation->atlas.height(), 512);
  EXPECT_EQ(inflation->atlas.width(), 1024);
}

TEST(Inflate, IsTheSameEachTime) {
  const Mesh a = MeshOf(InflateShape("dress"));
  const Mesh b = MeshOf(InflateShape("dress"));
  EXPECT_TRUE(at::equal(a.vertices, b.vertices));
  EXPECT_TRUE(at::equal(a.albedo.pixels, b.albedo.pixels));
}

void ExpectRefused(const Image& picture, const std::string& advice,
                   const Camera& camera = FrontCamera()) {
  const absl::Status status = Inflate(picture, camera).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find(advice), std::string::npos) << status;
}

TEST(Inflate, RefusesPicturesWithoutASilhouetteWithAdvice) {
  ExpectRefused(DrawShape(64, [](double, double) { return false; }), "empty");
  ExpectRefused(
      DrawShape(64, [](double x, double y) { return x < 12 && y < 12; }),
      "almost empty");
  ExpectRefused(NamedShape("full_frame", 64), "allow_full_frame");
  const Image disc = NamedShape("disc", 64);
  ExpectRefused({disc.pixels.slice(2, 0, 3)}, "alpha");
  ExpectRefused({disc.pixels.slice(0, 0, 32)}, "square");
  ExpectRefused(disc, "camera", Camera());
}

}  // namespace
}  // namespace dg4d::inflation
