#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "dg4d/base/files.h"
#include "dg4d/core/exporter.h"
#include "dg4d/core/registry.h"
#include "dg4d/formats/image_io.h"
#include "dg4d/testing/exporter_test.h"
#include "dg4d/testing/sample_scenes.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using Json = nlohmann::json;

// A .glb file taken apart.
struct Glb {
  Json json;
  std::string binary;

  std::string View(int index) const {
    const Json& view = json["bufferViews"][index];
    return binary.substr(view["byteOffset"], view["byteLength"]);
  }
  // Floats [count, components].
  at::Tensor Floats(int index) const {
    const Json& accessor = json["accessors"][index];
    EXPECT_EQ(accessor["componentType"], 5126);
    const std::string type = accessor["type"];
    const int64_t components = type == "SCALAR" ? 1 : type == "VEC2" ? 2 : 3;
    std::string bytes = View(accessor["bufferView"]);
    return at::from_blob(bytes.data(),
                         {accessor["count"].get<int64_t>(), components},
                         at::kFloat)
        .clone();
  }
  // Integers that stand for numbers in [-1, 1], as such.
  template <typename Integer>
  at::Tensor Normalized(int index, int component_type) const {
    const Json& accessor = json["accessors"][index];
    EXPECT_EQ(accessor["componentType"], component_type);
    EXPECT_EQ(accessor["normalized"], true);
    const int64_t columns = accessor["type"] == "VEC2" ? 2 : 3;
    const int64_t count = accessor["count"];
    const int stride =
        json["bufferViews"][accessor["bufferView"].get<int>()]["byteStride"];
    EXPECT_EQ(stride % 4, 0);
    const std::string bytes = View(accessor["bufferView"]);
    at::Tensor values = at::empty({count, columns});
    for (int64_t i = 0; i < count; ++i) {
      for (int64_t c = 0; c < columns; ++c) {
        Integer value;
        std::memcpy(&value, bytes.data() + i * stride + c * sizeof(Integer),
                    sizeof(Integer));
        EXPECT_GE(value, accessor["min"][c].get<int>());
        EXPECT_LE(value, accessor["max"][c].get<int>());
        values[i][c] =
            static_cast<double>(value) / std::numeric_limits<Integer>::max();
      }
    }
    return values;
  }
  std::vector<int> Indices(int index) const {
    const Json& accessor = json["accessors"][index];
    EXPECT_EQ(accessor["componentType"], 5123);
    const std::string bytes = View(accessor["bufferView"]);
    std::vector<uint16_t> indices(accessor["count"].get<size_t>());
    std::memcpy(indices.data(), bytes.data(), bytes.size());
    return {indices.begin(), indices.end()};
  }
};

