#ifndef DG4D_IMAGING_SIMILARITY_H_
#define DG4D_IMAGING_SIMILARITY_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dg4d/imaging/cut_out.h"
#include "dg4d/scene/image.h"

namespace dg4d {

// Turns, scales and moves a picture. Coordinates are continuous, in pixels,
// with pixel centres at +0.5:
//
//   target = scale * R(angle) * source + (x, y)
//
// with R(angle) = [[cos, -sin], [sin, cos]], y downwards.
struct Similarity {
  double scale = 1;
  double angle = 0;  // radians
  double x = 0;      // pixels of the target
  double y = 0;
};

// `image` moved by `target_from_source` into a transparent RGBA picture of
// height x width. Shrinking averages over the area of each target pixel;
// colours are weighted by alpha. An RGB image counts as opaque.
Image Warp(const Image& image, const Similarity& target_from_source, int height,
           int width);

// The box around the pixels of `image` whose alpha is above 2 %, its last row
// and column included. Empty if there are none.
Rectangle ObjectBox(const Image& image);

// OK, or InvalidArgument with advice if the longer side of the object's box is
// under 8 pixels: too little to make anything of.
absl::Status CheckObjectSize(const Image& image);

// `image` scaled so that the longer side of the object's box is `size` x
// (1 - border_ratio), in the centre of a transparent size x size square.
// The errors of CheckObjectSize.
absl::StatusOr<Image> Recenter(const Image& image, int size,
                               double border_ratio);

// Padded with transparency to a square, around its centre.
Image PadToSquare(const Image& image);

// The Similarity that shows `source` most like `target`, both RGBA with an
// object: first from the centroids and areas of their alphas, then by
// minimising the squared difference of the premultiplied pictures
// (Gauss-Newton with damping, from coarse to fine).
Similarity Register(const Image& source, const Image& target);

}  // namespace dg4d

#endif  // DG4D_IMAGING_SIMILARITY_H_
