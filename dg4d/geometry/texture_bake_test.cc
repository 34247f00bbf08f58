#include "dg4d/geometry/texture_bake.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "dg4d/geometry/density_grid.h"
#include "dg4d/geometry/gaussian_shell.h"
#include "dg4d/geometry/marching_cubes.h"
#include "dg4d/geometry/mesh_repair.h"
#include "dg4d/geometry/mesh_view.h"
#include "dg4d/geometry/solid_fill.h"
#include "dg4d/geometry/uv_atlas.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

constexpr double kRadius = 0.5;

// A smooth colour for each direction.
Vec3 ColourOf(const Vec3& direction) {
  return {0.5 + 0.4 * std::sin(3 * direction.x),
          0.5 + 0.4 * std::sin(3 * direction.y + 1),
          0.5 + 0.4 * std::sin(3 * direction.z + 2)};
}

// A sphere as surface extraction gives it, with uvs.
Mesh MakeBall() {
  const auto density =
      DensityGrid(DiscGaussians(SphereSurfels({0, 0, 0}, kRadius, 0.02), 0.02),
                  {.voxel_size = 0.02});
  const Mesh mesh = SmoothTaubin(MarchingCubes(SolidFill(*density, {}), 0), {});
  Surface surface = SurfaceOf(Decimate(mesh, {.target_triangles = 4000}));
  for (Vec3& p : surface.vertices) p = kRadius * Normalized(p);
  return *UnwrapUvs(MeshOf(surface), {.texture_size = 256});
}

const Mesh& Ball() {
  static const Mesh* const ball = new Mesh(MakeBall());
  return *ball;
}

// The exact picture of the coloured sphere.
BakeView ViewFrom(double elevation, double azimuth, double weight) {
  BakeView view;
  view.weight = weight;
  Camera intrinsics;
  intrinsics.width = intrinsics.height = 192;
  view.camera = OrbitCamera({elevation, azimuth, 2}, intrinsics);
  view.rgb = at::zeros({3, 192, 192});
  view.alpha = at::zeros({1, 192, 192});
  const auto& m = view.camera.world_from_camera;
  const Vec3 eye = {m[3], m[7], m[11]};
  for (int y = 0; y < 192; ++y) {
    for (int x = 0; x < 192; ++x) {
      const double u = (x + 0.5 - 96) / view.camera.focal();
      const double v = -(y + 0.5 - 96) / view.camera.focal();
      const Vec3 ray =
          Normalized({m[0] * u + m[1] * v - m[2], m[4] * u + m[5] * v - m[6],
                      m[8] * u + m[9] * v - m[10]});
      const double along = Dot(ray, eye);
      const double root = along * along - Dot(eye, eye) + kRadius * kRadius;
      if (root < 0) continue;
      const Vec3 colour =
          ColourOf(Normalized(eye + ray * (-along - std::sqrt(root))));
      for (int c = 0; c < 3; ++c) {
        view.rgb.data_ptr<float>()[(c * 192 + y) * 192 + x] =
            static_cast<float>(colour[c]);
      }
      view.alpha.data_ptr<float>()[y * 192 + x] = 1;
    }
  }
  return view;
}

// The largest error of the texels whose direction `select` picks.
template <typename Select>
double WorstError(const Mesh& mesh, const Image& texture,
                  const Select& select) {
  const Surface surface = SurfaceOf(mesh);
  const int size = texture.width();
  const TexelMap map = MapTexels(mesh, size);
  double worst = 0;
  int64_t texels = 0;
  for (int64_t i = 0; i < int64_t{size} * size; ++i) {
    if (map.triangles[i] < 0) continue;
    const double a = map.barycentrics[2 * i], b = map.barycentrics[2 * i + 1];
    const TriangleIndices& t = surface.triangles[map.triangles[i]];
    const Vec3 direction =
        Normalized(a * surface.vertices[t[0]] + b * surface.vertices[t[1]] +
                   (1 - a - b) * surface.vertices[t[2]]);
    if (!select(direction)) continue;
    ++texels;
    for (int c = 0; c < 3; ++c) {
      worst =
          std::max(worst, std::abs(texture.pixels.data_ptr<float>()[3 * i + c] -
                                   ColourOf(direction)[c]));
    }
  }
  EXPECT_GT(texels, 100);
  return worst;
}

std::vector<BakeView> AllAround() {
  std::vector<BakeView> views;
  for (int azimuth = 0; azimuth < 360; azimuth += 60) {
    views.push_back(ViewFrom(-20, azimuth, 1));
  }
  views.push_back(ViewFrom(-89, 0, 1));
  views.push_back(ViewFrom(89, 0, 1));
  return views;
}

