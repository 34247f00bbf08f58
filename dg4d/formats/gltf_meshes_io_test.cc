#include "dg4d/formats/gltf_meshes_io.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "dg4d/formats/image_io.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using Json = nlohmann::json;

constexpr int kByte = 5120, kUByte = 5121, kShort = 5122, kUShort = 5123,
              kFloat = 5126;

void AppendLittleEndian(uint32_t value, std::string& bytes) {
  for (int i = 0; i < 4; ++i) bytes.push_back(value >> (8 * i));
}

// A file in the making, piece by piece, so that pieces may lie.
struct Glb {
  Json json = {{"asset", {{"version", "2.0"}}},
               {"scene", 0},
               {"scenes", {{{"nodes", {0}}}}},
               {"nodes", {{{"mesh", 0}}}}};
  std::string binary;

  template <typename T>
  int View(const std::vector<T>& numbers, int stride = 0) {
    binary.resize((binary.size() + 3) / 4 * 4);
    const size_t offset = binary.size();
    binary.append(reinterpret_cast<const char*>(numbers.data()),
                  numbers.size() * sizeof(T));
    Json view = {{"buffer", 0},
                 {"byteOffset", offset},
                 {"byteLength", numbers.size() * sizeof(T)}};
    if (stride > 0) view["byteStride"] = stride;
    json["bufferViews"].push_back(view);
    return json["bufferViews"].size() - 1;
  }
  int Accessor(int view, int type, const char* shape, int count) {
    json["accessors"].push_back({{"bufferView", view},
                                 {"componentType", type},
                                 {"type", shape},
                                 {"count", count}});
    return json["accessors"].size() - 1;
  }
  int Floats(const std::vector<float>& numbers, const char* shape, int count) {
    return Accessor(View(numbers), kFloat, shape, count);
  }
  // One triangle, or a strip of it and another.
  void AddTriangle() {
    const int positions = Floats({0, 0, 0, 1, 0, 0, 0, 1, 0}, "VEC3", 3);
    json["meshes"].push_back(
        {{"primitives", {{{"attributes", {{"POSITION", positions}}}}}}});
  }
  Json& primitive() { return json["meshes"][0]["primitives"][0]; }
  // Moves `path` of node 0 by `keys` at 0 s, 1 s, ...
  void Animate(const char* path, const std::vector<float>& keys, int width,
               const char* shape, const char* interpolation = "LINEAR",
               int a_key = 1) {
    const int count = keys.size() / width / a_key;
    std::vector<float> times;
    for (int i = 0; i < count; ++i) times.push_back(i);
    const int input = Floats(times, "SCALAR", count);
    const bool scalar = std::string(shape) == "SCALAR";
    const int output =
        Floats(keys, shape, scalar ? keys.size() : keys.size() / width);
    Json& animation = json["animations"][0];
    animation["channels"].push_back(
        {{"sampler", animation["samplers"].size()},
         {"target", {{"node", 0}, {"path", path}}}});
    animation["samplers"].push_back({{"input", input},
                                     {"output", output},
                                     {"interpolation", interpolation}});
  }

  std::string Bytes() const {
    Json whole = json;
    whole["buffers"] = {{{"byteLength", binary.size()}}};
    std::string text = whole.dump(), body = binary, bytes = "glTF";
    text.resize((text.size() + 3) / 4 * 4, ' ');
    body.resize((body.size() + 3) / 4 * 4);
    AppendLittleEndian(2, bytes);
    AppendLittleEndian(28 + text.size() + body.size(), bytes);
    AppendLittleEndian(text.size(), bytes);
    bytes += "JSON" + text;
    AppendLittleEndian(body.size(), bytes);
    bytes += std::string("BIN\0", 4) + body;
    return bytes;
  }
};

GltfMeshes Decode(const Glb& glb, const GltfMeshesOptions& options = {}) {
  auto read = DecodeGltfMeshes(glb.Bytes(), "cat.glb", options);
  EXPECT_TRUE(read.ok()) << read.status();
  return read.ok() ? *std::move(read) : GltfMeshes{.meshes = {{}}};
}

void ExpectVertices(const Mesh& mesh, const std::vector<float>& expected) {
  const at::Tensor wanted = at::tensor(expected).view({-1, 3});
  ASSERT_EQ(mesh.vertices.sizes(), wanted.sizes());
  EXPECT_TRUE(at::allclose(mesh.vertices, wanted, 0, 1e-6)) << mesh.vertices;
}

