#ifndef DG4D_FORMATS_GLTF_TURNS_H_
#define DG4D_FORMATS_GLTF_TURNS_H_

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "dg4d/formats/glb_builder.h"

namespace dg4d {

// The times of the first `count` frames of `fps` a second, in seconds, as an
// accessor of an animation.
int AddFrameTimes(size_t count, double fps, GlbBuilder& glb);

// Makes nodes `first` to `first` + `frames` - 1 of `gltf`, one a frame, be seen
// in turn by an animation `name`: all have scale 0 but one, by keys without
// interpolation (glTF 2.0, section 3.5.3), which every client plays. A last key
// holds the last frame, which would else last no time. At rest the first is to
// be seen.
void ShowNodesInTurn(size_t first, size_t frames, double fps,
                     const std::string& name, GlbBuilder& glb,
                     nlohmann::json& gltf);

}  // namespace dg4d

#endif  // DG4D_FORMATS_GLTF_TURNS_H_
