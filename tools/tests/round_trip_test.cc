#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>

#include <filesystem>
#include <string>

#include "dg4d/core/config.h"
#include "dg4d/core/exporter.h"
#include "dg4d/core/registry.h"
#include "dg4d/formats/import_scene.h"
#include "dg4d/testing/sample_scenes.h"
#include "gtest/gtest.h"

// What our exporters write is read back as it was, within what each format
// rounds, and exporting that again changes nothing more.
namespace dg4d {
namespace {

class RoundTripTest : public testing::Test {
 protected:
  // Exports `scene` to `name` and imports that.
  Scene Trip(const Scene& scene, const std::string& exporter,
             const std::string& name, const ConfigNode& options = {}) {
    const std::string path = testing::TempDir() + "/round_trip_" + name;
    std::filesystem::remove_all(path);
    const auto made = Registry<Exporter>::Create(exporter, options);
    EXPECT_TRUE(made.ok()) << made.status();
    RunContext context;
    const absl::Status status = (*made)->Export(scene, path, context);
    EXPECT_TRUE(status.ok()) << status;
    auto imported = ImportScene(path, {.fps = fps_});
    EXPECT_TRUE(imported.ok()) << imported.status();
    if (!imported.ok()) return {};
    EXPECT_TRUE(imported->notes.empty()) << imported->notes[0];
    if (scene.meshes.size() > 1) {
      EXPECT_EQ(FramesPerSecond(imported->scene),
                fps_.value_or(FramesPerSecond(scene)));
    }
    return std::move(imported->scene);
  }

