#include "dg4d/scene/mesh.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

at::Tensor Points(const std::vector<float>& values) {
  return at::tensor(values).view({-1, 3});
}
at::Tensor Indices(const std::vector<int>& values) {
  return at::tensor(values, at::kInt).view({-1, 3});
}

// The corner of a cube: right angles at the origin, facing outwards.
Mesh Tetrahedron() {
  return {.vertices = Points({0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}),
          .triangles = Indices({0, 2, 1, 0, 1, 3, 0, 3, 2, 1, 2, 3})};
}

// Both meshes, `second`'s vertices after the first's.
Mesh Joined(const Mesh& first, const Mesh& second) {
  return {.vertices = at::cat({first.vertices, second.vertices}),
          .triangles = at::cat({first.triangles,
                                second.triangles + first.vertex_count()})
                           .to(at::kInt)};
}

TEST(CheckMesh, AcceptsAMeshWithAndWithoutUvs) {
  Mesh mesh = Tetrahedron();
  EXPECT_TRUE(CheckMesh(mesh).ok()) << CheckMesh(mesh);
  mesh.uvs = at::zeros({2, 2});
  mesh.uv_triangles = at::zeros({4, 3}, at::kInt);
  mesh.normals = VertexNormals(mesh.vertices, mesh.triangles);
  EXPECT_TRUE(CheckMesh(mesh).ok()) << CheckMesh(mesh);
}

TEST(CheckMesh, SaysWhatIsWrong) {
  const auto expect = [](const std::string& reason, auto&& spoil) {
    Mesh mesh = Tetrahedron();
    mesh.uvs = at::zeros({2, 2});
    mesh.uv_triangles = at::zeros({4, 3}, at::kInt);
    spoil(mesh);
    const absl::Status status = CheckMesh(mesh);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << reason;
    EXPECT_TRUE(absl::StrContains(status.message(), reason)) << status;
  };
  expect("no triangles", [](Mesh& m) { m = Mesh(); });
  expect("vertices are not", [](Mesh& m) { m.vertices = at::zeros({4, 2}); });
  expect("vertices hold", [](Mesh& m) {
    m.vertices[1][2] = std::numeric_limits<float>::quiet_NaN();
  });
  expect("triangles name", [](Mesh& m) { m.triangles[1][2] = 4; });
  expect("triangles name", [](Mesh& m) { m.triangles[1][2] = -1; });
  expect("triangles are not",
         [](Mesh& m) { m.triangles = m.triangles.to(at::kLong); });
  expect("normals are not", [](Mesh& m) { m.normals = at::zeros({3, 3}); });
  expect("without", [](Mesh& m) { m.uv_triangles = at::Tensor(); });
  expect("uvs are not", [](Mesh& m) { m.uvs = at::zeros({2, 3}); });
  expect("uv_triangles name", [](Mesh& m) { m.uv_triangles[0][0] = 2; });
  expect("uv_triangles are not one",
         [](Mesh& m) { m.uv_triangles = m.uv_triangles.narrow(0, 0, 3); });
}

TEST(AnalyzeTopology, FindsATetrahedronClosed) {
  const MeshTopology topology = AnalyzeTopology(Tetrahedron());
  EXPECT_TRUE(topology.closed_manifold());
  EXPECT_EQ(topology.edges, 6);
  EXPECT_EQ(topology.components, 1);
  EXPECT_NEAR(topology.signed_volume, 1.0 / 6, 1e-7);
}

TEST(AnalyzeTopology, FindsTheBoundaryOfAHole) {
  Mesh mesh = Tetrahedron();
  mesh.triangles = mesh.triangles.narrow(0, 0, 3);
  const MeshTopology topology = AnalyzeTopology(mesh);
  EXPECT_EQ(topology.open_edges, 3);
  EXPECT_EQ(topology.non_manifold_vertices, 0);
  EXPECT_FALSE(topology.closed_manifold());
}

TEST(AnalyzeTopology, FindsATriangleThatIsTurnedAround) {
  Mesh mesh = Tetrahedron();
  mesh.triangles = Indices({0, 1, 2, 0, 1, 3, 0, 3, 2, 1, 2, 3});
  EXPECT_EQ(AnalyzeTopology(mesh).open_edges, 3);
}

TEST(AnalyzeTopology, MeasuresNegativeVolumeInsideOut) {
  Mesh mesh = Tetrahedron();
  mesh.triangles = mesh.triangles.flip(1);
  const MeshTopology topology = AnalyzeTopology(mesh);
  EXPECT_TRUE(topology.closed_manifold());
  EXPECT_NEAR(topology.signed_volume, -1.0 / 6, 1e-7);
}

TEST(AnalyzeTopology, CountsComponentsAndIgnoresUnusedVertices) {
  Mesh far = Tetrahedron();
  far.vertices = far.vertices + 5;
  Mesh both = Joined(Tetrahedron(), far);
  both.vertices = at::cat({both.vertices, at::zeros({3, 3})});
  const MeshTopology topology = AnalyzeTopology(both);
  EXPECT_TRUE(topology.closed_manifold());
  EXPECT_EQ(topology.components, 2);
  EXPECT_NEAR(topology.signed_volume, 2.0 / 6, 1e-5);
}

TEST(AnalyzeTopology, FindsTwoPartsThatTouchInOneVertex) {
  Mesh touching = Joined(Tetrahedron(), Tetrahedron());
  touching.triangles = at::cat(
      {Tetrahedron().triangles, Indices({0, 5, 4, 0, 4, 6, 0, 6, 5, 4, 5, 6})});
  const MeshTopology topology = AnalyzeTopology(touching);
  EXPECT_EQ(topology.open_edges, 0);
  EXPECT_EQ(topology.non_manifold_vertices, 1);
  EXPECT_EQ(topology.components, 2);
}

