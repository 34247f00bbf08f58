#ifndef DG4D_TRAINING_VIEW_SAMPLER_H_
#define DG4D_TRAINING_VIEW_SAMPLER_H_

#include <ATen/core/Generator.h>

#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "dg4d/core/guidance.h"
#include "dg4d/scene/camera.h"

namespace dg4d {

// Where a stage looks at the object from while it optimises: options of every
// stage that has guidances.
struct ViewOptions {
  int count = 4;
  double min_elevation_degrees = -30;
  double max_elevation_degrees = 30;
  double radius_jitter = 0;
  bool integer_angles = false;
  double black_background_probability = 0;
  double clip_azimuth_step_degrees = 0;
  std::vector<int> sizes = {128, 256, 512};
  std::vector<double> size_changes = {0.3, 0.6};
  int max_views_per_batch = 0;

  template <typename V>
  void Visit(V& v) {
    v("count", count, "Views (or clips, or groups of four) a step.");
    v("min_elevation_degrees", min_elevation_degrees,
      "From here (negative is above) around reference and horizon ...");
    v("max_elevation_degrees", max_elevation_degrees, "... to here.");
    v("radius_jitter", radius_jitter,
      "How far cameras come nearer or go further, in world units.");
    v("integer_angles", integer_angles,
      "Whole degrees only, as the original has it.");
    v("black_background_probability", black_background_probability,
      "How often the background is black instead of white.");
    v("clip_azimuth_step_degrees", clip_azimuth_step_degrees,
      "How far the camera goes round from frame to frame of a clip.");
    v("sizes", sizes, "Sides of the rendered images in turn, in pixels.");
    v("size_changes", size_changes,
      "Shares of the stage after which the next size begins.");
    v("max_views_per_batch", max_views_per_batch,
      "Views rendered at once, to save memory; 0: all of a step.");
  }
  absl::Status Validate() const;
};

// Draws random views around the object, as Zero-1-to-3 and DreamGaussian do:
// elevation and azimuth uniform, relative to the reference camera, whose
// distance, intrinsics and shape they share. The absolute elevation stays
// within 80 degrees.
class ViewSampler {
 public:
  ViewSampler(ViewOptions options, const Camera& reference_camera);

  const ViewOptions& options() const { return options_; }

  // The side of the images (their height) at `progress` in [0, 1].
  int SizeAt(double progress) const;

  // Views without images, for the frames in `frames`:
  //   kIndependent: `count` x frames, each from anywhere; a clip is one of each
  //                 frame.
  //   kClips:       `count` clips of all frames, one camera path each.
  //   kFourAround:  `count` groups for each frame: four views of that frame,
  //                 90 degrees apart.
  Views Sample(ViewPattern pattern, absl::Span<const double> frames,
               double progress, at::Generator& generator) const;

  // Views without images from cameras that a guidance chose.
  Views Own(const OwnViews& own, at::Generator& generator) const;

 private:
  struct Direction {
    Orbit orbit;
    float background = 1;
  };
  Direction DrawDirection(at::Generator& generator) const;
  float DrawBackground(at::Generator& generator) const;

  ViewOptions options_;
  Camera reference_camera_;
  Orbit reference_;
};

// `views` cut into batches of whole groups of `group` views, each of at most
// `max_views` views if a group has no more.
std::vector<Views> SplitViews(const Views& views, int group, int max_views);

}  // namespace dg4d

#endif  // DG4D_TRAINING_VIEW_SAMPLER_H_
