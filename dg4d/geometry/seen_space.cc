#include "dg4d/geometry/seen_space.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "dg4d/base/parallel.h"

namespace dg4d {
namespace {

constexpr int kSide = BlockGrid::kSide;
// Alpha below which a pixel is background, rather than a part too thin to fill
// it.
constexpr double kEmpty = 0.25;
// Per unit of alpha: fades from one clamp of the field to the other over a
// pixel or two, about as fast as the density at its surface.
constexpr double kSlope = 4;

}  // namespace

SeenSpace::SeenSpace(absl::Span<const SilhouetteView> views) {
  for (const SilhouetteView& view : views) {
    views_.push_back({Projector(view.camera), view.camera.width,
                      view.camera.height, (view.alpha < kEmpty).contiguous()});
  }
}

bool SeenSpace::Contains(const Vec3& point) const {
  return std::any_of(views_.begin(), views_.end(), [&](const View& view) {
    const Vec3 p = view.projector.Project(point);
    if (!(p.z > 0 && p.x >= 0 && p.y >= 0 && p.x < view.width &&
          p.y < view.height)) {
      return false;
    }
    return view.is_empty
        .data_ptr<bool>()[static_cast<int64_t>(p.y) * view.width +
                          static_cast<int64_t>(p.x)];
  });
}

BlockGrid CarveOutline(BlockGrid field, const SilhouetteView& view) {
  const Projector projector(view.camera);
  const at::Tensor alpha = view.alpha.contiguous();
  const int width = view.camera.width, height = view.camera.height;
  ParallelFor(field.block_count(), 64, [&](int64_t begin, int64_t end) {
    for (int block = static_cast<int>(begin); block < end; ++block) {
      if (!field.IsDense(block)) continue;
      const auto at = field.BlockAt(block);
      float* values = field.Values(block);
      for (int i = 0; i < BlockGrid::kVolume; ++i) {
        if (values[i] <= 0) continue;
        const Vec3 p = projector.Project(
            field.origin() +
            field.spacing() *
                Vec3{double(at[0] * kSide + i % kSide),
                     double(at[1] * kSide + i / kSide % kSide),
                     double(at[2] * kSide + i / (kSide * kSide))});
        const double u = p.x - 0.5, v = p.y - 0.5;
        if (!(p.z > 0 && u >= 0 && v >= 0 && u < width - 1 && v < height - 1)) {
          continue;
        }
        const int x = static_cast<int>(u), y = static_cast<int>(v);
        const double fx = u - x, fy = v - y;
        const float* a = alpha.data_ptr<float>() + int64_t{y} * width + x;
        const double value = (a[0] * (1 - fx) + a[1] * fx) * (1 - fy) +
                             (a[width] * (1 - fx) + a[width + 1] * fx) * fy;
        values[i] =
            std::min(values[i], static_cast<float>(std::clamp(
                                    kSlope * (value - kEmpty), -2.0, 2.0)));
      }
    }
  });
  return field;
}

}  // namespace dg4d
