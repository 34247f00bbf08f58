#include "dg4d/formats/obj_io.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dg4d/base/files.h"
#include "dg4d/formats/image_io.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using Files = std::map<std::string, std::string>;

absl::StatusOr<ObjMesh> Decode(const std::string& text,
                               const Files& files = {}) {
  return DecodeObj(
      text, "cat.obj",
      [&files](const std::string& name) -> absl::StatusOr<std::string> {
        const auto found = files.find(name);
        if (found == files.end()) return absl::NotFoundError("no " + name);
        return found->second;
      });
}

constexpr char kSquare[] = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n";

void ExpectRefused(const std::string& text,
                   const std::vector<std::string>& words,
                   const Files& files = {}) {
  const auto obj = Decode(text, files);
  ASSERT_FALSE(obj.ok()) << text;
  EXPECT_TRUE(absl::IsInvalidArgument(obj.status()));
  for (const std::string& word : words) {
    EXPECT_TRUE(absl::StrContains(obj.status().message(), word))
        << obj.status() << " does not say " << word;
  }
}

TEST(Obj, CutsPolygonsIntoFans) {
  const auto obj = Decode(absl::StrCat(kSquare, "f 1 2 3 4\n"));
  ASSERT_TRUE(obj.ok()) << obj.status();
  EXPECT_TRUE(at::equal(obj->mesh.triangles,
                        at::tensor({0, 1, 2, 0, 2, 3}, at::kInt).view({2, 3})));
  EXPECT_FALSE(obj->mesh.uvs.defined());
  EXPECT_FALSE(obj->mesh.normals.defined());
  EXPECT_TRUE(obj->notes.empty());
}

TEST(Obj, CountsFromTheEndAndAcrossObjects) {
  const auto obj = Decode(
      "o a\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf -3 -2 -1\n"
      "o b\r\nv 0 0 1\r\nv 1 0 1\r\nv 0 1 1\r\nf -3// -2// -1//\r\n");
  ASSERT_TRUE(obj.ok()) << obj.status();
  EXPECT_TRUE(at::equal(obj->mesh.triangles,
                        at::tensor({0, 1, 2, 3, 4, 5}, at::kInt).view({2, 3})));
}

TEST(Obj, ReadsTheNearestFloat) {
  // Half way to the next float and a digit more or less.
  const auto obj = Decode(
      "v 1.00000005960464477 +1.00000005960464478 16777217.0000001\n"
      "v 1e-60 -0 .5\nv 3.4028235e38 1 1\nf 1 2 3\n");
  ASSERT_TRUE(obj.ok()) << obj.status();
  EXPECT_TRUE(at::equal(obj->mesh.vertices,
                        at::tensor({1.0f, 1.00000012f, 16777218.0f, 0.0f, -0.0f,
                                    0.5f, 3.40282347e38f, 1.0f, 1.0f})
                            .view({3, 3})));
}

TEST(Obj, TurnsTextureCoordinatesDownwards) {
  const auto obj = Decode(absl::StrCat(
      kSquare, "vt 0.25 0.75\nvt 0.5 1 0\nvt 0.5\nf 1/1 2/2 3/3\n"));
  ASSERT_TRUE(obj.ok()) << obj.status();
  EXPECT_TRUE(at::equal(
      obj->mesh.uvs,
      at::tensor({0.25f, 0.25f, 0.5f, 0.0f, 0.5f, 1.0f}).view({3, 2})));
}

TEST(Obj, KeepsNormalsWhereEachVertexHasOne) {
  const std::string normals = "vn 0 0 1\nvn 0 3 4\nvn 0 0 1\n";
  const auto one = Decode(
      absl::StrCat(kSquare, normals, "f 1//1 2//2 3//1\nf 1//3 3//1 4//1\n"));
  ASSERT_TRUE(one.ok()) << one.status();
  ASSERT_TRUE(one->mesh.normals.defined());
  EXPECT_TRUE(at::equal(one->mesh.normals[1], at::tensor({0.0f, 0.6f, 0.8f})));
  const auto two = Decode(
      absl::StrCat(kSquare, normals, "f 1//1 2//2 3//1\nf 1//2 3//1 4//1\n"));
  ASSERT_TRUE(two.ok()) << two.status();
  EXPECT_FALSE(two->mesh.normals.defined());
}

TEST(Obj, FindsThePictureOfTheMaterialInUse) {
  const std::string face = "vt 0 0\nf 1/1 2/1 3/1\n";
  const Files files = {{"cat.mtl",
                        "newmtl other\nmap_Kd other.png\nnewmtl fur\nKd 1 1 1\n"
                        "map_Kd -s 1 1 -clamp on -o 0 0 0 big fur.png\r\n"}};
  const auto obj = Decode(
      absl::StrCat("mtllib cat.mtl\nusemtl fur\n", kSquare, face), files);
  ASSERT_TRUE(obj.ok()) << obj.status();
  EXPECT_EQ(obj->texture, "big fur.png");
  EXPECT_TRUE(obj->notes.empty());
  // A texture and no place for it; no materials at all.
  const auto bare =
      Decode(absl::StrCat("mtllib cat.mtl\nusemtl fur\n", kSquare, "f 1 2 3\n"),
             files);
  ASSERT_TRUE(bare.ok()) << bare.status();
  EXPECT_EQ(bare->texture, "");
  EXPECT_EQ(bare->notes.size(), 1);
  const auto missing =
      Decode(absl::StrCat("mtllib no.mtl\nusemtl fur\n", kSquare, face));
  ASSERT_TRUE(missing.ok()) << missing.status();
  ASSERT_EQ(missing->notes.size(), 1);
  EXPECT_TRUE(absl::StrContains(missing->notes[0], "no.mtl"));
  ExpectRefused(absl::StrCat("mtllib cat.mtl\nusemtl fur\n", kSquare, face,
                             "usemtl other\nf 1/1 3/1 4/1\n"),
                {"2 pictures", "other.png", "bake"}, files);
}

