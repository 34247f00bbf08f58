#ifndef DG4D_STAGES_DYNAMIC_GAUSSIANS_MOTION_H_
#define DG4D_STAGES_DYNAMIC_GAUSSIANS_MOTION_H_

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <vector>

#include "dg4d/core/renderer.h"
#include "dg4d/scene/gaussians.h"
#include "dg4d/scene/image.h"
#include "dg4d/stages/dynamic_gaussians/deformation.h"

namespace dg4d::dynamic_gaussians {

struct MotionShape {
  DeformationShape deformation;
  int frames = 1;  // of the video; at least 1
  // Whether the frame after the last is the first again.
  bool loops = false;
  // Whether nothing is moved at frame 0: what the field says there is taken
  // off at all times, so that the first frame stays as the static stage, which
  // has seen the reference picture best, left it.
  bool anchors_first_frame = true;
  // Half the side of the cube around the origin that the field spans, in world
  // units; 0: the box of the Gaussians.
  double half_extent = 0;
};

// Gaussians that a deformation moves in time.
class Motion {
 public:
  // `canonical` settles where the field lies, and its device; it is not kept.
  Motion(const MotionShape& shape, const Gaussians& canonical,
         at::Generator& generator);

  // The times of some frames, and of the anchor if there is one.
  struct Times {
    at::Tensor values;  // double, on the CPU; At wants them with the Gaussians
    int64_t count;      // of the first of them, those asked for
    int64_t anchor;     // which of them is that of frame 0
  };
  Times TimesOf(const std::vector<double>& frames) const;

  // `canonical` at each of `frames` (which may be fractions), as a batch whose
  // times are these. Differentiable in `canonical` and the deformation.
  GaussianBatch At(const Gaussians& canonical,
                   const std::vector<double>& frames) const;
  GaussianBatch At(const Gaussians& canonical, const Times& times) const;

  // The frame numbers of the whole video, `samples_per_frame` to a frame. A
  // video that loops ends just before frame 0 comes again; else the last one is
  // the last frame.
  std::vector<double> SampledFrames(int samples_per_frame) const;

  // `canonical` at SampledFrames, as plain data.
  GaussianFrames Bake(const Gaussians& canonical, int samples_per_frame) const;

  Deformation& deformation() { return deformation_; }
  const Deformation& deformation() const { return deformation_; }

 private:
  double TimeOf(double frame) const;

  MotionShape shape_;
  Deformation deformation_;
  at::Tensor center_;       // [3]
  at::Tensor half_extent_;  // [3]
};

// Whether `video` can be shown over and over: its last frame leads on to the
// first as it does from any frame to the next.
bool Loops(const Video& video);

}  // namespace dg4d::dynamic_gaussians

#endif  // DG4D_STAGES_DYNAMIC_GAUSSIANS_MOTION_H_
