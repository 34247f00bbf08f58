#include "dg4d/guidance/zero123/zero123.h"

#include <cmath>
#include <numbers>

#include "dg4d/core/registry.h"

namespace dg4d::zero123 {

std::array<double, 4> Zero123::CameraNumbers(const Orbit& from,
                                             const Orbit& to) const {
  constexpr double kRadians = std::numbers::pi / 180;
  const double azimuth = (to.azimuth_degrees - from.azimuth_degrees) * kRadians;
  return {(to.elevation_degrees - from.elevation_degrees) * kRadians,
          std::sin(azimuth), std::cos(azimuth), to.radius - from.radius};
}

DG4D_REGISTER(Guidance, Zero123, "zero123",
              "Score distillation from Zero-1-to-3: other views of the object "
              "in the picture.");

}  // namespace dg4d::zero123