TEST(Obj, RefusesWithTheLine) {
  ExpectRefused(absl::StrCat(kSquare, "f 1 2 5\n"),
                {"cat.obj: line 5", "number 5 of 4 vertices"});
  ExpectRefused(absl::StrCat(kSquare, "\n# face\nf 1 2 0\n"), {"line 7"});
  ExpectRefused(absl::StrCat(kSquare, "f -5 2 3\n"), {"number -5 of 4"});
  ExpectRefused(absl::StrCat(kSquare, "f 1/1 2/1 3/1\n"),
                {"of 0 texture coordinates"});
  ExpectRefused(absl::StrCat(kSquare, "f 1//9 2//9 3//9\n"), {"of 0 normals"});
  ExpectRefused(absl::StrCat(kSquare, "f 1 2\n"), {"line 5", "2 corners"});
  ExpectRefused(absl::StrCat(kSquare, "f 1 2 3x\n"), {"'3x' is no corner"});
  ExpectRefused(absl::StrCat(kSquare, "f 99999999999999999999 1 2\n"),
                {"no corner"});
  ExpectRefused(absl::StrCat(kSquare, "vt 0 0\nf 1/1 2/1 3\n"),
                {"some corners"});
  ExpectRefused(absl::StrCat(kSquare, "vt 0 0\nf 1/1 2/1 3/1\nf 1 2 4\n"),
                {"line 7", "some corners"});
  ExpectRefused("v 0 0 nan\n", {"line 1", "'nan' is no finite number"});
  ExpectRefused("v 0 0 inf\n", {"no finite"});
  ExpectRefused("v 0 0 1e39\n", {"no finite"});
  ExpectRefused("v 0 0 0x1\n", {"no finite"});
  ExpectRefused("v 0 \\\n0\n", {"line 1", "found 2"});
  ExpectRefused("v 0 0 0\nvolume 3\n", {"line 2", "keyword 'volume'"});
  ExpectRefused(kSquare, {"cat.obj", "no faces"});
}

TEST(Obj, NotesWhatItLeavesOut) {
  const auto obj =
      Decode(absl::StrCat(kSquare, "f 1 2 3\nl 1 2\nl 2 3\np 1\n"));
  ASSERT_TRUE(obj.ok()) << obj.status();
  EXPECT_EQ(obj->notes.size(), 2);
}

TEST(Obj, IsKnownByItsFirstWord) {
  EXPECT_TRUE(LooksLikeObj("# Blender\n\nmtllib cat.mtl\no Cat\n"));
  EXPECT_TRUE(LooksLikeObj("v 0 0 0\n"));
  EXPECT_FALSE(LooksLikeObj("very nice\n"));
  EXPECT_FALSE(LooksLikeObj("v 0 0 0\n" + std::string(1, '\0')));
  EXPECT_FALSE(LooksLikeObj(""));
}

TEST(Obj, ReadsASequenceThatSharesWhatIsEqual) {
  const std::string folder = testing::TempDir() + "/objs/";
  const Image red = {at::full({4, 4, 4}, 0.2f)};
  std::vector<std::string> paths;
  for (const std::string name : {"a1", "a2"}) {
    ASSERT_TRUE(WritePng(folder + name + ".png", red).ok());
    ASSERT_TRUE(WriteFileAtomically(folder + name + ".mtl",
                                    "newmtl m\nmap_Kd " + name + ".png\n")
                    .ok());
    ASSERT_TRUE(WriteFileAtomically(
                    folder + name + ".obj",
                    absl::StrCat("mtllib ", name, ".mtl\nusemtl m\n", kSquare,
                                 "vt 0 0\nf 1/1 2/1 3/1\nl 1 2\n"))
                    .ok());
    paths.push_back(folder + name + ".obj");
  }
  std::vector<std::string> notes;
  const auto meshes = ReadObjSequence(paths, notes);
  ASSERT_TRUE(meshes.ok()) << meshes.status();
  ASSERT_EQ(meshes->size(), 2);
  EXPECT_TRUE((*meshes)[0].textured());
  EXPECT_EQ((*meshes)[0].albedo.channels(), 3);
  EXPECT_TRUE((*meshes)[1].albedo.pixels.is_same((*meshes)[0].albedo.pixels));
  EXPECT_TRUE((*meshes)[1].triangles.is_same((*meshes)[0].triangles));
  EXPECT_EQ(notes.size(), 1);
}

}  // namespace
}  // namespace dg4d
