#ifndef DG4D_TESTING_SYNTHETIC_SCENE_H_
#define DG4D_TESTING_SYNTHETIC_SCENE_H_

#include <array>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dg4d/scene/camera.h"
#include "dg4d/scene/image.h"
#include "dg4d/scene/mesh.h"

namespace dg4d {

// An animated, textured object given by formulas, whose pictures from any
// camera at any time are known: the truth that optimisers are held against.
//
//   bending_tube    a striped capsule that bends to both sides
//   twisting_box    a rounded box, its faces of unlike colours, that twists
//   breathing_blob  a bumpy ball that swells and shrinks
//   passing_parts   two bodies that swap places, one before the other
//
// All are about 1.2 units large around the origin, in a y-up world, of even
// light (the colour is the same from everywhere), and repeat after phase 1.
class SyntheticScene {
 public:
  static std::vector<std::string> Names();
  // NotFound for another name.
  static absl::StatusOr<SyntheticScene> Create(absl::string_view name);

  // The surface at `phase`: one closed mesh a part, without texture; vertices
  // correspond over time.
  Mesh Surface(double phase) const;

  // RGBA as `camera` sees it. Every pixel is the mean of
  // `samples_per_side`^2 samples, each with the exact colour of what it hits;
  // alpha is the share that hits.
  Image Render(const Camera& camera, double phase,
               int samples_per_side = 4) const;

 private:
  using Vector = std::array<double, 3>;

  // A closed surface over the sphere: `rest` says where a direction lies before
  // it moves, `move` where a rest position is at `phase`, `color` its RGB.
  struct Part {
    Vector (*rest)(const Vector& direction);
    Vector (*move)(const Vector& rest, double phase);
    Vector (*color)(const Vector& rest);
  };

  explicit SyntheticScene(std::vector<Part> parts);

  std::vector<Part> parts_;
  std::vector<Vector> rest_;  // of all vertices
  std::vector<std::array<int, 3>> triangles_;
  std::vector<int> part_of_triangle_;
  std::vector<int> part_of_vertex_;
};

struct SyntheticDatasetOptions {
  int frames = 1;        // 1: at rest, phase 0
  int train_views = 32;  // of each frame
  int test_views = 8;    // of each frame
  int size = 256;        // pixels
  double radius = 2;     // of the cameras' orbit
  int samples_per_side = 4;
};

// Writes pictures of `scene` into `folder` as a train and a test split in the
// Blender/D-NeRF layout. Frame i of n shows phase i / n, so that the frames
// loop. Every frame is seen by other training cameras: the rig turns between
// frames. Test cameras stand still, between where training cameras come by, and
// see every frame.
absl::Status WriteSyntheticDataset(const SyntheticScene& scene,
                                   const SyntheticDatasetOptions& options,
                                   const std::string& folder);

}  // namespace dg4d

#endif  // DG4D_TESTING_SYNTHETIC_SCENE_H_
