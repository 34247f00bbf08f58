#ifndef DG4D_SCENE_SCENE_H_
#define DG4D_SCENE_SCENE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "dg4d/scene/camera.h"
#include "dg4d/scene/gaussians.h"
#include "dg4d/scene/image.h"
#include "dg4d/scene/mesh.h"
#include "dg4d/scene/provenance.h"

namespace dg4d {

// What the stages hand on: plain data, each slot written by one kind of stage.
// A checkpoint is a Scene; an exporter needs nothing else.
struct Scene {
  // The picture, cut out and square, and the camera that sees it: every
  // guidance and every exporter takes "the front" from here.
  Image reference;
  Camera reference_camera;

  Video video;  // frame 0 shows the reference picture
  // Optional: the surface that the video was rendered from, one mesh a frame
  // of the video, of one topology.
  std::vector<Mesh> proxy;

  Gaussians gaussians;  // static, or canonical under the frames
  GaussianFrames gaussian_frames;
  std::vector<Mesh> meshes;  // one for a static scene, or one a time of
                             // gaussian_frames

  Provenance provenance;  // known of what runs make
};

// The parts of a Scene that stages read and write and checkpoints hold.
enum class Slot {
  kReference,  // reference and reference_camera
  kVideo,
  kProxy,
  kGaussians,
  kGaussianFrames,
  kMeshes,
};
inline constexpr Slot kAllSlots[] = {
    Slot::kReference, Slot::kVideo,          Slot::kProxy,
    Slot::kGaussians, Slot::kGaussianFrames, Slot::kMeshes,
};

// "reference", "video", "proxy", "gaussians", "gaussian_frames" or "meshes".
std::string SlotName(Slot slot);

// Whether `scene` has something in `slot`.
bool HasSlot(const Scene& scene, Slot slot);

// Frames a second at which scene.gaussian_frames and meshes play: the video's,
// times the samples a frame.
double FramesPerSecond(const Scene& scene);

}  // namespace dg4d

#endif  // DG4D_SCENE_SCENE_H_
