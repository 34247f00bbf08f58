#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>

#include <filesystem>
#include <string>

#include "dg4d/core/config.h"
#include "dg4d/core/exporter.h"
#include "dg4d/core/registry.h"
#include "dg4d/scene/import_scene.h"
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

// Eight bits a channel, rounded.
constexpr double kByte = 0.5 / 255 + 1e-7;
// 1 - v twice, rounded to floats below 1 each time.
constexpr double kFlipped = 2 * 0x1p-25;

TEST_F(RoundTripTest, PlyKeepsEveryBit) {
  fps_ = 9;
  for (const char* up : {"-y", "+y"}) {
    const Scene scene = MovingScene(4);
    const ConfigNode options = [up] {
      ConfigNode node;
      node["up"] = ConfigNode::Scalar(up);
      return node;
    }();
    const Scene read = Trip(scene, "ply", "gaussians", options);
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
  fps_ = 9;
  for (const Scene& scene : {StaticScene(), MovingScene(3), ChangingScene(3)}) {
    const Scene read = Trip(scene, "obj", "meshes");
    ExpectEqualSurfaces(scene, read, 0, 0, kFlipped, kByte);
    const Scene again = Trip(read, "obj", "meshes");
    ExpectEqualSurfaces(read, again, 0, 0, 0, 0);
  }
}

}  // namespace
}  // namespace dg4d
