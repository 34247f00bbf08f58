#ifndef DG4D_GEOMETRY_TEXTURE_BAKE_H_
#define DG4D_GEOMETRY_TEXTURE_BAKE_H_

#include "absl/types/span.h"
#include "dg4d/scene/camera.h"
#include "dg4d/scene/image.h"
#include "dg4d/scene/mesh.h"

namespace dg4d {

// A picture of what the texture is to show. float32, on the CPU.
struct BakeView {
  Camera camera;
  at::Tensor rgb;    // [3, H, W], premultiplied: over black
  at::Tensor alpha;  // [1, H, W]
  double weight = 1;
};

struct BakeOptions {
  int size = 1024;  // texels along each side
  // A view counts in a texel by the cosine of the angle between its ray and
  // the normal to this power: the view that sees it best decides, others
  // blend in where that changes.
  double sharpness = 6;
  // A view's weight fades towards its own silhouettes and occlusions over
  // this many pixels: there depth and colour are uncertain.
  double fade_pixels = 3;
};

// The texture of `mesh` (with uvs) as `views` show it: each texel is looked up
// in every view that sees it (tested against the mesh's own depth), and the
// colours are blended by weights that vary smoothly over the surface. What no
// view sees takes its colour from the nearest surface that is seen, along the
// surface. Beyond the charts colours continue (push-pull). RGB, texel (i, j)'s
// centre at ((j + 1/2) / size, (i + 1/2) / size).
Image BakeTexture(const Mesh& mesh, absl::Span<const BakeView> views,
                  const BakeOptions& options);

}  // namespace dg4d

#endif  // DG4D_GEOMETRY_TEXTURE_BAKE_H_
