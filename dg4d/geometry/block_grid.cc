#include "dg4d/geometry/block_grid.h"

#include <algorithm>

namespace dg4d {

BlockGrid::BlockGrid(const Vec3& origin, double spacing,
                     const std::array<int, 3>& blocks, float constant)
    : origin_(origin), spacing_(spacing), blocks_(blocks) {
  const int64_t count = int64_t{blocks[0]} * blocks[1] * blocks[2];
  slots_.assign(count, -1);
  constants_.assign(count, constant);
}

void BlockGrid::MakeDense(const std::vector<int>& blocks) {
  for (const int block : blocks) {
    if (slots_[block] < 0) slots_[block] = dense_count_++;
  }
  values_.resize(int64_t{dense_count_} * kVolume);
  for (const int block : blocks) {
    std::fill_n(Values(block), kVolume, constants_[block]);
  }
}

float BlockGrid::At(int x, int y, int z) const {
  x = std::clamp(x, 0, blocks_[0] * kSide - 1);
  y = std::clamp(y, 0, blocks_[1] * kSide - 1);
  z = std::clamp(z, 0, blocks_[2] * kSide - 1);
  const int block = BlockIndex(x / kSide, y / kSide, z / kSide);
  if (slots_[block] < 0) return constants_[block];
  return Values(block)[((z % kSide) * kSide + y % kSide) * kSide + x % kSide];
}

}  // namespace dg4d
