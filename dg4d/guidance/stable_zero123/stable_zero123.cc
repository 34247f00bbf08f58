#include <array>
#include <cmath>
#include <numbers>
#include <string>
#include <utility>

#include "dg4d/core/registry.h"
#include "dg4d/training/view_distillation.h"

namespace dg4d::stable_zero123 {

struct Options : ViewDistillationOptions {
  std::string told_elevation = "camera";

  Options() { path = "stable-zero123-diffusers"; }

  template <typename V>
  void Visit(V& v) {
    ViewDistillationOptions::Visit(v);
    v("told_elevation", told_elevation, {"camera", "horizontal"},
      "What the network is told of where the picture was taken from: the "
      "reference camera's elevation, or, as DreamGaussian4D, always the "
      "horizon.");
  }
};

// Stable Zero123 (Stability AI 2023): as zero123, but for the fourth of a
// camera's numbers. Instead of the change of the radius it is the polar angle
// of the camera that took the picture, in radians from the zenith.
class StableZero123 final : public ViewDistillation {
 public:
  using Options = stable_zero123::Options;
  explicit StableZero123(Options options)
      : ViewDistillation(options),
        told_elevation_(std::move(options.told_elevation)) {}

 private:
  std::array<double, 4> CameraNumbers(const Orbit& from,
                                      const Orbit& to) const override {
    constexpr double kRadians = std::numbers::pi / 180;
    const double azimuth =
        (to.azimuth_degrees - from.azimuth_degrees) * kRadians;
    const double elevation =
        told_elevation_ == "camera" ? from.elevation_degrees : 0;
    return {(to.elevation_degrees - from.elevation_degrees) * kRadians,
            std::sin(azimuth), std::cos(azimuth), (90 + elevation) * kRadians};
  }

  const std::string told_elevation_;
};

DG4D_REGISTER(Guidance, StableZero123, "stable_zero123",
              "Score distillation from Stable Zero123: other views of the "
              "object in the picture.");

}  // namespace dg4d::stable_zero123