void ExpectRefused(const Glb& glb, const std::string& word) {
  const auto read = DecodeGltfMeshes(glb.Bytes(), "cat.glb");
  ASSERT_FALSE(read.ok()) << word;
  EXPECT_TRUE(absl::IsInvalidArgument(read.status())) << read.status();
  EXPECT_TRUE(absl::StrContains(read.status().message(), "cat.glb"));
  EXPECT_TRUE(absl::StrContains(read.status().message(), word))
      << read.status() << " does not say " << word;
}

TEST(GltfMeshes, PutsMeshesWhereNodesAre) {
  Glb glb;
  glb.AddTriangle();
  glb.json["nodes"] = {{{"children", {1}}, {"translation", {1, 0, 0}}},
                       {{"mesh", 0},
                        {"rotation", {0, 0, 0.70710678, 0.70710678}},
                        {"scale", {2, 2, 2}}}};
  ExpectVertices(Decode(glb).meshes[0], {1, 0, 0, 1, 2, 0, -1, 0, 0});
  glb.json["nodes"][1] = {
      {"mesh", 0},
      {"matrix", {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, -1, 0, 0, 0, 3, 1}}};
  const Mesh mirrored = Decode(glb).meshes[0];
  ExpectVertices(mirrored, {1, 0, 3, 2, 0, 3, 1, 1, 3});
  // What was outside stays outside.
  EXPECT_TRUE(at::equal(mirrored.triangles,
                        at::tensor({2, 1, 0}, at::kInt).view({1, 3})));
}

TEST(GltfMeshes, ReadsQuantisedNumbers) {
  Glb glb;
  // Normalised 16-bit positions, 8 bytes apart; a scale of 2 on the node.
  const int positions = glb.Accessor(
      glb.View(
          std::vector<int16_t>{0, 0, 0, 0, 32767, 0, 0, 0, 0, -32768, 16384, 0},
          8),
      kShort, "VEC3", 3);
  glb.json["accessors"][positions]["normalized"] = true;
  const int normals = glb.Accessor(
      glb.View(std::vector<int8_t>{0, 0, 127, 0, 0, 0, 127, 0, 0, 0, 127, 0},
               4),
      kByte, "VEC3", 3);
  glb.json["accessors"][normals]["normalized"] = true;
  const int uvs = glb.Accessor(
      glb.View(std::vector<uint16_t>{0, 0, 100, 0, 0, 50}), kUShort, "VEC2", 3);
  const int indices = glb.Accessor(glb.View(std::vector<uint8_t>{0, 1, 2}),
                                   kUByte, "SCALAR", 3);
  glb.json["meshes"] = {
      {{"primitives",
        {{{"attributes",
           {{"POSITION", positions}, {"NORMAL", normals}, {"TEXCOORD_0", uvs}}},
          {"indices", indices},
          {"material", 0}}}}}};
  const auto png = EncodePng({at::full({2, 2, 4}, 0.5f)});
  ASSERT_TRUE(png.ok());
  const int view = glb.View(std::vector<char>(png->begin(), png->end()));
  glb.json["images"] = {{{"bufferView", view}, {"mimeType", "image/png"}}};
  glb.json["textures"] = {{{"source", 0}}};
  glb.json["materials"] = {
      {{"pbrMetallicRoughness",
        {{"baseColorTexture",
          {{"index", 0},
           {"extensions",
            {{"KHR_texture_transform",
              {{"scale", {0.01, 0.01}}, {"offset", {0, 0.25}}}}}}}}}}}};
  glb.json["nodes"][0]["scale"] = {2, 2, 2};
  glb.json["extensionsRequired"] = {"KHR_mesh_quantization",
                                    "KHR_texture_transform"};
  const GltfMeshes read = Decode(glb);
  const Mesh& mesh = read.meshes[0];
  ExpectVertices(mesh, {0, 0, 0, 2, 0, 0, 0, -2, 2 * 16384 / 32767.0f});
  EXPECT_TRUE(at::allclose(
      mesh.uvs,
      at::tensor({0.0f, 0.25f, 1.0f, 0.25f, 0.0f, 0.75f}).view({3, 2}), 0,
      1e-6));
  EXPECT_TRUE(at::allclose(mesh.normals[1], at::tensor({0.0f, 0.0f, 1.0f})));
  EXPECT_TRUE(mesh.textured());
  EXPECT_EQ(mesh.albedo.channels(), 3);
  EXPECT_TRUE(read.notes.empty());
  EXPECT_FALSE(Decode(glb, {.textures = false}).meshes[0].textured());
}

