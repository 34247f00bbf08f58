#ifndef DG4D_GEOMETRY_BLOCK_GRID_H_
#define DG4D_GEOMETRY_BLOCK_GRID_H_

#include <array>
#include <cstdint>
#include <vector>

#include "dg4d/geometry/vec3.h"

namespace dg4d {

// A scalar field sampled on a regular grid and stored in blocks of 8^3
// samples: in full where something happens, as one constant elsewhere. A
// surface in a grid of n^3 samples costs memory in the order of n^2.
class BlockGrid {
 public:
  static constexpr int kSide = 8;
  static constexpr int kVolume = kSide * kSide * kSide;

  // `blocks` blocks along x, y and z, all of them constant. Sample (i, j, k)
  // stands at origin + spacing * (i, j, k).
  BlockGrid(const Vec3& origin, double spacing,
            const std::array<int, 3>& blocks, float constant);

  const Vec3& origin() const { return origin_; }
  double spacing() const { return spacing_; }
  const std::array<int, 3>& blocks() const { return blocks_; }
  int block_count() const { return static_cast<int>(slots_.size()); }
  std::array<int, 3> BlockAt(int block) const {
    return {block % blocks_[0], block / blocks_[0] % blocks_[1],
            block / (blocks_[0] * blocks_[1])};
  }
  // The number of the block at block coordinates, -1 outside the grid.
  int BlockIndex(int x, int y, int z) const {
    if (x < 0 || y < 0 || z < 0 || x >= blocks_[0] || y >= blocks_[1] ||
        z >= blocks_[2]) {
      return -1;
    }
    return (z * blocks_[1] + y) * blocks_[0] + x;
  }

  bool IsDense(int block) const { return slots_[block] >= 0; }
  float Constant(int block) const { return constants_[block]; }
  void SetConstant(int block, float value) { constants_[block] = value; }
  // Makes `blocks` dense, filled with their constants. Pointers that Values
  // gave before are invalid.
  void MakeDense(const std::vector<int>& blocks);
  int dense_count() const { return dense_count_; }
  // The samples of a dense block, x fastest, then y, then z.
  float* Values(int block) {
    return values_.data() + int64_t{slots_[block]} * kVolume;
  }
  const float* Values(int block) const {
    return values_.data() + int64_t{slots_[block]} * kVolume;
  }
  // Which of the dense blocks `block` is, in [0, dense_count()); -1 if it is
  // constant.
  int Slot(int block) const { return slots_[block]; }

  // The sample at grid coordinates; those outside the grid read as the nearest
  // one inside.
  float At(int x, int y, int z) const;

 private:
  Vec3 origin_;
  double spacing_;
  std::array<int, 3> blocks_;
  std::vector<int> slots_;
  std::vector<float> constants_;
  std::vector<float> values_;
  int dense_count_ = 0;
};

}  // namespace dg4d

#endif  // DG4D_GEOMETRY_BLOCK_GRID_H_
