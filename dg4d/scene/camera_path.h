#ifndef DG4D_SCENE_CAMERA_PATH_H_
#define DG4D_SCENE_CAMERA_PATH_H_

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dg4d/scene/camera.h"

namespace dg4d {

// Where a camera is at one moment of a path, and what it looks at.
struct CameraKeyframe {
  double seconds = 0;
  std::array<double, 3> position = {0, 0, 0};  // world units, +y up
  std::array<double, 3> target = {0, 0, 0};    // not where `position` is
  double fov_y_degrees = 49.1;                 // vertical
  // Frame of the animation (of Scene::gaussian_frames or meshes) that is shown
  // then, may lie between two or beyond the last, after which it begins anew.
  std::optional<double> frame;

  friend bool operator==(const CameraKeyframe&,
                         const CameraKeyframe&) = default;
};

// A way of a camera through a scene, as the live viewer writes it:
//
//   {"camera_path": 1, "loop": false,
//    "keyframes": [{"seconds": 0, "position": [x, y, z],
//                   "target": [x, y, z], "fov_y_degrees": 49.1,
//                   "frame": 0 or null}, ...]}
//
// Positions and targets each follow a centripetal Catmull-Rom spline (Yuksel et
// al. 2011) through the keyframes, along which the spline's parameter grows
// evenly with time between two keyframes. Beyond an end the spline's next point
// is the mirror image of the last but one; where two neighbours are one point,
// it stays there. The field of view changes linearly, as do frames between two
// keyframes that have one; elsewhere the animation plays at its own rate,
// counted from the first keyframe's time.
//
// A path that loops leads from its last keyframe back to its first, in the mean
// time between keyframes, and is smooth there.
struct CameraPath {
  bool loop = false;
  std::vector<CameraKeyframe> keyframes;  // at least 2, by increasing seconds

  // From the first keyframe to the last, or back to the first if it loops.
  double duration_seconds() const;
};

// What a path shows at one moment.
struct CameraPathView {
  Camera camera;
  double frame = 0;  // of the animation, not wrapped
};

// The view `seconds` after the first keyframe, clamped to the path's duration,
// or wrapped if the path loops. `intrinsics` gives the size of the picture;
// `frames_per_second` is the animation's own rate.
CameraPathView ViewAt(const CameraPath& path, double seconds,
                      double frames_per_second, const Camera& intrinsics);

// How many pictures a film of `path` has, `fps` a second: both ends are shown,
// unless the path loops, where they are one.
int CountPictures(const CameraPath& path, double fps);

// Reads what stands above and nothing else. InvalidArgument names `name` and
// the key at fault: one that is missing, unknown or of another type, numbers
// that are not finite or beyond a million, fewer than 2 or more than 10,000
// keyframes, seconds that do not increase or lie a day apart, a field of view
// outside 1 to 170 degrees, a target where the camera is.
absl::StatusOr<CameraPath> ParseCameraPath(absl::string_view json,
                                           const std::string& name);

// As ParseCameraPath, from the file `path`; NotFound if there is none.
absl::StatusOr<CameraPath> ReadCameraPath(const std::string& path);

// The text of a file that ReadCameraPath reads. Equal paths give equal text.
std::string FormatCameraPath(const CameraPath& path);

}  // namespace dg4d

#endif  // DG4D_SCENE_CAMERA_PATH_H_
