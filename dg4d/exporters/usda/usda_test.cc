#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>

#include "absl/strings/match.h"
#include "dg4d/base/files.h"
#include "dg4d/exporters/usda/texture_sheet.h"
#include "dg4d/exporters/usda/usda_text.h"
#include "dg4d/formats/image_io.h"
#include "dg4d/testing/exporter_test.h"
#include "dg4d/testing/sample_scenes.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

namespace fs = std::filesystem;

class UsdaTest : public ExporterTest {
 protected:
  UsdaTest() : ExporterTest("usda", "usda_test") {}

  std::string Text(const std::string& name = "asset.usda") const {
    const auto text = ReadFile(File(name));
    EXPECT_TRUE(text.ok()) << text.status();
    return text.ok() ? *text : "";
  }
};

// What OpenUSD and Blender read from the files is for tools/clients to prove.

TEST_F(UsdaTest, WritesTheTextureBesideTheFileThatNamesIt) {
  ASSERT_TRUE(Export(MovingScene()).ok());
  EXPECT_EQ(Names(),
            (std::set<std::string>{"asset.usda", "asset_texture.png"}));
  EXPECT_TRUE(absl::StrContains(Text(), "inputs:file = @./asset_texture.png@"));
  const auto picture = ReadImage(File("asset_texture.png"));
  ASSERT_TRUE(picture.ok()) << picture.status();
  EXPECT_EQ(picture->width(), 64);
}

TEST_F(UsdaTest, LeavesAPictureOfTheFilesNameAlone) {
  const std::string picture = File("cat.png");
  ASSERT_TRUE(WriteFileAtomically(picture, "the picture it began with").ok());
  set_path(File("cat.usda"));
  Set("texture", "jpeg");
  ASSERT_TRUE(Export(MovingScene()).ok());
  EXPECT_EQ(*ReadFile(picture), "the picture it began with");
  const std::string folder = fs::path(path()).parent_path().string();
  EXPECT_TRUE(fs::exists(folder + "/cat_texture.jpg"));
  EXPECT_TRUE(absl::StrContains(*ReadFile(path()), "@./cat_texture.jpg@"));
}

TEST_F(UsdaTest, GivesTheStageItsAxisUnitAndTimes) {
  ASSERT_TRUE(Export(MovingScene(5)).ok());
  const std::string text = Text();
  EXPECT_EQ(text.substr(0, 10), "#usda 1.0\n");
  for (const char* line :
       {"upAxis = \"Y\"", "metersPerUnit = 1", "startTimeCode = 0",
        "endTimeCode = 4", "timeCodesPerSecond = 8"}) {
    EXPECT_TRUE(absl::StrContains(text, line)) << line;
  }
  ASSERT_TRUE(Export(StaticScene()).ok());
  EXPECT_FALSE(absl::StrContains(Text(), "TimeCode"));
  EXPECT_FALSE(absl::StrContains(Text(), "timeSamples"));
}

TEST_F(UsdaTest, CarriesWhatIsKnownOfWhereItComesFrom) {
  Scene scene = StaticScene();
  ASSERT_TRUE(Export(scene).ok());
  for (const char* line :
       {"dictionary provenance = {", "string dg4d = \"0.0.1\"",
        "uint64 seed = 9223372036854775813"}) {
    EXPECT_TRUE(absl::StrContains(Text(), line)) << line;
  }
  scene.provenance = {};
  ASSERT_TRUE(Export(scene).ok());
  EXPECT_FALSE(absl::StrContains(Text(), "customLayerData"));
}

TEST_F(UsdaTest, StoresWhatDoesNotMoveOnce) {
  ASSERT_TRUE(Export(MovingScene()).ok());
  const std::string text = Text();
  EXPECT_TRUE(absl::StrContains(text, "points.timeSamples"));
  EXPECT_FALSE(absl::StrContains(text, "faceVertexIndices.timeSamples"));
  EXPECT_FALSE(absl::StrContains(text, "indices.timeSamples"));
  EXPECT_FALSE(absl::StrContains(text, "opacities.timeSamples"));
  ASSERT_TRUE(Export(ChangingScene()).ok());
  EXPECT_TRUE(absl::StrContains(Text(), "faceVertexIndices.timeSamples"));
}

TEST_F(UsdaTest, HoldsPointsThatHaveAnotherMeaningInTheNextFrame) {
  Scene scene = MovingScene(2);
  ASSERT_TRUE(Export(scene).ok());
  EXPECT_FALSE(absl::StrContains(Text(), "0.9990234375: "));
  Mesh& mesh = scene.meshes[1];
  mesh.triangles = mesh.triangles.roll({1}, {0}).contiguous();
  ASSERT_TRUE(Export(scene).ok());
  EXPECT_TRUE(absl::StrContains(Text(), "0.9990234375: "));
}

