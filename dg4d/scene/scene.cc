#include "dg4d/scene/scene.h"

namespace dg4d {

std::string SlotName(Slot slot) {
  switch (slot) {
    case Slot::kReference:
      return "reference";
    case Slot::kVideo:
      return "video";
    case Slot::kProxy:
      return "proxy";
    case Slot::kGaussians:
      return "gaussians";
    case Slot::kGaussianFrames:
      return "gaussian_frames";
    case Slot::kMeshes:
      return "meshes";
  }
  return "";
}

bool HasSlot(const Scene& scene, Slot slot) {
  switch (slot) {
    case Slot::kReference:
      return !scene.reference.empty();
    case Slot::kVideo:
      return scene.video.size() > 0;
    case Slot::kProxy:
      return !scene.proxy.empty();
    case Slot::kGaussians:
      return !scene.gaussians.empty();
    case Slot::kGaussianFrames:
      return !scene.gaussian_frames.empty();
    case Slot::kMeshes:
      return !scene.meshes.empty();
  }
  return false;
}

double FramesPerSecond(const Scene& scene) {
  const std::vector<double>& times = scene.gaussian_frames.times;
  if (times.size() < 2 || times.back() <= times.front()) return scene.video.fps;
  const double samples_per_frame =
      static_cast<double>(times.size() - 1) / (times.back() - times.front());
  return scene.video.fps * samples_per_frame;
}

}  // namespace dg4d
