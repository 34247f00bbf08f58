#ifndef DG4D_GEOMETRY_SEEN_SPACE_H_
#define DG4D_GEOMETRY_SEEN_SPACE_H_

#include <vector>

#include "absl/types/span.h"
#include "dg4d/geometry/block_grid.h"
#include "dg4d/geometry/mesh_view.h"
#include "dg4d/geometry/silhouette_fit.h"
#include "dg4d/geometry/vec3.h"

namespace dg4d {

// Where views look past the object: there it cannot be. (What no view sees
// through is its visual hull, Laurentini 1994.)
class SeenSpace {
 public:
  explicit SeenSpace(absl::Span<const SilhouetteView> views);

  // Whether some view sees the background through `point`.
  bool Contains(const Vec3& point) const;

 private:
  struct View {
    Projector projector;
    int width, height;
    at::Tensor is_empty;  // [1, H, W] bool
  };
  std::vector<View> views_;
};

// A field, positive inside, with what lies beyond the outline of `view` taken
// away: parts that stand a pixel or two apart in a picture touch in a density.
// Clamped to +-2, as SolidFill's.
BlockGrid CarveOutline(BlockGrid field, const SilhouetteView& view);

}  // namespace dg4d

#endif  // DG4D_GEOMETRY_SEEN_SPACE_H_
