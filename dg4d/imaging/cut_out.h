#ifndef DG4D_IMAGING_CUT_OUT_H_
#define DG4D_IMAGING_CUT_OUT_H_

#include <ATen/core/Tensor.h>

#include "absl/status/statusor.h"
#include "dg4d/scene/image.h"

namespace dg4d {

// Pixels [x, x + width) x [y, y + height).
struct Rectangle {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;

  bool empty() const { return width <= 0 || height <= 0; }
};

struct CutOutOptions {
  // Everything outside is background. Empty: the whole picture.
  Rectangle rectangle;
  // [H, W] in [0, 1]: about where the object is, for example its mask in the
  // frame before. Undefined: judged by the colours along the picture's border.
  at::Tensor guess;
  // Rounds of GrabCut, for backgrounds that are not plain.
  int iterations = 5;
};

// Removes the background of `image` (RGB; alpha is ignored): RGBA of the same
// size, with a soft edge whose colours are the object's own.
//
// A background that varies slowly along the border (a white page, a studio
// backdrop) is modelled and subtracted; patches of it that the object encloses
// are holes if they have an edge, unlike highlights. Any other background is
// told from the object by its colours (GrabCut, Rother et al. 2004) at 480
// pixels, corrected by what is near and alike, and its contour smoothed. Either
// way the edge is then solved for at full resolution, from the colours on both
// sides of it; before a background that is not plain it stays at that contour
// where the colours of either side vary.
//
// Deterministic. InvalidArgument, with advice, if the picture is too small to
// tell, or nothing or everything looks like the object.
absl::StatusOr<Image> CutOut(const Image& image,
                             const CutOutOptions& options = {});

// `image` with `alpha` [H, W] in [0, 1] instead of its own. Where alpha is
// between 0 and 1, colours lose what they have of the background beside them.
Image WithAlpha(const Image& image, const at::Tensor& alpha);

// Whether the alpha of `image` says anything: files often carry one that is
// opaque all over.
bool HasRealAlpha(const Image& image);

}  // namespace dg4d

#endif  // DG4D_IMAGING_CUT_OUT_H_
