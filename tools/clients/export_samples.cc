// Exports the sample scenes for the programs that judge them:
//
//   export_samples FOLDER
//
// FOLDER then has NAME.glb and NAME_obj/ for each scene, and expected.json:
// what a program must show of it.

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

// x y z of every corner of every triangle in order.
std::vector<float> Corners(const Mesh& mesh) {
  const at::Tensor corners =
      mesh.vertices.index_select(0, mesh.triangles.view({-1})).contiguous();
  const float* values = corners.data_ptr<float>();
  return {values, values + corners.numel()};
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