uint32_t NumberAt(const std::string& bytes, size_t offset) {
  uint32_t value;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

Glb TakeApart(const std::string& bytes) {
  EXPECT_EQ(bytes.substr(0, 4), "glTF");
  EXPECT_EQ(NumberAt(bytes, 4), 2u);
  EXPECT_EQ(NumberAt(bytes, 8), bytes.size());
  const uint32_t json_size = NumberAt(bytes, 12);
  EXPECT_EQ(bytes.substr(16, 4), "JSON");
  EXPECT_EQ(json_size % 4, 0u);
  const uint32_t binary_size = NumberAt(bytes, 20 + json_size);
  EXPECT_EQ(bytes.size(), 28 + json_size + binary_size);
  return {Json::parse(bytes.substr(20, json_size)),
          bytes.substr(28 + json_size)};
}

// Positions of the triangles' corners, [T, 3, 3], as `mesh` says.
at::Tensor Corners(const Mesh& mesh) {
  return mesh.vertices.index_select(0, mesh.triangles.view({-1}))
      .view({-1, 3, 3});
}

// The same from a file, with `positions` instead of its own.
at::Tensor Corners(const Glb& glb, const Json& primitive,
                   const at::Tensor& positions) {
  const std::vector<int> indices = glb.Indices(primitive["indices"]);
  const at::Tensor corners =
      positions.new_empty({static_cast<int64_t>(indices.size()), 3});
  for (size_t i = 0; i < indices.size(); ++i) {
    corners[i] = positions[indices[i]];
  }
  return corners.view({-1, 3, 3});
}

class GltfExporterTest : public ExporterTest {
 protected:
  GltfExporterTest() : ExporterTest("gltf", "gltf_exporter_test.glb") {}

  Glb ExportAndRead(const Scene& scene) {
    const absl::Status status = Export(scene);
    EXPECT_TRUE(status.ok()) << status;
    return TakeApart(ReadFile(path()).value());
  }
};

TEST_F(GltfExporterTest, HoldsAStaticMeshWithItsTexture) {
  const Scene scene = StaticScene();
  const Mesh& mesh = scene.meshes[0];
  const Glb glb = ExportAndRead(scene);
  EXPECT_FALSE(glb.json.contains("animations"));
  EXPECT_FALSE(glb.json.contains("extensionsUsed"));
  const Json& primitive = glb.json["meshes"][0]["primitives"][0];
  const Json& attributes = primitive["attributes"];
  const at::Tensor positions = glb.Floats(attributes["POSITION"]);
  EXPECT_TRUE(
      at::allclose(Corners(glb, primitive, positions), Corners(mesh), 0, 0));
  const std::vector<int> indices = glb.Indices(primitive["indices"]);
  const at::Tensor uvs = glb.Floats(attributes["TEXCOORD_0"]);
  const at::Tensor uv_corners = mesh.uv_triangles.view({-1});
  for (size_t i = 0; i < indices.size(); ++i) {
    EXPECT_TRUE(at::allclose(uvs[indices[i]],
                             mesh.uvs[uv_corners[i].item<int>()], 0, 0));
  }
  const Json& image = glb.json["images"][0];
  EXPECT_EQ(image["mimeType"], "image/png");
  const auto picture = DecodeImage(glb.View(image["bufferView"]), "texture");
  ASSERT_TRUE(picture.ok()) << picture.status();
  EXPECT_GT(Psnr(picture->pixels, mesh.albedo.pixels), 50);
}

TEST_F(GltfExporterTest, CarriesWhatIsKnownOfWhereItComesFrom) {
  Scene scene = StaticScene();
  const Json known = ExportAndRead(scene).json["asset"];
  EXPECT_EQ(known["extras"]["provenance"], ProvenanceJson(scene.provenance));
  scene.provenance = {};
  const Json unknown = ExportAndRead(scene).json["asset"];
  EXPECT_FALSE(unknown.contains("extras"));
  EXPECT_EQ(unknown["generator"], known["generator"]);
}

TEST_F(GltfExporterTest, BoundsEachAccessorByWhatItHolds) {
  const Glb glb = ExportAndRead(MovingScene());
  for (size_t i = 0; i < glb.json["accessors"].size(); ++i) {
    const Json& accessor = glb.json["accessors"][i];
    if (accessor["componentType"] != 5126) continue;
    const at::Tensor values = glb.Floats(i);
    for (int64_t c = 0; c < values.size(1); ++c) {
      EXPECT_EQ(accessor["min"][c].get<float>(),
                values.select(1, c).min().item<float>());
      EXPECT_EQ(accessor["max"][c].get<float>(),
                values.select(1, c).max().item<float>());
    }
  }
}

TEST_F(GltfExporterTest, MorphsIntoEveryFrameAndBack) {
  const Scene scene = MovingScene(5);
  const Glb glb = ExportAndRead(scene);
  const Json& mesh = glb.json["meshes"][0];
  const Json& primitive = mesh["primitives"][0];
  ASSERT_EQ(primitive["targets"].size(), 4u);
  EXPECT_EQ(mesh["weights"], Json({0, 0, 0, 0}));
  const at::Tensor base = glb.Floats(primitive["attributes"]["POSITION"]);
  const at::Tensor base_normals = glb.Floats(primitive["attributes"]["NORMAL"]);
  for (int frame = 1; frame < 5; ++frame) {
    const Json& target = primitive["targets"][frame - 1];
    EXPECT_TRUE(at::allclose(
        Corners(glb, primitive, base + glb.Floats(target["POSITION"])),
        Corners(scene.meshes[frame]), 0, 1e-6));
    const at::Tensor normals = base_normals + glb.Floats(target["NORMAL"]);
    EXPECT_LT((normals.square().sum(1) - 1).abs().max().item<float>(), 1e-5);
  }

  const Json& animation = glb.json["animations"][0];
  const Json& sampler = animation["samplers"][0];
  EXPECT_EQ(sampler["interpolation"], "LINEAR");
  const at::Tensor times = glb.Floats(sampler["input"]).view({-1});
  const at::Tensor weights = glb.Floats(sampler["output"]).view({6, 4});
  for (int key = 0; key < 6; ++key) {
    EXPECT_FLOAT_EQ(times[key].item<float>(), key / 8.0f);
    for (int target = 0; target < 4; ++target) {
      EXPECT_EQ(weights[key][target].item<float>(), key == target + 1);
    }
  }
}

TEST_F(GltfExporterTest, EndsOnTheLastFrameWithoutALoop) {
  Set("loop", "false");
  const Glb glb = ExportAndRead(MovingScene(5));
  const Json& sampler = glb.json["animations"][0]["samplers"][0];
  EXPECT_EQ(glb.Floats(sampler["input"]).size(0), 5);
  const at::Tensor weights = glb.Floats(sampler["output"]).view({5, 4});
  EXPECT_EQ(weights[4][3].item<float>(), 1);
}

TEST_F(GltfExporterTest, LeavesOutNormalsIfAsked) {
  Set("normals", "false");
  const Glb glb = ExportAndRead(MovingScene(2));
  const Json& primitive = glb.json["meshes"][0]["primitives"][0];
  EXPECT_FALSE(primitive["attributes"].contains("NORMAL"));
  EXPECT_FALSE(primitive["targets"][0].contains("NORMAL"));
}

// Which node is to be seen at each key of the animation.
void ExpectOneNodeAtATime(const Glb& glb, size_t frames) {
  const Json& animation = glb.json["animations"][0];
  ASSERT_EQ(animation["channels"].size(), frames);
  for (size_t frame = 0; frame < frames; ++frame) {
    const Json& channel = animation["channels"][frame];
    const Json& sampler = animation["samplers"][channel["sampler"].get<int>()];
    EXPECT_EQ(sampler["interpolation"], "STEP");
    EXPECT_EQ(channel["target"]["path"], "scale");
    const Json& node = glb.json["nodes"][channel["target"]["node"].get<int>()];
    EXPECT_EQ(node["mesh"], frame);
    EXPECT_EQ(node.contains("scale"), frame > 0);
    const at::Tensor scales = glb.Floats(sampler["output"]);
    ASSERT_EQ(scales.size(0), static_cast<int64_t>(frames) + 1);
    for (size_t key = 0; key <= frames; ++key) {
      const bool seen = std::min(key, frames - 1) == frame;
      EXPECT_EQ(scales[key].sum().item<float>(), seen ? 3 : 0);
    }
  }
}

TEST_F(GltfExporterTest, ShowsChangingMeshesInTurnAndHoldsTheLast) {
  const Scene scene = ChangingScene(4);
  const Glb glb = ExportAndRead(scene);
  ExpectOneNodeAtATime(glb, 4);
  EXPECT_EQ(glb.json["images"].size(), 4u);
  for (int frame = 0; frame < 4; ++frame) {
    const Json& primitive = glb.json["meshes"][frame]["primitives"][0];
    EXPECT_EQ(primitive["material"], frame);
    EXPECT_TRUE(
        at::allclose(Corners(glb, primitive,
                             glb.Floats(primitive["attributes"]["POSITION"])),
                     Corners(scene.meshes[frame]), 0, 0));
  }
}

TEST_F(GltfExporterTest, SharesWhatNodesHaveInCommon) {
  Set("animation", "nodes");
  const Glb glb = ExportAndRead(MovingScene(3));
  ExpectOneNodeAtATime(glb, 3);
  EXPECT_EQ(glb.json["images"].size(), 1u);
  EXPECT_EQ(glb.json["materials"].size(), 1u);
  const Json& first = glb.json["meshes"][0]["primitives"][0];
  const Json& last = glb.json["meshes"][2]["primitives"][0];
  EXPECT_EQ(first["indices"], last["indices"]);
  EXPECT_EQ(first["attributes"]["TEXCOORD_0"],
            last["attributes"]["TEXCOORD_0"]);
  EXPECT_NE(first["attributes"]["POSITION"], last["attributes"]["POSITION"]);
}

TEST_F(GltfExporterTest, TexturesOnlyTheFramesThatHaveATexture) {
  Scene scene = MovingScene(3);
  scene.meshes[0].albedo = Image();
  const Glb glb = ExportAndRead(scene);
  for (int frame = 0; frame < 3; ++frame) {
    const Json& primitive = glb.json["meshes"][frame]["primitives"][0];
    EXPECT_EQ(primitive["attributes"].contains("TEXCOORD_0"), frame > 0);
    const int material = primitive["material"];
    EXPECT_EQ(glb.json["materials"][material]["pbrMetallicRoughness"].contains(
                  "baseColorTexture"),
              frame > 0);
  }
}

TEST_F(GltfExporterTest, ShowsBothSidesOfAnOpenSurfaceOnly) {
  Scene scene = StaticScene();
  EXPECT_FALSE(
      ExportAndRead(scene).json["materials"][0].contains("doubleSided"));
  Mesh& mesh = scene.meshes[0];
  mesh.triangles = mesh.triangles.narrow(0, 1, mesh.triangle_count() - 1);
  mesh.uv_triangles = mesh.uv_triangles.narrow(0, 0, mesh.triangle_count());
  EXPECT_EQ(ExportAndRead(scene).json["materials"][0]["doubleSided"], true);
}

TEST_F(GltfExporterTest, DeclaresTheExtensionOfAnUnlitMaterial) {
  Set("unlit", "true");
  const Glb glb = ExportAndRead(StaticScene());
  EXPECT_EQ(glb.json["extensionsUsed"], Json({"KHR_materials_unlit"}));
  EXPECT_TRUE(
      glb.json["materials"][0]["extensions"].contains("KHR_materials_unlit"));
}

TEST_F(GltfExporterTest, CompressesTheTextureAsJpegIfAsked) {
  Set("texture", "jpeg");
  const Scene scene = StaticScene();
  const Glb glb = ExportAndRead(scene);
  const Json& image = glb.json["images"][0];
  EXPECT_EQ(image["mimeType"], "image/jpeg");
  const auto picture = DecodeImage(glb.View(image["bufferView"]), "texture");
  ASSERT_TRUE(picture.ok()) << picture.status();
  EXPECT_GT(Psnr(picture->pixels, scene.meshes[0].albedo.pixels), 25);
}

TEST_F(GltfExporterTest, RefusesToMorphBetweenTopologies) {
  Set("animation", "morph");
  const absl::Status status = Export(ChangingScene());
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(status.message(), "'nodes'")) << status;
}