TEST(AnalyzeTopology, FindsThreeTrianglesOnOneEdge) {
  const Mesh fin = {
      .vertices = at::zeros({5, 3}),
      .triangles = Indices({0, 1, 2, 1, 0, 3, 0, 1, 4}),
  };
  const MeshTopology topology = AnalyzeTopology(fin);
  EXPECT_EQ(topology.edges, 7);
  EXPECT_EQ(topology.open_edges, 7);
  EXPECT_EQ(topology.non_manifold_vertices, 2);
}

TEST(AnalyzeTopology, RefusesAnIndexOutOfRange) {
  Mesh mesh = Tetrahedron();
  mesh.triangles = Indices({0, 1, 4});
  EXPECT_ANY_THROW(AnalyzeTopology(mesh));
}

TEST(AnalyzeTopology, FindsNothingInAnEmptyMesh) {
  const MeshTopology topology = AnalyzeTopology(Mesh{});
  EXPECT_EQ(topology.edges, 0);
  EXPECT_EQ(topology.components, 0);
}

TEST(VertexNormals, PointAwayFromASymmetricSolid) {
  // An octahedron: each normal runs along its vertex.
  const at::Tensor vertices =
      Points({1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1});
  const at::Tensor triangles = Indices({0, 2, 4, 2, 1, 4, 1, 3, 4, 3, 0, 4,  //
                                        2, 0, 5, 1, 2, 5, 3, 1, 5, 0, 3, 5});
  EXPECT_TRUE(
      at::allclose(VertexNormals(vertices, triangles), vertices, 1e-6, 1e-6));
}

TEST(VertexNormals, WeighTrianglesByTheirArea) {
  // At vertex 0 meet area 1/2 facing +z and area 1 facing +x.
  const at::Tensor vertices =
      Points({0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 2});
  const at::Tensor normals =
      VertexNormals(vertices, Indices({0, 1, 2, 0, 3, 4}));
  const float length = std::sqrt(5.0f);
  EXPECT_TRUE(
      at::allclose(normals[0], at::tensor({2 / length, 0.f, 1 / length})));
}

TEST(VertexNormals, PointForwardWhereThereIsNoArea) {
  const at::Tensor vertices =
      at::cat({Tetrahedron().vertices, at::full({4, 3}, 0.3)}).requires_grad_();
  const at::Tensor triangles =
      at::cat({Tetrahedron().triangles, Indices({4, 5, 6})});
  const at::Tensor normals = VertexNormals(vertices, triangles);
  EXPECT_TRUE(at::equal(normals.narrow(0, 4, 4),
                        Points({0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1})));
  normals.sum().backward();
  EXPECT_TRUE(at::isfinite(vertices.grad()).all().item<bool>());
}

TEST(VertexNormals, HaveTheGradientOfCentralDifferences) {
  const at::Tensor triangles = Tetrahedron().triangles;
  const at::Tensor weights = at::tensor({0.3, -0.2, 0.9, 0.1, 0.5, -0.7, 0.4,
                                         0.8, -0.6, 1.1, -0.3, 0.2},
                                        at::kDouble)
                                 .view({4, 3});
  const auto loss = [&](const at::Tensor& vertices) {
    return (VertexNormals(vertices, triangles) * weights).sum();
  };
  const at::Tensor vertices =
      Tetrahedron().vertices.to(at::kDouble).requires_grad_();
  loss(vertices).backward();
  constexpr double kStep = 1e-6;
  for (int i = 0; i < 12; ++i) {
    at::Tensor offset = at::zeros({12}, at::kDouble);
    offset[i] = kStep;
    offset = offset.view({4, 3});
    const double numeric =
        (loss(vertices.detach() + offset) - loss(vertices.detach() - offset))
            .item<double>() /
        (2 * kStep);
    EXPECT_NEAR(vertices.grad().view({12})[i].item<double>(), numeric, 1e-7);
  }
}

TEST(HaveOneTopology, LooksAtTrianglesAndUvsOnly) {
  Mesh moved = Tetrahedron();
  moved.vertices = moved.vertices * 2;
  EXPECT_TRUE(HaveOneTopology({}));
  EXPECT_TRUE(HaveOneTopology({Tetrahedron(), moved}));
  Mesh other = Tetrahedron();
  other.triangles = other.triangles.narrow(0, 0, 3);
  EXPECT_FALSE(HaveOneTopology({Tetrahedron(), other}));
  Mesh unwrapped = Tetrahedron();
  unwrapped.uvs = at::zeros({4, 2});
  unwrapped.uv_triangles = unwrapped.triangles;
  EXPECT_FALSE(HaveOneTopology({Tetrahedron(), unwrapped}));
  EXPECT_TRUE(HaveOneTopology({unwrapped, unwrapped}));
  Mesh longer = Tetrahedron();
  longer.vertices = at::zeros({9, 3});
  EXPECT_FALSE(HaveOneTopology({Tetrahedron(), longer}));
}

TEST(HaveOneTexture, ComparesPixels) {
  Mesh grey = Tetrahedron();
  grey.albedo.pixels = at::full({2, 2, 3}, 0.5);
  Mesh copy = grey;
  copy.albedo.pixels = grey.albedo.pixels.clone();
  Mesh white = grey;
  white.albedo.pixels = at::full({2, 2, 3}, 1.0);
  EXPECT_TRUE(HaveOneTexture({grey, copy}));
  EXPECT_FALSE(HaveOneTexture({grey, white}));
  EXPECT_FALSE(HaveOneTexture({grey, Tetrahedron()}));
}

}  // namespace
}  // namespace dg4d
