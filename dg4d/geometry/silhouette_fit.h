#ifndef DG4D_GEOMETRY_SILHOUETTE_FIT_H_
#define DG4D_GEOMETRY_SILHOUETTE_FIT_H_

#include "absl/types/span.h"
#include "dg4d/scene/camera.h"
#include "dg4d/scene/mesh.h"

namespace dg4d {

// The outline that a mesh should have from a camera: where alpha is 1/2.
struct SilhouetteView {
  Camera camera;
  at::Tensor alpha;  // [1, H, W] float32, on the CPU
  double weight = 1;
};

struct SilhouetteOptions {
  int rounds = 4;
  // How far from the mesh's contour the outline is looked for, pixels.
  double reach = 3;
  // How alike the offsets of neighbouring vertices are to be, against how well
  // they meet the outlines.
  double stiffness = 2;
};

struct SilhouetteFit {
  Mesh mesh;
  // Root mean square distance of contour and outline where both were found,
  // pixels, before and after.
  double error_before = 0;
  double error_after = 0;
};

// Moves the vertices of `mesh` a little along their normals until its contours
// lie on the outlines in `views`. The surface where a field of Gaussians
// reaches some density is near, but not at, the place where renderings of them
// turn opaque: that depends on how many overlap along a ray. Offsets are the
// smoothest ones that fit all views in the least-squares sense; regions on no
// contour take those of their surroundings.
SilhouetteFit FitSilhouettes(const Mesh& mesh,
                             absl::Span<const SilhouetteView> views,
                             const SilhouetteOptions& options);

}  // namespace dg4d

#endif  // DG4D_GEOMETRY_SILHOUETTE_FIT_H_