TEST_F(GltfExporterTest, RefusesMoreTargetsThanProgramsShow) {
  Scene scene = StaticScene();
  scene.meshes.assign(257, scene.meshes[0]);
  const absl::Status status = Export(scene);
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_TRUE(absl::StrContains(status.message(), "257 frames")) << status;
}

TEST_F(GltfExporterTest, WarnsOfMoreTargetsThanPhonesShow) {
  class Listener final : public RunObserver {
   public:
    void Warning(absl::string_view, absl::string_view message) override {
      warnings.emplace_back(message);
    }
    std::vector<std::string> warnings;
  } listener;
  RunContext context({.observers = {&listener}});
  const auto exporter = Registry<Exporter>::Create("gltf").value();
  Scene scene = StaticScene();
  scene.meshes.assign(129, scene.meshes[0]);
  ASSERT_TRUE(exporter->Export(scene, path(), context).ok());
  EXPECT_TRUE(listener.warnings.empty());
  scene.meshes.push_back(scene.meshes[0]);
  ASSERT_TRUE(exporter->Export(scene, path(), context).ok());
  ASSERT_EQ(listener.warnings.size(), 1u);
  EXPECT_TRUE(absl::StrContains(listener.warnings[0], "129"));
}

TEST_F(GltfExporterTest, RefusesABrokenMeshAndNamesItsFrame) {
  Scene scene = MovingScene();
  scene.meshes[3].vertices = scene.meshes[3].vertices / 0.0;
  const absl::Status status = Export(scene);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(status.message(), "frame 3")) << status;
}

