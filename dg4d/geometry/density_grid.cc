#include "dg4d/geometry/density_grid.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dg4d/base/parallel.h"

namespace dg4d {
namespace {

constexpr int kSide = BlockGrid::kSide;
constexpr double kExtent = 3;  // standard deviations
constexpr int64_t kMaxBlocks = int64_t{1} << 24;

// A Gaussian in grid coordinates.
struct Blob {
  std::array<float, 3> mean;
  std::array<float, 6> inverse;  // xx, xy, xz, yy, yz, zz
  float opacity;
  std::array<int, 3> lower, upper;  // samples it touches, upper included
};

// Rows of the rotation matrix of a quaternion w x y z of any length.
std::array<double, 9> RotationOf(const float* quaternion) {
  double w = quaternion[0], x = quaternion[1], y = quaternion[2],
         z = quaternion[3];
  const double norm = std::sqrt(w * w + x * x + y * y + z * z);
  const double scale = norm > 0 ? 1 / norm : 0;
  w = norm > 0 ? w * scale : 1;
  x *= scale;
  y *= scale;
  z *= scale;
  return {1 - 2 * (y * y + z * z), 2 * (x * y - w * z),
          2 * (x * z + w * y),     2 * (x * y + w * z),
          1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
          2 * (x * z - w * y),     2 * (y * z + w * x),
          1 - 2 * (x * x + y * y)};
}

// Adding c^2 to every principal variance keeps the axes, so that covariance
// and inverse come from the rotation directly.
Blob MakeBlob(const float* mean, const float* quaternion,
              const float* log_scales, float opacity,
              const DensityOptions& options) {
  const auto rotation = RotationOf(quaternion);
  double variance[3];
  for (int k = 0; k < 3; ++k) {
    const double sigma = std::exp(double{log_scales[k]}) / options.voxel_size;
    variance[k] =
        std::max(sigma * sigma + options.low_pass * options.low_pass, 1e-6);
  }
  Blob blob;
  blob.opacity = opacity;
  int entry = 0;
  for (int i = 0; i < 3; ++i) {
    double extent = 0;
    for (int k = 0; k < 3; ++k) {
      extent += rotation[3 * i + k] * rotation[3 * i + k] * variance[k];
    }
    extent = kExtent * std::sqrt(extent);
    blob.mean[i] = static_cast<float>(mean[i] / options.voxel_size);
    blob.lower[i] = static_cast<int>(std::ceil(blob.mean[i] - extent));
    blob.upper[i] = static_cast<int>(std::floor(blob.mean[i] + extent));
    for (int j = i; j < 3; ++j) {
      double inverse = 0;
      for (int k = 0; k < 3; ++k) {
        inverse += rotation[3 * i + k] * rotation[3 * j + k] / variance[k];
      }
      blob.inverse[entry++] = static_cast<float>(inverse);
    }
  }
  return blob;
}

// Blobs in units of voxels about the world's origin.
std::vector<Blob> MakeBlobs(const Gaussians& gaussians,
                            const DensityOptions& options) {
  const at::Tensor means = gaussians.means.detach().cpu().contiguous();
  const at::Tensor quaternions =
      gaussians.quaternions.detach().cpu().contiguous();
  const at::Tensor log_scales =
      gaussians.log_scales.detach().cpu().contiguous();
  const at::Tensor logits =
      gaussians.opacity_logits.detach().cpu().contiguous();
  std::vector<Blob> blobs;
  for (int64_t i = 0; i < gaussians.size(); ++i) {
    const float* mean = means.data_ptr<float>() + 3 * i;
    const float opacity = 1 / (1 + std::exp(-logits.data_ptr<float>()[i]));
    bool inside = opacity > options.min_opacity;
    for (int k = 0; k < 3; ++k) {
      inside =
          inside && mean[k] >= options.lower[k] && mean[k] <= options.upper[k];
    }
    if (!inside) continue;
    blobs.push_back(MakeBlob(mean, quaternions.data_ptr<float>() + 4 * i,
                             log_scales.data_ptr<float>() + 3 * i, opacity,
                             options));
  }
  return blobs;
}

// Makes dense every block that a blob touches, and the blocks around those, so
// that what follows has room for a few voxels beyond the density.
void MakeDenseAround(const std::vector<std::vector<int>>& blobs_of_block,
                     BlockGrid& grid) {
  std::vector<char> wanted(grid.block_count(), 0);
  for (int block = 0; block < grid.block_count(); ++block) {
    if (blobs_of_block[block].empty()) continue;
    const auto at = grid.BlockAt(block);
    for (int z = -1; z <= 1; ++z) {
      for (int y = -1; y <= 1; ++y) {
        for (int x = -1; x <= 1; ++x) {
          wanted[grid.BlockIndex(at[0] + x, at[1] + y, at[2] + z)] = 1;
        }
      }
    }
  }
  std::vector<int> blocks;
  for (int block = 0; block < grid.block_count(); ++block) {
    if (wanted[block]) blocks.push_back(block);
  }
  grid.MakeDense(blocks);
}

void AddBlob(const Blob& blob, const std::array<int, 3>& first, float* values) {
  int lower[3], upper[3];
  for (int k = 0; k < 3; ++k) {
    lower[k] = std::max(blob.lower[k] - first[k], 0);
    upper[k] = std::min(blob.upper[k] - first[k], kSide - 1);
  }
  const auto& m = blob.inverse;
  for (int z = lower[2]; z <= upper[2]; ++z) {
    const float dz = static_cast<float>(first[2] + z) - blob.mean[2];
    for (int y = lower[1]; y <= upper[1]; ++y) {
      const float dy = static_cast<float>(first[1] + y) - blob.mean[1];
      const float constant =
          m[3] * dy * dy + 2 * m[4] * dy * dz + m[5] * dz * dz;
      const float linear = 2 * (m[1] * dy + m[2] * dz);
      float* row = values + (z * kSide + y) * kSide;
      for (int x = lower[0]; x <= upper[0]; ++x) {
        const float dx = static_cast<float>(first[0] + x) - blob.mean[0];
        const float square = (m[0] * dx + linear) * dx + constant;
        if (square > kExtent * kExtent) continue;
        row[x] += blob.opacity * std::exp(-0.5f * square);
      }
    }
  }
}

int FloorDivide(int a) {
  return a >= 0 ? a / kSide : -((kSide - 1 - a) / kSide);
}

}  // namespace

absl::StatusOr<BlockGrid> DensityGrid(const Gaussians& gaussians,
                                      const DensityOptions& options) {
  if (!(options.voxel_size > 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("voxel size must be positive, not ", options.voxel_size));
  }
  std::vector<Blob> blobs = MakeBlobs(gaussians, options);
  if (blobs.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "none of ", gaussians.size(), " Gaussians has an opacity above ",
        options.min_opacity, " and lies near the object"));
  }
  std::array<int, 3> first = blobs[0].lower, last = blobs[0].upper, blocks;
  for (const Blob& blob : blobs) {
    for (int k = 0; k < 3; ++k) {
      first[k] = std::min(first[k], blob.lower[k]);
      last[k] = std::max(last[k], blob.upper[k]);
    }
  }
  int64_t block_count = 1;
  for (int k = 0; k < 3; ++k) {
    // Two blocks of margin: one that MakeDenseAround may fill, one for ever 0.
    const int first_block = FloorDivide(first[k]) - 2;
    blocks[k] = FloorDivide(last[k]) + 3 - first_block;
    first[k] = first_block * kSide;
    block_count *= blocks[k];
  }
  if (block_count > kMaxBlocks) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a voxel size of ", options.voxel_size, " makes a grid of ",
        blocks[0] * kSide, " x ", blocks[1] * kSide, " x ", blocks[2] * kSide,
        " samples, which is too large: use larger voxels, or remove "
        "Gaussians far from the object"));
  }
  BlockGrid grid({first[0] * options.voxel_size, first[1] * options.voxel_size,
                  first[2] * options.voxel_size},
                 options.voxel_size, blocks, 0);
  std::vector<std::vector<int>> blobs_of_block(grid.block_count());
  for (size_t i = 0; i < blobs.size(); ++i) {
    std::array<int, 3> from, to;
    for (int k = 0; k < 3; ++k) {
      from[k] = (blobs[i].lower[k] - first[k]) / kSide;
      to[k] = (blobs[i].upper[k] - first[k]) / kSide;
    }
    for (int z = from[2]; z <= to[2]; ++z) {
      for (int y = from[1]; y <= to[1]; ++y) {
        for (int x = from[0]; x <= to[0]; ++x) {
          blobs_of_block[grid.BlockIndex(x, y, z)].push_back(
              static_cast<int>(i));
        }
      }
    }
  }
  MakeDenseAround(blobs_of_block, grid);
  ParallelFor(grid.block_count(), 16, [&](int64_t begin, int64_t end) {
    for (int block = static_cast<int>(begin); block < end; ++block) {
      const auto at = grid.BlockAt(block);
      for (const int blob : blobs_of_block[block]) {
        AddBlob(blobs[blob],
                {first[0] + at[0] * kSide, first[1] + at[1] * kSide,
                 first[2] + at[2] * kSide},
                grid.Values(block));
      }
    }
  });
  return grid;
}

}  // namespace dg4d
