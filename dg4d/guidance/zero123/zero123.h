#ifndef DG4D_GUIDANCE_ZERO123_ZERO123_H_
#define DG4D_GUIDANCE_ZERO123_ZERO123_H_

#include <array>
#include <utility>

#include "dg4d/scene/camera.h"
#include "dg4d/training/view_distillation.h"

namespace dg4d::zero123 {

struct Options : ViewDistillationOptions {
  Options() { path = "zero123-xl-diffusers"; }
};

// Zero-1-to-3 (Liu et al. 2023) and its larger successor Zero123-XL: cameras
// are the change of elevation in radians (positive is downward), sine and
// cosine of that of the azimuth, and the change of the radius. Those who have
// something to put in place of the networks derive from it.
class Zero123 : public ViewDistillation {
 public:
  using Options = zero123::Options;
  explicit Zero123(Options options) : ViewDistillation(std::move(options)) {}

 private:
  std::array<double, 4> CameraNumbers(const Orbit& from,
                                      const Orbit& to) const final;
};

}  // namespace dg4d::zero123

#endif  // DG4D_GUIDANCE_ZERO123_ZERO123_H_