TEST(GltfMeshes, MovesSparseTargets) {
  Glb glb;
  glb.AddTriangle();
  // A target whose third vertex alone moves.
  const int indices = glb.View(std::vector<uint16_t>{2});
  const int values = glb.View(std::vector<float>{0, 2, 0});
  glb.json["accessors"].push_back(
      {{"componentType", kFloat},
       {"type", "VEC3"},
       {"count", 3},
       {"sparse",
        {{"count", 1},
         {"indices", {{"bufferView", indices}, {"componentType", kUShort}}},
         {"values", {{"bufferView", values}}}}}});
  glb.primitive()["targets"] = {{{"POSITION", 1}}};
  glb.Animate("weights", {0, 1, 0.5}, 1, "SCALAR");
  const GltfMeshes read = Decode(glb);
  ASSERT_EQ(read.meshes.size(), 3);
  EXPECT_EQ(read.fps, 1);
  ExpectVertices(read.meshes[0], {0, 0, 0, 1, 0, 0, 0, 1, 0});
  ExpectVertices(read.meshes[1], {0, 0, 0, 1, 0, 0, 0, 3, 0});
  ExpectVertices(read.meshes[2], {0, 0, 0, 1, 0, 0, 0, 2, 0});
  EXPECT_TRUE(read.meshes[2].triangles.is_same(read.meshes[0].triangles));
  // At another rate, and the way back to the start is no frame of its own.
  EXPECT_EQ(Decode(glb, {.fps = 4}).meshes.size(), 9);
  glb.json["animations"].clear();
  glb.Animate("weights", {0, 1, 0}, 1, "SCALAR");
  EXPECT_EQ(Decode(glb).meshes.size(), 2);
  glb.json["accessors"][1]["sparse"]["count"] = 2;
  ExpectRefused(glb, "ends beyond");
}

TEST(GltfMeshes, TurnsAndInterpolates) {
  Glb glb;
  glb.AddTriangle();
  glb.Animate("rotation", {0, 0, 0, 1, 0, 0, 1, 0}, 4, "VEC4");  // half a turn
  const GltfMeshes turned = Decode(glb, {.fps = 2});
  ASSERT_EQ(turned.meshes.size(), 3);
  ExpectVertices(turned.meshes[1], {0, 0, 0, 0, 1, 0, -1, 0, 0});
  glb.json["animations"].clear();
  // In tangent, value, out tangent: the spline x = t^2 between 0 and 1.
  glb.Animate("translation",
              {0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0, 0, 0}, 3, "VEC3",
              "CUBICSPLINE", 3);
  const GltfMeshes moved = Decode(glb, {.fps = 2});
  ASSERT_EQ(moved.meshes.size(), 3);
  ExpectVertices(moved.meshes[1], {0.25, 0, 0, 1.25, 0, 0, 0.25, 1, 0});
}

TEST(GltfMeshes, ShowsNodesInTurn) {
  Glb glb;
  glb.AddTriangle();
  glb.json["meshes"].push_back(glb.json["meshes"][0]);
  glb.json["scenes"][0]["nodes"] = {0, 1};
  glb.json["nodes"].push_back({{"mesh", 1}, {"translation", {0, 0, 5}}});
  glb.Animate("scale", {1, 1, 1, 0, 0, 0, 0, 0, 0}, 3, "VEC3", "STEP");
  glb.Animate("scale", {0, 0, 0, 1, 1, 1, 1, 1, 1}, 3, "VEC3", "STEP");
  glb.json["animations"][0]["channels"][1]["target"]["node"] = 1;
  const GltfMeshes read = Decode(glb);
  ASSERT_EQ(read.meshes.size(), 2);  // the last key holds
  ExpectVertices(read.meshes[0], {0, 0, 0, 1, 0, 0, 0, 1, 0});
  ExpectVertices(read.meshes[1], {0, 0, 5, 1, 0, 5, 0, 1, 5});
  EXPECT_EQ(Decode(glb, {.fps = 2}).meshes.size(), 4);
}

TEST(GltfMeshes, ReadsStripsAndJoinsPoints) {
  Glb glb;
  const int positions =
      glb.Floats({0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1, 0, -0.0f, 0, 0}, "VEC3", 5);
  glb.json["meshes"] = {
      {{"primitives",
        {{{"attributes", {{"POSITION", positions}}}, {"mode", 5}},
         {{"attributes", {{"POSITION", positions}}}, {"mode", 0}}}}}};
  const GltfMeshes read = Decode(glb);
  EXPECT_TRUE(at::equal(
      read.meshes[0].triangles,
      at::tensor({0, 1, 2, 2, 1, 3, 2, 3, 0}, at::kInt).view({3, 3})));
  EXPECT_EQ(read.meshes[0].vertex_count(), 4);
  EXPECT_EQ(read.notes.size(), 1);  // the points
}

