// Meshes of changing topology, as a program that opens the exports finds them.

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/base/files.h"
#include "dg4d/core/config.h"
#include "dg4d/core/exporter.h"
#include "dg4d/core/stage.h"
#include "dg4d/geometry/gaussian_shell.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using Json = nlohmann::json;

constexpr int kFrames = 3;
constexpr double kStep = 0.15;
constexpr double kSpacing = 0.025;

// Two balls that drift apart: one part, then two.
Scene Parting() {
  std::vector<Surfel> surfels = SphereSurfels({-0.25, 0, 0}, 0.24, kSpacing);
  const int64_t left = static_cast<int64_t>(surfels.size());
  for (const Surfel& s : SphereSurfels({0.2, 0, 0}, 0.24, kSpacing)) {
    surfels.push_back(s);
  }
  Scene scene;
  scene.gaussians = DiscGaussians(surfels, kSpacing);
  std::vector<at::Tensor> means;
  for (int i = 0; i < kFrames; ++i) {
    scene.gaussian_frames.times.push_back(i);
    means.push_back(scene.gaussians.means.clone());
    means.back().slice(0, left).select(1, 0).add_(kStep * i);
  }
  const auto still = [](const at::Tensor& rows) {
    return at::stack(std::vector<at::Tensor>(kFrames, rows));
  };
  scene.gaussian_frames.means = at::stack(means);
  scene.gaussian_frames.quaternions = still(scene.gaussians.quaternions);
  scene.gaussian_frames.log_scales = still(scene.gaussians.log_scales);
  scene.gaussian_frames.opacity_logits = still(scene.gaussians.opacity_logits);
  Camera intrinsics;
  intrinsics.width = intrinsics.height = 64;
  scene.reference_camera = OrbitCamera({}, intrinsics);
  scene.reference.pixels = at::ones({64, 64, 4});
  return scene;
}

// Where the right ball ends.
double RightOf(int frame) { return 0.44 + kStep * frame; }

class PerFrameExport : public testing::Test {
 protected:
  // The stage runs once for all tests.
  static void SetUpTestSuite() {
    at::set_num_threads(1);
    scene_ = new Scene(Parting());
    RunContext context;
    context.EnterStage("mesh_extraction");
    const auto stage = Registry<Stage>::Create(
        "mesh_extraction",
        *ParseYaml("{topology: per_frame, target_triangles: 2000, "
                   "texture_size: 128, views: {azimuths: 4}}",
                   "options"));
    ASSERT_TRUE(stage.ok()) << stage.status();
    const absl::Status status = (*stage)->Run(context, *scene_);
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_EQ(scene_->meshes.size(), size_t{kFrames});
  }
  static void TearDownTestSuite() { delete scene_; }

  static void Export(const std::string& exporter, const std::string& path) {
    RunContext context;
    const absl::Status status =
        Registry<Exporter>::Create(exporter).value()->Export(*scene_, path,
                                                             context);
    ASSERT_TRUE(status.ok()) << status;
  }

  static Scene* scene_;
};

Scene* PerFrameExport::scene_ = nullptr;

TEST_F(PerFrameExport, MeshesComeApart) {
  EXPECT_FALSE(HaveOneTopology(scene_->meshes));
  EXPECT_EQ(AnalyzeTopology(scene_->meshes[0]).components, 1);
  EXPECT_EQ(AnalyzeTopology(scene_->meshes[2]).components, 2);
}

TEST_F(PerFrameExport, GltfShowsOneNodeAtATime) {
  const std::string path = testing::TempDir() + "/per_frame.glb";
  Export("gltf", path);
  const std::string bytes = ReadFile(path).value();
  uint32_t json_size = 0;
  std::memcpy(&json_size, bytes.data() + 12, sizeof(json_size));
  const Json json = Json::parse(bytes.substr(20, json_size));
  const char* binary = bytes.data() + 28 + json_size;

  ASSERT_EQ(json["meshes"].size(), size_t{kFrames});
  EXPECT_EQ(json["images"].size(), size_t{kFrames});
  std::vector<int> mesh_of_node(json["nodes"].size(), -1);
  for (size_t i = 0; i < mesh_of_node.size(); ++i) {
    mesh_of_node[i] = json["nodes"][i].value("mesh", -1);
  }
  for (int frame = 0; frame < kFrames; ++frame) {
    const Json& primitive = json["meshes"][frame]["primitives"][0];
    EXPECT_FALSE(primitive.contains("targets"));
    const Json& position =
        json["accessors"][primitive["attributes"]["POSITION"].get<int>()];
    EXPECT_NEAR(position["max"][0].get<double>(), RightOf(frame), 0.04);
  }
  // At each time one node has its size, and the others have none.
  ASSERT_EQ(json["animations"].size(), 1u);
  const Json& animation = json["animations"][0];
  std::vector<std::vector<float>> scales(kFrames);
  std::vector<float> times;
  for (const Json& channel : animation["channels"]) {
    ASSERT_EQ(channel["target"]["path"], "scale");
    const int frame = mesh_of_node[channel["target"]["node"].get<int>()];
    ASSERT_GE(frame, 0);
    const Json& sampler = animation["samplers"][channel["sampler"].get<int>()];
    EXPECT_EQ(sampler["interpolation"], "STEP");
    const auto floats = [&](const char* end) {
      const Json& accessor = json["accessors"][sampler[end].get<int>()];
      const Json& view = json["bufferViews"][accessor["bufferView"].get<int>()];
      std::vector<float> values(accessor["count"].get<int>() *
                                (accessor["type"] == "VEC3" ? 3 : 1));
      std::memcpy(values.data(),
                  binary + view["byteOffset"].get<int>() +
                      accessor.value("byteOffset", 0),
                  values.size() * sizeof(float));
      return values;
    };
    times = floats("input");
    scales[frame] = floats("output");
  }
  ASSERT_GE(times.size(), size_t{kFrames});
  for (size_t key = 0; key < times.size(); ++key) {
    int shown = 0;
    for (int frame = 0; frame < kFrames; ++frame) {
      ASSERT_EQ(scales[frame].size(), 3 * times.size());
      shown += scales[frame][3 * key] > 0.5;
    }
    EXPECT_EQ(shown, 1) << "at " << times[key] << " s";
  }
  EXPECT_GT(scales[0][0], 0.5);
}

TEST_F(PerFrameExport, ObjHasAMeshMaterialAndTextureForEachFrame) {
  const std::string folder = testing::TempDir() + "/per_frame_obj";
  Export("obj", folder);
  for (int frame = 0; frame < kFrames; ++frame) {
    const std::string name = absl::StrCat(folder, "/mesh_000", frame + 1);
    EXPECT_TRUE(ReadFile(name + ".mtl").ok());
    EXPECT_TRUE(ReadFile(name + ".png").ok());
    std::istringstream text(ReadFile(name + ".obj").value());
    int64_t vertices = 0, triangles = 0;
    double right = -std::numeric_limits<double>::infinity();
    for (std::string line; std::getline(text, line);) {
      if (line.rfind("v ", 0) == 0) {
        ++vertices;
        right = std::max(right, std::stod(line.substr(2)));
      }
      triangles += line.rfind("f ", 0) == 0;
    }
    EXPECT_EQ(vertices, scene_->meshes[frame].vertex_count());
    EXPECT_EQ(triangles, scene_->meshes[frame].triangle_count());
    EXPECT_NEAR(right, RightOf(frame), 0.04);
  }
}

}  // namespace
}  // namespace dg4d