TEST_F(UsdaTest, WritesGaussiansAloneAndMeshesAlone) {
  Scene scene = MovingScene();
  scene.meshes.clear();
  ASSERT_TRUE(Export(scene).ok());
  EXPECT_FALSE(absl::StrContains(Text(), "def Mesh"));
  EXPECT_TRUE(absl::StrContains(Text(), "def ParticleField3DGaussianSplat"));
  scene = MovingScene();
  Set("gaussians", "false");
  ASSERT_TRUE(Export(scene).ok());
  EXPECT_TRUE(absl::StrContains(Text(), "def Mesh"));
  EXPECT_FALSE(absl::StrContains(Text(), "def ParticleField"));
  scene.meshes.clear();
  EXPECT_EQ(Export(scene).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(UsdaTest, NamesTheExporterThatCanWhatItCannot) {
  Scene scene = ChangingScene();
  scene.meshes[1].albedo = Image();
  const absl::Status status = Export(scene);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(status.message(), "'gltf'")) << status;
}

TEST_F(UsdaTest, RefusesNamesAndNumbersThatOpenUsdCannotRead) {
  Scene scene = MovingScene();
  scene.gaussian_frames.means[2][3][1] = std::nanf("");
  EXPECT_EQ(Export(scene).code(), absl::StatusCode::kInvalidArgument);
  for (const char* name : {"", "2", "a b", "a-b", "\xc3\xa4"}) {
    Set("name", name);
    EXPECT_EQ(Export(MovingScene()).code(), absl::StatusCode::kInvalidArgument)
        << name;
  }
}

TEST(UsdaText, WritesListsAndStrings) {
  EXPECT_EQ(usda::FloatList(at::tensor({0.1f, -2.f, 3e-20f, 4.f}).view({2, 2})),
            "[(0.1, -2), (3e-20, 4)]");
  EXPECT_EQ(usda::FloatList(at::tensor({1.f, 2.5f}).view({2, 1})), "[1, 2.5]");
  EXPECT_EQ(usda::IntList(at::tensor({3, -1}, at::kInt)), "[3, -1]");
  EXPECT_EQ(usda::Quoted("a\"b\\c\n"), "\"a\\\"b\\\\c \"");
}

// Bilinear, clamped at the edge, as programs look textures up.
at::Tensor Colour(const Image& image, double u, double v_down) {
  const auto pixel = [&](int64_t y, int64_t x) {
    return image.pixels[std::clamp<int64_t>(y, 0, image.height() - 1)]
                       [std::clamp<int64_t>(x, 0, image.width() - 1)];
  };
  const double x = u * image.width() - 0.5, y = v_down * image.height() - 0.5;
  const int64_t x0 = std::floor(x), y0 = std::floor(y);
  const at::Tensor top = pixel(y0, x0).lerp(pixel(y0, x0 + 1), x - x0);
  const at::Tensor low = pixel(y0 + 1, x0).lerp(pixel(y0 + 1, x0 + 1), x - x0);
  return top.lerp(low, y - y0);
}

TEST(TextureSheet, ShowsEveryMeshTheColoursOfItsOwnTexture) {
  Scene scene = ChangingScene(5);
  scene.meshes[2].albedo = Resize(scene.meshes[2].albedo, 40, 50);
  scene.meshes[4].albedo = scene.meshes[1].albedo;
  const auto sheet = usda::MakeTextureSheet(scene.meshes);
  ASSERT_TRUE(sheet.ok()) << sheet.status();
  // Four textures, two by two, with borders.
  EXPECT_EQ(sheet->picture.width(), 2 * (64 + 8));
  EXPECT_EQ(sheet->picture.height(), 2 * (64 + 8));
  for (size_t frame = 0; frame < scene.meshes.size(); ++frame) {
    const Mesh& mesh = scene.meshes[frame];
    for (int64_t i = 0; i < mesh.uvs.size(0); ++i) {
      const auto at_mesh = mesh.uvs[i], at_sheet = sheet->uvs[frame][i];
      const at::Tensor expected = Colour(mesh.albedo, at_mesh[0].item<double>(),
                                         at_mesh[1].item<double>());
      const at::Tensor shown =
          Colour(sheet->picture, at_sheet[0].item<double>(),
                 1 - at_sheet[1].item<double>());
      EXPECT_LT((expected - shown).abs().max().item<double>(), 1e-4)
          << frame << ", " << i;
    }
  }
}

TEST(TextureSheet, RefusesWhatIsTooLargeToShow) {
  Scene scene = ChangingScene(4);
  for (Mesh& mesh : scene.meshes) {
    mesh.albedo.pixels = mesh.albedo.pixels.repeat({1, 140, 1});
  }
  const auto sheet = usda::MakeTextureSheet(scene.meshes);
  EXPECT_EQ(sheet.status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_TRUE(absl::StrContains(sheet.status().message(), "'gltf'"));
}

}  // namespace
}  // namespace dg4d
