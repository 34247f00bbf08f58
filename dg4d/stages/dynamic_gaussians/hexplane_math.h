#ifndef DG4D_STAGES_DYNAMIC_GAUSSIANS_HEXPLANE_MATH_H_
#define DG4D_STAGES_DYNAMIC_GAUSSIANS_HEXPLANE_MATH_H_

#include "dg4d/kernels/host_device.h"

// Where a coordinate falls between the nodes of a plane's axis. No loops and no
// torch: shared by every device's twin of hexplane.cc.

namespace dg4d::dynamic_gaussians {

// A value at this place is (1 - weight) values[low] + weight values[high].
template <typename T>
struct Tap {
  int low;
  int high;
  T weight;
  T slope;  // d weight / d coordinate; 0 where the coordinate was clamped
};

// `coordinate` in [-1, 1] spans `nodes` >= 2 nodes, the ends included; beyond
// it the border continues.
template <typename T>
DG4D_HOST_DEVICE inline Tap<T> SpaceTap(T coordinate, int nodes) {
  const T scale = T(0.5) * (nodes - 1);
  const T position = (coordinate + 1) * scale;
  if (!(position > 0)) return {0, 1, T(0), T(0)};
  if (position >= nodes - 1) return {nodes - 2, nodes - 1, T(1), T(0)};
  const int low = static_cast<int>(position);
  return {low, low + 1, position - low, scale};
}

// `time` in [0, 1] spans `nodes` nodes, the ends included, and is clamped; or,
// if `cyclic`, node `nodes` is node 0 again and time 1 is time 0.
template <typename T>
DG4D_HOST_DEVICE inline Tap<T> TimeTap(T time, int nodes, bool cyclic) {
  if (!cyclic) return SpaceTap(2 * time - 1, nodes);
  T position = time * nodes;
  int low = static_cast<int>(position);
  if (position < low) --low;
  const T weight = position - low;
  low %= nodes;
  if (low < 0) low += nodes;
  return {low, low + 1 == nodes ? 0 : low + 1, weight, static_cast<T>(nodes)};
}

}  // namespace dg4d::dynamic_gaussians

#endif  // DG4D_STAGES_DYNAMIC_GAUSSIANS_HEXPLANE_MATH_H_
