#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "dg4d/base/files.h"
#include "dg4d/formats/image_io.h"
#include "dg4d/testing/exporter_test.h"
#include "dg4d/testing/sample_scenes.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

namespace fs = std::filesystem;

// The lines of an OBJ or MTL file by their first word.
std::map<std::string, std::vector<std::vector<std::string>>> Parse(
    const std::string& path) {
  std::map<std::string, std::vector<std::vector<std::string>>> lines;
  const auto text = ReadFile(path);
  EXPECT_TRUE(text.ok()) << text.status();
  if (!text.ok()) return lines;
  for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
    std::vector<std::string> words =
        absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (words.empty()) continue;
    const std::string keyword = words[0];
    words.erase(words.begin());
    lines[keyword].push_back(std::move(words));
  }
  return lines;
}

float Float(const std::string& word) {
  float value = 0;
  EXPECT_TRUE(absl::SimpleAtof(word, &value)) << word;
  return value;
}

class ObjExporterTest : public ExporterTest {
 protected:
  ObjExporterTest() : ExporterTest("obj", "obj_exporter_test") {}
};

TEST_F(ObjExporterTest, WritesEveryCornerExactlyWithVUpwards) {
  const Scene scene = MovingScene(3);
  ASSERT_TRUE(Export(scene).ok());
  const Mesh& mesh = scene.meshes[1];
  auto lines = Parse(File("mesh_0002.obj"));
  ASSERT_EQ(static_cast<int64_t>(lines["f"].size()), mesh.triangle_count());
  for (int64_t t = 0; t < mesh.triangle_count(); ++t) {
    for (int corner = 0; corner < 3; ++corner) {
      const std::vector<std::string> indices =
          absl::StrSplit(lines["f"][t][corner], '/');
      ASSERT_EQ(indices.size(), 3u);
      EXPECT_EQ(indices[0], indices[2]);
      const auto& v = lines["v"][std::stoi(indices[0]) - 1];
      const auto& vt = lines["vt"][std::stoi(indices[1]) - 1];
      const at::Tensor vertex =
          mesh.vertices[mesh.triangles[t][corner].item<int>()];
      const at::Tensor uv = mesh.uvs[mesh.uv_triangles[t][corner].item<int>()];
      for (int c = 0; c < 3; ++c) {
        EXPECT_EQ(Float(v[c]), vertex[c].item<float>());
      }
      EXPECT_EQ(Float(vt[0]), uv[0].item<float>());
      EXPECT_EQ(Float(vt[1]), 1 - uv[1].item<float>());
    }
  }
}

TEST_F(ObjExporterTest, GivesEachFrameItsObjectMaterialAndPicture) {
  const Scene scene = ChangingScene(2);
  ASSERT_TRUE(Export(scene).ok());
  for (const int frame : {0, 1}) {
    const std::string name = absl::StrCat("mesh_000", frame + 1);
    auto object = Parse(File(name + ".obj"));
    ASSERT_EQ(object["o"].size(), 1u);
    EXPECT_EQ(object["o"][0][0], name);
    EXPECT_EQ(object["mtllib"][0][0], name + ".mtl");
    EXPECT_EQ(object["usemtl"][0][0], name);
    auto material = Parse(File(name + ".mtl"));
    EXPECT_EQ(material["newmtl"][0][0], name);
    EXPECT_EQ(material["map_Kd"][0][0], name + ".png");
    EXPECT_EQ(material.count("Tr"), 0u);
    const auto picture = ReadImage(File(name + ".png"));
    ASSERT_TRUE(picture.ok()) << picture.status();
    EXPECT_GT(Psnr(picture->pixels, scene.meshes[frame].albedo.pixels), 50);
  }
}

TEST_F(ObjExporterTest, NamesNoUnusedVertex) {
  Scene scene = StaticScene();
  Mesh& mesh = scene.meshes[0];
  const int64_t used = mesh.vertex_count();
  mesh.vertices = at::cat({at::zeros({2, 3}), mesh.vertices});
  mesh.triangles = (mesh.triangles + 2).to(at::kInt);
  ASSERT_TRUE(Export(scene).ok());
  auto lines = Parse(File("mesh_0001.obj"));
  EXPECT_EQ(static_cast<int64_t>(lines["v"].size()), used);
  EXPECT_EQ(lines["v"].size(), lines["vn"].size());
  EXPECT_EQ(Float(lines["v"][0][1]), mesh.vertices[2][1].item<float>());
}

TEST_F(ObjExporterTest, WritesAMeshWithoutTexture) {
  Scene scene = StaticScene();
  scene.meshes[0].uvs = at::Tensor();
  scene.meshes[0].uv_triangles = at::Tensor();
  scene.meshes[0].albedo = Image();
  ASSERT_TRUE(Export(scene).ok());
  EXPECT_EQ(Names(), std::set<std::string>({"mesh_0001.obj", "mesh_0001.mtl",
                                            "import_sequence.py"}));
  auto lines = Parse(File("mesh_0001.obj"));
  EXPECT_TRUE(absl::StrContains(lines["f"][0][0], "//"));
  EXPECT_EQ(Parse(File("mesh_0001.mtl")).count("map_Kd"), 0u);
}

TEST_F(ObjExporterTest, WritesEqualTexturesOnceIfAsked) {
  Set("share_texture", "true");
  ASSERT_TRUE(Export(MovingScene(3)).ok());
  EXPECT_EQ(Names().count("mesh_0001.png"), 1u);
  EXPECT_EQ(Names().count("mesh_0002.png"), 0u);
  EXPECT_EQ(Parse(File("mesh_0003.mtl"))["map_Kd"][0][0], "mesh_0001.png");
}

TEST_F(ObjExporterTest, TellsTheImportScriptNameAndRate) {
  Set("name", "cat");
  ASSERT_TRUE(Export(MovingScene(3)).ok());
  const std::string script = ReadFile(File("import_sequence.py")).value();
  EXPECT_TRUE(absl::StrContains(script, "\nNAME = \"cat\"\n"));
  EXPECT_TRUE(absl::StrContains(script, "\nFRAMES_PER_SECOND = 8\n"));
}

TEST_F(ObjExporterTest, ClearsTheTailOfALongerSequenceOfItsName) {
  ASSERT_TRUE(Export(MovingScene(3)).ok());
  for (const char* other : {"mesh_notes.obj", "cat_0003.obj"}) {
    ASSERT_TRUE(WriteFileAtomically(File(other), "mine").ok());
  }
  ASSERT_TRUE(Export(StaticScene()).ok());
  EXPECT_EQ(Names(),
            std::set<std::string>({"mesh_0001.obj", "mesh_0001.mtl",
                                   "mesh_0001.png", "import_sequence.py",
                                   "mesh_notes.obj", "cat_0003.obj"}));
}

TEST_F(ObjExporterTest, RefusesNamesThatObjCannotQuote) {
  for (const char* name : {"", "my cat", "a/b", "a.b"}) {
    Set("name", name);
    EXPECT_EQ(Export(StaticScene()).code(), absl::StatusCode::kInvalidArgument)
        << name;
  }
}

TEST_F(ObjExporterTest, RefusesABrokenMeshAndLeavesNothing) {
  Scene scene = MovingScene(3);
  scene.meshes[2].triangles = (scene.meshes[2].triangles + 1).to(at::kInt);
  const absl::Status status = Export(scene);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(status.message(), "frame 2")) << status;
  EXPECT_FALSE(fs::exists(path()));
}

TEST_F(ObjExporterTest, AsksForAFolder) {
  set_path(path() + ".obj");
  EXPECT_EQ(Export(StaticScene()).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace dg4d