TEST(GltfMeshes, RefusesWhatContradictsItself) {
  const auto changed = [](auto change) {
    Glb glb;
    glb.AddTriangle();
    change(glb);
    return glb;
  };
  ExpectRefused(changed([](Glb& g) { g.json["nodes"][0]["mesh"] = 1; }),
                "mesh that is not there");
  ExpectRefused(changed([](Glb& g) { g.json["nodes"][0]["children"] = {0}; }),
                "node 0 is in the scene twice");
  ExpectRefused(changed([](Glb& g) { g.json["scenes"][0]["nodes"] = {7}; }),
                "node 7 is not there");
  ExpectRefused(changed([](Glb& g) { g.json["nodes"][0]["skin"] = 0; }),
                "bones");
  ExpectRefused(changed([](Glb& g) {
                  g.json["nodes"][0]["scale"] = {1, 2};
                }),
                "transform");
  ExpectRefused(changed([](Glb& g) { g.json["accessors"][0]["count"] = 4; }),
                "accessor 0 ends beyond");
  ExpectRefused(
      changed([](Glb& g) { g.json["accessors"][0]["count"] = 1000000000000; }),
      "too long");
  ExpectRefused(changed([](Glb& g) {
                  g.primitive()["indices"] =
                      g.Accessor(g.View(std::vector<uint16_t>{0, 1, 3}),
                                 kUShort, "SCALAR", 3);
                }),
                "names vertex 3 of 3");
  ExpectRefused(changed([](Glb& g) {
                  g.primitive()["targets"] = {{{"POSITION", 0}}};
                  g.json["nodes"][0]["weights"] = {1, 2};
                }),
                "weights that do not fit");
  ExpectRefused(
      changed([](Glb& g) {
        g.primitive()["attributes"]["POSITION"] = g.Floats(
            {0, 0, 0, 1, 0, 0, 0, 1, std::numeric_limits<float>::quiet_NaN()},
            "VEC3", 3);
      }),
      "not finite");
  ExpectRefused(changed([](Glb& g) {
                  g.json["extensionsRequired"] = {"KHR_draco_mesh_compression"};
                }),
                "KHR_draco_mesh_compression");
  ExpectRefused(changed([](Glb& g) {
                  g.Animate("translation", {0, 0, 0, 1, 0, 0}, 3, "VEC3");
                  g.json["accessors"][1]["count"] = 1;
                }),
                "one value for each key");
  ExpectRefused(changed([](Glb& g) {
                  g.Animate("translation", {0, 0, 0, 1, 0, 0}, 3, "VEC3");
                  g.json["animations"][0]["samplers"][0]["input"] =
                      g.Floats({1, 1}, "SCALAR", 2);
                }),
                "do not increase");
  ExpectRefused(changed([](Glb& g) { g.json["meshes"][0].clear(); }),
                "no primitives");
  ExpectRefused(changed([](Glb& g) { g.json.erase("scenes"); }), "no scene");
}

TEST(GltfMeshes, RefusesTwoTexturesAtOnce) {
  Glb glb;
  const int positions = glb.Floats({0, 0, 0, 1, 0, 0, 0, 1, 0}, "VEC3", 3);
  const int uvs = glb.Floats({0, 0, 1, 0, 0, 1}, "VEC2", 3);
  const auto primitive = [&](int material) -> Json {
    return {{"attributes", {{"POSITION", positions}, {"TEXCOORD_0", uvs}}},
            {"material", material}};
  };
  const auto material = [](int texture) -> Json {
    return {
        {"pbrMetallicRoughness", {{"baseColorTexture", {{"index", texture}}}}}};
  };
  glb.json["meshes"] = {{{"primitives", {primitive(0), primitive(1)}}}};
  glb.json["materials"] = {material(0), material(1)};
  glb.json["textures"] = {{{"source", 0}}, {{"source", 1}}};
  ExpectRefused(glb, "2 textures");
}

TEST(GltfMeshes, RefusesWhatWouldFillTheMemory) {
  Glb glb;
  glb.AddTriangle();
  // Zeros that take no bytes, many times.
  glb.json["accessors"].push_back(
      {{"componentType", kFloat}, {"type", "VEC3"}, {"count", 3000000}});
  glb.json["meshes"] = {{{"primitives", Json::array()}}};
  for (int i = 0; i < 8; ++i) {
    glb.json["meshes"][0]["primitives"].push_back(
        {{"attributes", {{"POSITION", 1}}}});
  }
  ExpectRefused(glb, "than it has bytes");
}

}  // namespace
}  // namespace dg4d
