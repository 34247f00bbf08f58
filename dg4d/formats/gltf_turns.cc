#include "dg4d/formats/gltf_turns.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace dg4d {

int AddFrameTimes(size_t count, double fps, GlbBuilder& glb) {
  std::vector<float> times;
  for (size_t i = 0; i < count; ++i) {
    times.push_back(static_cast<float>(static_cast<double>(i) / fps));
  }
  return glb.AddAnimationFloats(times, 1);
}

void ShowNodesInTurn(size_t first, size_t frames, double fps,
                     const std::string& name, GlbBuilder& glb,
                     nlohmann::json& gltf) {
  const size_t keys = frames + 1;
  const int input = AddFrameTimes(keys, fps, glb);
  nlohmann::json animation = {{"name", name}};
  for (size_t frame = 0; frame < frames; ++frame) {
    if (frame > 0) gltf["nodes"][first + frame]["scale"] = {0, 0, 0};
    std::vector<float> scales(3 * keys);
    const bool last = frame + 1 == frames;
    for (size_t key = frame; key < (last ? keys : frame + 1); ++key) {
      for (int c = 0; c < 3; ++c) scales[3 * key + c] = 1;
    }
    animation["samplers"].push_back(
        {{"input", input},
         {"output", glb.AddAnimationFloats(scales, 3)},
         {"interpolation", "STEP"}});
    animation["channels"].push_back(
        {{"sampler", frame},
         {"target", {{"node", first + frame}, {"path", "scale"}}}});
  }
  gltf["animations"].push_back(std::move(animation));
}

}  // namespace dg4d