TEST(UnwrapUvs, LaysEveryTriangleOutWithoutOverlap) {
  const Mesh& mesh = Ball();
  ASSERT_EQ(mesh.uv_triangles.sizes(), mesh.triangles.sizes());
  EXPECT_GE(mesh.uvs.min().item<float>(), 0);
  EXPECT_LE(mesh.uvs.max().item<float>(), 1);
  // Each texel centre lies in at most one triangle: the areas add up to what
  // is covered.
  const float* uv = mesh.uvs.data_ptr<float>();
  const int32_t* corner = mesh.uv_triangles.data_ptr<int32_t>();
  double area = 0;
  for (int64_t t = 0; t < mesh.triangle_count(); ++t, corner += 3) {
    const float* a = uv + 2 * corner[0];
    const float* b = uv + 2 * corner[1];
    const float* c = uv + 2 * corner[2];
    area += std::abs((b[0] - a[0]) * (c[1] - a[1]) -
                     (b[1] - a[1]) * (c[0] - a[0])) /
            2;
  }
  const TexelMap map = MapTexels(mesh, 1024);
  const auto covered = std::count_if(map.triangles.begin(), map.triangles.end(),
                                     [](int32_t id) { return id >= 0; });
  EXPECT_NEAR(covered / (1024.0 * 1024), area, 0.002);
  EXPECT_GT(area, 0.3);
}

TEST(UnwrapUvs, GivesTheSameLayoutAgain) {
  const Mesh& a = Ball();
  const Mesh b = MakeBall();
  EXPECT_TRUE(a.uvs.equal(b.uvs));
  EXPECT_TRUE(a.uv_triangles.equal(b.uv_triangles));
}

TEST(UnwrapUvs, SaysWhatIsWrong) {
  EXPECT_FALSE(UnwrapUvs(Ball(), {.texture_size = 0}).ok());
  EXPECT_FALSE(UnwrapUvs(Ball(), {.padding = -1}).ok());
  Mesh empty;
  empty.vertices = at::zeros({0, 3});
  empty.triangles = at::empty({0, 3}, at::kInt);
  EXPECT_EQ(UnwrapUvs(empty, {}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(BakeTexture, ReproducesTheColoursAllAround) {
  const Mesh& mesh = Ball();
  const Image texture = BakeTexture(mesh, AllAround(), {.size = 256});
  EXPECT_LT(WorstError(mesh, texture, [](const Vec3&) { return true; }), 0.06);
}

TEST(BakeTexture, ContinuesColoursWhereNoViewSees) {
  const Mesh& mesh = Ball();
  const Image texture = BakeTexture(mesh, {ViewFrom(0, 0, 1)}, {.size = 256});
  EXPECT_LT(WorstError(mesh, texture, [](const Vec3& d) { return d.z > 0.4; }),
            0.05);
  // Just behind the silhouette the colour is still about right; nowhere does
  // background shine through.
  EXPECT_LT(WorstError(mesh, texture,
                       [](const Vec3& d) { return d.z < 0.2 && d.z > 0; }),
            0.45);
  EXPECT_GT(texture.pixels.min().item<float>(), 0.09);
}

TEST(BakeTexture, AHeavierViewDecidesWhereItSeesWell) {
  const Mesh& mesh = Ball();
  std::vector<BakeView> views = AllAround();
  for (BakeView& view : views)
    view.rgb = 0.5 * view.alpha.expand({3, 192, 192});
  views.push_back(ViewFrom(0, 0, 1000));
  const Image texture = BakeTexture(mesh, views, {.size = 256});
  EXPECT_LT(WorstError(mesh, texture, [](const Vec3& d) { return d.z > 0.8; }),
            0.05);
}

// Half of the ball is hidden behind a small one: its colour must not land on
// the big one.
TEST(BakeTexture, WhatIsHiddenIsNotPainted) {
  Surface surface = SurfaceOf(Ball());
  const auto count = static_cast<int32_t>(surface.vertices.size());
  const size_t triangles = surface.triangles.size();
  for (int32_t i = 0; i < count; ++i) {
    surface.vertices.push_back(0.3 * surface.vertices[i] + Vec3{0, 0, 0.9});
  }
  for (size_t i = 0; i < triangles; ++i) {
    const TriangleIndices t = surface.triangles[i];
    surface.triangles.push_back({t[0] + count, t[1] + count, t[2] + count});
  }
  const Mesh mesh = *UnwrapUvs(MeshOf(surface), {.texture_size = 256});
  std::vector<BakeView> views = AllAround();
  // Red wherever this view sees the small ball: seen from z = 2, it covers the
  // middle of the big one.
  BakeView front = ViewFrom(0, 0, 100);
  const SurfaceView seen = ViewSurface(surface, front.camera);
  for (size_t i = 0; i < seen.triangles.size(); ++i) {
    if (seen.triangles[i] < static_cast<int32_t>(triangles)) continue;
    for (int c = 0; c < 3; ++c) {
      front.rgb.data_ptr<float>()[c * 192 * 192 + i] = c == 0 ? 1 : 0;
    }
  }
  views = {front};
  const Image texture = BakeTexture(mesh, views, {.size = 256});
  const TexelMap map = MapTexels(mesh, 256);
  int red_on_small = 0, red_on_big = 0;
  for (size_t i = 0; i < map.triangles.size(); ++i) {
    const float* p = texture.pixels.data_ptr<float>() + 3 * i;
    const bool red = p[0] > 0.95f && p[1] < 0.02f;
    if (map.triangles[i] < 0 || !red) continue;
    ++(map.triangles[i] < static_cast<int32_t>(triangles) ? red_on_big
                                                          : red_on_small);
  }
  EXPECT_GT(red_on_small, 100);
  EXPECT_EQ(red_on_big, 0);
}

}  // namespace
}  // namespace dg4d
