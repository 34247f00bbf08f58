#ifndef DG4D_FORMATS_BLENDER_DATASET_H_
#define DG4D_FORMATS_BLENDER_DATASET_H_

#include <array>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dg4d/scene/camera.h"
#include "dg4d/scene/image.h"

namespace dg4d {

// Pictures of an object with the cameras that took them, in the layout of
// NeRF's synthetic scenes (Mildenhall et al. 2020) with D-NeRF's times
// (Pumarola et al. 2021):
//
//   FOLDER/transforms_train.json, transforms_test.json, ...
//     {"camera_angle_x": 0.69,                      horizontal, radians
//      "frames": [{"file_path": "./train/r_000",    with or without .png
//                  "time": 0.5,                     in [0, 1]; 0 if missing
//                  "transform_matrix": [[...], ...]}]}   4 x 4, to world
//   FOLDER/train/r_000.png                          RGBA
//
// The files' world is Blender's, with z up; ours has y up: (x, y, z) there is
// (x, z, -y) here.
struct PosedImage {
  std::string name;  // "train/r_000.png", relative to the folder
  Image image;       // RGBA; all of one size
  Camera camera;     // of the image's size, in a y-up world
  double time = 0;   // in [0, 1]
};

// How far the files' world (turned y up) is from the one we work in: points p
// become (p - center) * scale.
struct WorldPlacement {
  std::array<double, 3> center = {0, 0, 0};
  double scale = 1;
};

struct BlenderDataset {
  std::vector<PosedImage> images;

  // Different times, increasing.
  std::vector<double> Times() const;
};

struct ReadBlenderDatasetOptions {
  // Larger pictures are shrunk to this longer side; 0: never.
  int max_side = 0;  // pixels
};

// The pictures of one split: "train", "test", "val". NotFound if the folder,
// the split's file or a picture is missing; InvalidArgument for anything wrong
// in them, naming file and frame.
absl::StatusOr<BlenderDataset> ReadBlenderDataset(
    const std::string& folder, const std::string& split,
    const ReadBlenderDatasetOptions& options = {});

// Writes what ReadBlenderDataset reads back: up to the rounding of pixels to 8
// bits. All cameras must have one field of view and aspect ratio.
absl::Status WriteBlenderDataset(const std::string& folder,
                                 const std::string& split,
                                 const BlenderDataset& dataset);

// Where the optical axes of `cameras` come closest to each other goes to the
// origin, and the cameras' mean distance from it becomes `radius`: so all
// stages, whose defaults are made for objects of about that size, fit.
WorldPlacement PlaceAround(const std::vector<Camera>& cameras,
                           double radius = 2);

// `camera` after the world was placed.
Camera Place(const Camera& camera, const WorldPlacement& placement);

}  // namespace dg4d

#endif  // DG4D_FORMATS_BLENDER_DATASET_H_
