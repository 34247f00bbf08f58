#ifndef DG4D_EXPORTERS_HTML_PLAYER_SCENE_H_
#define DG4D_EXPORTERS_HTML_PLAYER_SCENE_H_

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "dg4d/scene/scene.h"

namespace dg4d::html {

// What the page plays: `header` says what the arrays of `payload` are.
//
//   frames, fps, loop, radius (of all that is shown, around the target)
//   camera      fov_y (radians), azimuth, elevation (degrees), radius, target
//   gaussians   count, frames, sh_degree, and by name an array and how to
//               read it, value = low + step * number:
//     means        [frames, count, 3], 16 bits, low and step for each axis
//     quaternions  [frames, count, 4], w x y z, 12 bits: unit, the sign such
//                  that no component jumps from one frame to the next
//     log_scales   [frames, count, 3], 16 bits, step 1/256 or coarser
//     opacities    [frames, count, 1], 8 bits, after the sigmoid
//     sh           [1, count, 3 K], 16 bits, one low and step
//   meshes      frames of one topology and texture each: first_frame, frames,
//               vertices [frames, V, 3], triangles [1, T, 3], uvs [1, U, 2] and
//               uv_triangles [1, T, 3] if textured, texture (index)
//   textures    data: URLs
//   arrays      Payload::Directory()
//
// A Gaussian that is not finite at a time has opacity 0 then.
struct PlayerScene {
  nlohmann::json header;
  std::string payload;  // deflated
};

struct PlayerSceneOptions {
  bool gaussians = true;
  bool meshes = true;
  bool loop = true;
  bool png_textures = false;
};

// InvalidArgument for meshes that are not as CheckMesh wants them, frames that
// do not move the scene's Gaussians, more than 256 frames, or a rate that is
// no rate. FailedPrecondition if there is nothing to show.
absl::StatusOr<PlayerScene> MakePlayerScene(const Scene& scene,
                                            const PlayerSceneOptions& options);

}  // namespace dg4d::html

#endif  // DG4D_EXPORTERS_HTML_PLAYER_SCENE_H_
