#ifndef DG4D_GEOMETRY_INFLATION_SHAPES_H_
#define DG4D_GEOMETRY_INFLATION_SHAPES_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "dg4d/scene/image.h"

namespace dg4d::inflation {

// Pictures for tests: RGBA of `size` x `size`, 1 where inside(x, y), with
// anti-aliased edges, in smoothly changing colours. x and y run from 0 to 256
// across the picture whatever its size, y down.
Image DrawShape(int size, absl::FunctionRef<bool(double x, double y)> inside);

// By name: "disc", "ring", "star", "mushroom", "bar", "lying_bar", "table",
// "trousers", "dress", "two_blobs", "bust", "thin_lines", "full_frame",
// "small_disc", "quadruped".
Image NamedShape(const std::string& name, int size = 256);
std::vector<std::string> ShapeNames();

}  // namespace dg4d::inflation

#endif  // DG4D_GEOMETRY_INFLATION_SHAPES_H_
