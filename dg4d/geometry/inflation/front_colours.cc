#include "dg4d/geometry/inflation/front_colours.h"

#include "dg4d/geometry/inflation/distance.h"
#include "dg4d/geometry/inflation/filters.h"

namespace dg4d::inflation {
namespace {

constexpr float kOpaque = 0.98f;
constexpr int kFewestKnown = 8;  // fewer opaque pixels than this say nothing

}  // namespace

Mask Cutout::mask() const {
  Mask mask(alpha.height, alpha.width);
  for (int i = 0; i < alpha.size(); ++i) {
    mask.values[i] = alpha.values[i] > 0.5f;
  }
  return mask;
}

RgbPlane FrontColours(const Cutout& cutout) {
  const double scale = cutout.size() / 256.0;
  const Mask mask = cutout.mask();
  const Plane<float> distance = DistanceInside(mask);
  RgbPlane colours = cutout.rgb;
  Mask known(mask.height, mask.width);
  for (int i = 0; i < mask.size(); ++i) {
    const float alpha = cutout.alpha.values[i];
    const bool hole =
        mask.values[i] && distance.values[i] > 2 * scale && alpha < kOpaque;
    known.values[i] = alpha >= kOpaque || hole;
    if (!hole) continue;
    for (float& value : colours.values[i]) value = value * alpha + 1 - alpha;
  }
  if (Count(known) < kFewestKnown) known = mask;
  ExtendNearest(known, colours);
  const RgbPlane blurred = Blur(colours, scale);
  for (int i = 0; i < mask.size(); ++i) {
    if (!known.values[i]) colours.values[i] = blurred.values[i];
  }
  return colours;
}

RgbPlane FrontTexture(const RgbPlane& front_colours, const Mask& mask) {
  const double scale = mask.width / 256.0;
  return SmoothRim(front_colours, mask, DistanceInside(mask), 0.7 * scale,
                   2 * scale);
}

}  // namespace dg4d::inflation