// The world's positions of a mesh whose node is `node`.
at::Tensor Placed(const Json& node, const at::Tensor& positions) {
  at::Tensor placed = positions * node["scale"][0].get<double>();
  for (int c = 0; c < 3; ++c) {
    placed.select(1, c) += node["translation"][c].get<double>();
  }
  return placed;
}

TEST_F(GltfExporterTest, RoundsNoFurtherThanItSays) {
  Set("quantize", "true");
  const Scene scene = MovingScene();
  const Glb glb = ExportAndRead(scene);
  EXPECT_EQ(glb.json["extensionsRequired"], Json({"KHR_mesh_quantization"}));
  EXPECT_EQ(glb.json["extensionsUsed"], Json({"KHR_mesh_quantization"}));
  const Json& node = glb.json["nodes"][0];
  // Half a step, and what float32 loses.
  const double bound = 0.5 * node["scale"][0].get<double>() / 32767 + 2e-7;
  const Json& primitive = glb.json["meshes"][0]["primitives"][0];
  const Json& attributes = primitive["attributes"];
  const at::Tensor base = glb.Normalized<int16_t>(attributes["POSITION"], 5122);
  const at::Tensor normals = glb.Normalized<int8_t>(attributes["NORMAL"], 5120);
  for (size_t frame = 0; frame < scene.meshes.size(); ++frame) {
    at::Tensor positions = base, shown_normals = normals;
    if (frame > 0) {
      const Json& target = primitive["targets"][frame - 1];
      positions = base + glb.Normalized<int16_t>(target["POSITION"], 5122);
      shown_normals = normals + glb.Normalized<int8_t>(target["NORMAL"], 5120);
    }
    EXPECT_TRUE(at::allclose(Corners(glb, primitive, Placed(node, positions)),
                             Corners(scene.meshes[frame]), 0, bound))
        << frame;
    Mesh mesh = scene.meshes[frame];
    mesh.vertices = VertexNormals(mesh.vertices, mesh.triangles);
    EXPECT_TRUE(at::allclose(Corners(glb, primitive, shown_normals),
                             Corners(mesh), 0, 0.5 / 127 + 1e-6))
        << frame;
  }
  const at::Tensor uvs =
      glb.Normalized<uint16_t>(attributes["TEXCOORD_0"], 5123);
  EXPECT_LE(uvs.max().item<float>(), 1);
}

