#include <array>
#include <cmath>
#include <numbers>
#include <utility>

#include "dg4d/core/registry.h"
#include "dg4d/training/view_distillation.h"

namespace dg4d::zero123 {

struct Options : ViewDistillationOptions {
  Options() { path = "zero123-xl-diffusers"; }
};

// Zero-1-to-3 (Liu et al. 2023) and its larger successor Zero123-XL: cameras
// are the change of elevation in radians (positive is downward), sine and
// cosine of that of the azimuth, and the change of the radius.
class Zero123 final : public ViewDistillation {
 public:
  using Options = zero123::Options;
  explicit Zero123(Options options) : ViewDistillation(std::move(options)) {}

 private:
  std::array<double, 4> CameraNumbers(const Orbit& from,
                                      const Orbit& to) const override {
    constexpr double kRadians = std::numbers::pi / 180;
    const double azimuth =
        (to.azimuth_degrees - from.azimuth_degrees) * kRadians;
    return {(to.elevation_degrees - from.elevation_degrees) * kRadians,
            std::sin(azimuth), std::cos(azimuth), to.radius - from.radius};
  }
};

DG4D_REGISTER(Guidance, Zero123, "zero123",
              "Score distillation from Zero-1-to-3: other views of the object "
              "in the picture.");

}  // namespace dg4d::zero123
