// Exports the sample scenes for the programs that judge them:
//
//   export_samples FOLDER
//
// FOLDER then has NAME.glb, NAME_splats.glb, NAME_obj/, NAME_ply/ and NAME_usd/
// for each scene, variants of the .glb files, and what a program must show of
// each scene: expected.json and pictures NAME_0.png and on.

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "dg4d/base/files.h"
#include "dg4d/base/status.h"
#include "dg4d/core/exporter.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/renderer.h"
#include "dg4d/core/scene_artist.h"
#include "dg4d/formats/image_io.h"
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

// u v of every corner.
std::vector<float> CornerUvs(const Mesh& mesh) {
  return Values(mesh.uvs.index_select(0, mesh.uv_triangles.view({-1})));
}

// Red, green and blue of the texture at every corner: bilinear, clamped at the
// edge.
std::vector<float> CornerColours(const Mesh& mesh) {
  const std::vector<float> uvs = CornerUvs(mesh);
  const Image& image = mesh.albedo;
  const float* pixels = image.pixels.data_ptr<float>();
  const auto pixel = [&](int y, int x, int channel) {
    y = std::clamp(y, 0, image.height() - 1);
    x = std::clamp(x, 0, image.width() - 1);
    return pixels[(y * image.width() + x) * 3 + channel];
  };
  std::vector<float> colours;
  for (size_t i = 0; i < uvs.size(); i += 2) {
    const float x = uvs[i] * image.width() - 0.5f;
    const float y = uvs[i + 1] * image.height() - 0.5f;
    const int left = static_cast<int>(std::floor(x));
    const int top = static_cast<int>(std::floor(y));
    for (int c = 0; c < 3; ++c) {
      colours.push_back(std::lerp(
          std::lerp(pixel(top, left, c), pixel(top, left + 1, c), x - left),
          std::lerp(pixel(top + 1, left, c), pixel(top + 1, left + 1, c),
                    x - left),
          y - top));
    }
  }
  return colours;
}

Json Expected(const Scene& scene) {
  Json expected = {
      {"provenance", ProvenanceJson(scene.provenance)},
      {"fps", FramesPerSecond(scene)},
      {"world_from_camera", scene.reference_camera.world_from_camera},
      {"fov_y", scene.reference_camera.fov_y}};
  for (const Mesh& mesh : scene.meshes) {
    expected["frames"].push_back({{"corners", Corners(mesh)},
                                  {"uvs", CornerUvs(mesh)},
                                  {"colours", CornerColours(mesh)}});
  }
  const Gaussians& still = scene.gaussians;
  expected["still"] = {{"sh", Values(still.sh)},
                       {"means", Values(still.means)},
                       {"log_scales", Values(still.log_scales)},
                       {"quaternions", Values(still.quaternions)},
                       {"opacity_logits", Values(still.opacity_logits)}};
  for (int i = 0; i < scene.gaussian_frames.size(); ++i) {
    const Gaussians frame = FrameAt(scene.gaussians, scene.gaussian_frames, i);
    expected["gaussians"].push_back(
        {{"means", Values(frame.means)},
         {"log_scales", Values(frame.log_scales)},
         {"quaternions", Values(frame.quaternions)},
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

// Pictures of the meshes from the reference camera.
absl::Status WritePictures(const Scene& scene, const std::string& path) {
  constexpr int kSize = 256;
  const PluginSpec<Renderer> spec = {"mesh_raster", {}};
  DG4D_ASSIGN_OR_RETURN(const auto renderer, spec.Create());
  DG4D_ASSIGN_OR_RETURN(
      const auto artist,
      SceneArtist::Create(*renderer, scene, c10::Device(c10::kCPU)));
  for (int frame = 0; frame < artist->frames(); ++frame) {
    const Image picture =
        artist->Draw(frame, scene.reference_camera.WithSize(kSize, kSize));
    DG4D_RETURN_IF_ERROR(
        WritePng(path + "_" + std::to_string(frame) + ".png", picture));
  }
  return absl::OkStatus();
}

// An exporter's options from names and values.
ConfigNode Options(const std::map<std::string, std::string>& values) {
  ConfigNode options;
  for (const auto& [name, value] : values) {
    options[name] = ConfigNode::Scalar(value);
  }
  return options;
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
    DG4D_RETURN_IF_ERROR(Export("usda", {}, scene, path + "_usd"));
    DG4D_RETURN_IF_ERROR(WritePictures(scene, path));
    expected[name] = Expected(scene);
  }
  struct Variant {
    std::string name;
    Scene scene;
    std::map<std::string, std::string> options;
  };
  for (const Variant& variant : std::vector<Variant>{
           {"compact",
            MovingScene(),
            {{"unlit", "true"},
             {"normals", "false"},
             {"texture", "jpeg"},
             {"loop", "false"}}},
           {"nodes", MovingScene(), {{"animation", "nodes"}}},
           {"quantized", MovingScene(), {{"quantize", "true"}}},
           {"quantized_nodes", ChangingScene(), {{"quantize", "true"}}},
           {"unlit", MovingScene(), {{"unlit", "true"}}},
           {"unlit_changing", ChangingScene(), {{"unlit", "true"}}}}) {
    DG4D_RETURN_IF_ERROR(Export("gltf", Options(variant.options), variant.scene,
                                folder + "/" + variant.name + ".glb"));
  }
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
