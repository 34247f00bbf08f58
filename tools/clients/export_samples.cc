// Exports the sample scenes for the programs that judge them:
//
//   export_samples FOLDER
//
// FOLDER then has NAME.glb, NAME_splats.glb, NAME_obj/ and NAME_ply/ for each
// scene, and expected.json: what a program must show of it.

#include <ATen/core/Tensor.h>

#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "dg4d/base/files.h"
#include "dg4d/base/status.h"
#include "dg4d/core/exporter.h"
#include "dg4d/core/registry.h"
#include "dg4d/testing/sample_scenes.h"

namespace dg4d {
namespace {

using Json = nlohmann::json;

std::vector<float> Values(const at::Tensor& tensor) {
  const at::Tensor floats = tensor.contiguous();
  const float* values = floats.data_ptr<float>();
  return {values, values + floats.numel()};
}

// x y z of every corner of every triangle in order.
std::vector<float> Corners(const Mesh& mesh) {
  return Values(mesh.vertices.index_select(0, mesh.triangles.view({-1})));
}

// Red, green and blue of the texture's top left pixel.
std::vector<float> TopLeft(const Mesh& mesh) {
  const float* values = mesh.albedo.pixels.data_ptr<float>();
  return {values, values + 3};
}

Json Expected(const Scene& scene) {
  Json expected = {{"fps", FramesPerSecond(scene)}};
  for (const Mesh& mesh : scene.meshes) {
    expected["frames"].push_back(
        {{"corners", Corners(mesh)}, {"top_left", TopLeft(mesh)}});
  }
  for (int i = 0; i < scene.gaussian_frames.size(); ++i) {
    const Gaussians frame = FrameAt(scene.gaussians, scene.gaussian_frames, i);
    expected["gaussians"].push_back(
        {{"means", Values(frame.means)},
         {"log_scales", Values(frame.log_scales)},
         {"opacity_logits", Values(frame.opacity_logits)}});
  }
  return expected;
}

absl::Status Export(const std::string& exporter, const ConfigNode& options,
                    const Scene& scene, const std::string& path) {
  DG4D_ASSIGN_OR_RETURN(const auto plugin,
                        Registry<Exporter>::Create(exporter, options));
  RunContext context;
  return plugin->Export(scene, path, context);
}

absl::Status ExportAll(const std::string& folder) {
  const std::map<std::string, Scene> scenes = {{"static", StaticScene()},
                                               {"moving", MovingScene()},
                                               {"changing", ChangingScene()}};
  Json expected;
  for (const auto& [name, scene] : scenes) {
    const std::string path = folder + "/" + name;
    DG4D_RETURN_IF_ERROR(Export("gltf", {}, scene, path + ".glb"));
    DG4D_RETURN_IF_ERROR(Export("obj", {}, scene, path + "_obj"));
    DG4D_RETURN_IF_ERROR(Export("ply", {}, scene, path + "_ply"));
    DG4D_RETURN_IF_ERROR(
        Export("gltf_splats", {}, scene, path + "_splats.glb"));
    expected[name] = Expected(scene);
  }
  ConfigNode compact;
  compact["unlit"] = ConfigNode::Scalar("true");
  compact["normals"] = ConfigNode::Scalar("false");
  compact["texture"] = ConfigNode::Scalar("jpeg");
  compact["loop"] = ConfigNode::Scalar("false");
  DG4D_RETURN_IF_ERROR(
      Export("gltf", compact, MovingScene(), folder + "/compact.glb"));
  ConfigNode nodes;
  nodes["animation"] = ConfigNode::Scalar("nodes");
  DG4D_RETURN_IF_ERROR(
      Export("gltf", nodes, MovingScene(), folder + "/nodes.glb"));
  return WriteFileAtomically(folder + "/expected.json", expected.dump());
}

}  // namespace
}  // namespace dg4d

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  const absl::Status status = dg4d::ExportAll(argv[1]);
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return 1;
}