  // Of sequences in formats that do not tell.
  std::optional<double> fps_;
};

double Distance(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes()) return 1e9;
  return (a - b).abs().max().item<double>();
}

// Rows of `values` at the corners of triangles: [3T, C].
at::Tensor AtCorners(const at::Tensor& values, const at::Tensor& triangles) {
  return values.index_select(0, triangles.reshape({-1}).to(at::kLong));
}

// Whether two sequences show the same surface, corner by corner.
void ExpectEqualSurfaces(const Scene& a, const Scene& b, double place,
                         double normal, double uv, double colour) {
  ASSERT_EQ(a.meshes.size(), b.meshes.size());
  for (size_t i = 0; i < a.meshes.size(); ++i) {
    const Mesh& x = a.meshes[i];
    const Mesh& y = b.meshes[i];
    ASSERT_EQ(x.triangle_count(), y.triangle_count());
    EXPECT_LE(Distance(AtCorners(x.vertices, x.triangles),
                       AtCorners(y.vertices, y.triangles)),
              place);
    EXPECT_LE(Distance(AtCorners(x.uvs, x.uv_triangles),
                       AtCorners(y.uvs, y.uv_triangles)),
              uv);
    EXPECT_LE(Distance(x.albedo.pixels, y.albedo.pixels), colour);
    const at::Tensor normals = x.normals.defined()
                                   ? x.normals
                                   : VertexNormals(x.vertices, x.triangles);
    ASSERT_TRUE(y.normals.defined());
    EXPECT_LE(Distance(AtCorners(normals, x.triangles),
                       AtCorners(y.normals, y.triangles)),
              normal);
    // The seam of the texture does not open the surface.
    EXPECT_EQ(AnalyzeTopology(x).closed_manifold(),
              AnalyzeTopology(y).closed_manifold());
  }
}

void ExpectEqual(const Gaussians& a, const Gaussians& b) {
  EXPECT_TRUE(at::equal(a.means, b.means));
  EXPECT_TRUE(at::equal(a.quaternions, b.quaternions));
  EXPECT_TRUE(at::equal(a.log_scales, b.log_scales));
  EXPECT_TRUE(at::equal(a.opacity_logits, b.opacity_logits));
  EXPECT_TRUE(at::equal(a.sh, b.sh));
}

ConfigNode Option(const std::string& key, const std::string& value) {
  ConfigNode node;
  node[key] = ConfigNode::Scalar(value);
  return node;
}

// Eight bits a channel, rounded.
constexpr double kByte = 0.5 / 255 + 1e-7;
// 1 - v twice, rounded to floats below 1 each time.
constexpr double kFlipped = 2 * 0x1p-25;

TEST_F(RoundTripTest, PlyKeepsEveryBit) {
  fps_ = 9;
  for (const char* up : {"-y", "+y"}) {
    const Scene scene = MovingScene(4);
    const Scene read = Trip(scene, "ply", "gaussians", Option("up", up));
    ExpectEqual(read.gaussians, scene.gaussians);
    ASSERT_EQ(read.gaussian_frames.size(), 4);
    for (int i = 0; i < 4; ++i) {
      ExpectEqual(FrameAt(read.gaussians, read.gaussian_frames, i),
                  FrameAt(scene.gaussians, scene.gaussian_frames, i));
    }
  }
  fps_.reset();
  const Scene still = StaticScene();
  ExpectEqual(Trip(still, "ply", "still.ply").gaussians, still.gaussians);
}

TEST_F(RoundTripTest, ObjKeepsPlacesAndNormals) {
  // Exported normals are made unit, also those that were: up to an ulp.
  constexpr double kUnit = 0x1p-23;
  fps_ = 9;
  for (const Scene& scene : {StaticScene(), MovingScene(3), ChangingScene(3)}) {
    const Scene read = Trip(scene, "obj", "meshes");
    ExpectEqualSurfaces(scene, read, 0, kUnit, kFlipped, kByte);
    const Scene again = Trip(read, "obj", "meshes");
    ExpectEqualSurfaces(read, again, 0, kUnit, 0, 0);
  }
}

TEST_F(RoundTripTest, GltfKeepsNodesAndRoundsMorphTargets) {
  // A place is stored as its difference to the first frame's: each of the two
  // operations rounds once, to 2^-24 of numbers below 2.
  constexpr double kMorphed = 2 * 0x1p-23;
  // Exported normals are made unit: up to an ulp.
  constexpr double kUnit = 0x1p-23;
  const Scene still = StaticScene();
  ExpectEqualSurfaces(still, Trip(still, "gltf", "still.glb"), 0, kUnit, 0,
                      kByte);
  const Scene moving = MovingScene(4);
  for (const char* loop : {"true", "false"}) {
    ExpectEqualSurfaces(moving,
                        Trip(moving, "gltf", "morph.glb", Option("loop", loop)),
                        kMorphed, kMorphed + kUnit, 0, kByte);
  }
  ExpectEqualSurfaces(
      moving, Trip(moving, "gltf", "nodes.glb", Option("animation", "nodes")),
      0, kUnit, 0, kByte);
  const Scene changing = ChangingScene(3);
  ExpectEqualSurfaces(changing, Trip(changing, "gltf", "changing.glb"), 0,
                      kUnit, 0, kByte);
}

// Half of the steps that spz_io.h and gltf_splats_io.h name, and a little for
// the float that a step is computed in.
TEST_F(RoundTripTest, SpzRoundsAsItSays) {
  for (const char* version : {"3", "4"}) {
    const Scene scene = StaticScene();
    const Gaussians& a = scene.gaussians;
    const Gaussians b =
        Trip(scene, "spz", "still.spz", Option("version", version)).gaussians;
    EXPECT_LE(Distance(a.means, b.means), 0.5 / 4096 + 1e-7);
    EXPECT_LE(Distance(a.log_scales, b.log_scales), 0.5 / 16 + 1e-6);
    EXPECT_LE(Distance(a.opacity_logits.sigmoid(), b.opacity_logits.sigmoid()),
              0.5 / 255 + 1e-6);
    ASSERT_EQ(a.sh.sizes(), b.sh.sizes());
    // What is out of its range takes the end of it.
    const at::Tensor colours =
        a.sh.select(1, 0).clamp(-127.5 / 38.25, 127.5 / 38.25);
    EXPECT_LE(Distance(colours, b.sh.select(1, 0)), 0.5 / 38.25 + 1e-5);
  }
}

TEST_F(RoundTripTest, GltfSplatsKeepPlacesAndColours) {
  for (const Scene& scene : {StaticScene(), MovingScene(3)}) {
    const Scene read = Trip(scene, "gltf_splats", "splats.glb");
    EXPECT_TRUE(at::equal(scene.gaussians.sh, read.gaussians.sh));
    ASSERT_EQ(scene.gaussian_frames.size(), read.gaussian_frames.size());
    if (scene.gaussian_frames.empty()) {
      EXPECT_TRUE(at::equal(scene.gaussians.means, read.gaussians.means));
      continue;
    }
    EXPECT_TRUE(
        at::equal(scene.gaussian_frames.means, read.gaussian_frames.means));
    // Stored as a scale and an opacity: e^x rounds to 2^-24 of itself.
    EXPECT_LE(Distance(scene.gaussian_frames.log_scales,
                       read.gaussian_frames.log_scales),
              1e-6);
  }
}

}  // namespace
}  // namespace dg4d