TEST_F(GltfExporterTest, PlacesRoundedFramesByTheNodeAboveThem) {
  Set("quantize", "true");
  const Scene scene = ChangingScene();
  const Glb glb = ExportAndRead(scene);
  const Json& root = glb.json["nodes"][0];
  const double bound = 0.5 * root["scale"][0].get<double>() / 32767 + 2e-7;
  for (size_t frame = 0; frame < scene.meshes.size(); ++frame) {
    const Json& node = glb.json["nodes"][frame + 1];
    EXPECT_FALSE(node.contains("translation"));
    const Json& primitive =
        glb.json["meshes"][node["mesh"].get<int>()]["primitives"][0];
    const at::Tensor positions =
        glb.Normalized<int16_t>(primitive["attributes"]["POSITION"], 5122);
    EXPECT_TRUE(at::allclose(Corners(glb, primitive, Placed(root, positions)),
                             Corners(scene.meshes[frame]), 0, bound));
  }
}

TEST_F(GltfExporterTest, KeepsWhatCannotBeRounded) {
  Set("quantize", "true");
  Scene scene = MovingScene(2);
  Mesh& mesh = scene.meshes[1];
  mesh.normals = -VertexNormals(scene.meshes[0].vertices, mesh.triangles);
  for (Mesh& each : scene.meshes) each.uvs = each.uvs * 3;
  const Glb glb = ExportAndRead(scene);
  const Json& primitive = glb.json["meshes"][0]["primitives"][0];
  const at::Tensor normals =
      glb.Normalized<int8_t>(primitive["attributes"]["NORMAL"], 5120) +
      glb.Floats(primitive["targets"][0]["NORMAL"]);
  mesh.vertices = mesh.normals;
  EXPECT_TRUE(
      at::allclose(Corners(glb, primitive, normals), Corners(mesh), 0, 1e-6));
  EXPECT_NEAR(
      glb.Floats(primitive["attributes"]["TEXCOORD_0"]).max().item<float>(), 3,
      1e-6);
}

}  // namespace
}  // namespace dg4d
