#ifndef DG4D_GEOMETRY_BLOCK_GRID_TEST_SHAPES_H_
#define DG4D_GEOMETRY_BLOCK_GRID_TEST_SHAPES_H_

#include <algorithm>
#include <functional>
#include <vector>

#include "dg4d/geometry/block_grid.h"
#include "dg4d/geometry/vec3.h"

namespace dg4d {

// A grid of `blocks` blocks along each axis, with its middle at the origin and
// samples `spacing` apart that hold `value` of where they are. The outermost
// blocks are constant, -2.
inline BlockGrid CentredGrid(double spacing, int blocks,
                             const std::function<float(const Vec3&)>& value) {
  const double corner = -blocks * BlockGrid::kSide * spacing / 2;
  BlockGrid grid({corner, corner, corner}, spacing, {blocks, blocks, blocks},
                 -2);
  std::vector<int> inner;
  for (int block = 0; block < grid.block_count(); ++block) {
    const auto at = grid.BlockAt(block);
    if (std::all_of(at.begin(), at.end(),
                    [&](int k) { return k > 0 && k + 1 < blocks; })) {
      inner.push_back(block);
    }
  }
  grid.MakeDense(inner);
  for (const int block : inner) {
    const auto at = grid.BlockAt(block);
    for (int i = 0; i < BlockGrid::kVolume; ++i) {
      grid.Values(block)[i] =
          value(grid.origin() + spacing * Vec3{at[0] * 8.0 + i % 8,
                                               at[1] * 8.0 + i / 8 % 8,
                                               at[2] * 8.0 + i / 64});
    }
  }
  return grid;
}

}  // namespace dg4d

#endif  // DG4D_GEOMETRY_BLOCK_GRID_TEST_SHAPES_H_
