#ifndef DG4D_GEOMETRY_INFLATION_MOTION_MEASURES_H_
#define DG4D_GEOMETRY_INFLATION_MOTION_MEASURES_H_

#include <string>
#include <vector>

#include "dg4d/geometry/inflation/inflate.h"
#include "dg4d/geometry/inflation/measures.h"
#include "dg4d/scene/camera.h"
#include "dg4d/scene/image.h"

namespace dg4d::inflation {

// The acceptance measures of the motion called `name`, which must exist, at
// amplitude 1 in 16 frames. Steps and volume are held to account for "idle"
// alone.
std::vector<Measure> MeasureMotion(const Inflation& inflation,
                                   const std::string& name);

// Frames 0, 3, 5, 8, 11 and 13 of 16 on white, one row for each of idle, dance,
// wave, twist, hop and sway.
Image MotionSheet(const Inflation& inflation, const Camera& camera);

}  // namespace dg4d::inflation

#endif  // DG4D_GEOMETRY_INFLATION_MOTION_MEASURES_H_
