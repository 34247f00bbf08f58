#ifndef DG4D_IMAGING_KNOWN_BACKGROUND_H_
#define DG4D_IMAGING_KNOWN_BACKGROUND_H_

#include <array>

#include "absl/status/statusor.h"
#include "dg4d/scene/image.h"

namespace dg4d {

// Cuts the object out of `image` (RGB), which was made to stand before
// `colour`, as CutOut does, but surely by that colour: also where the object
// reaches the picture's border, and where what made the picture did not hit the
// colour quite (by up to 0.15 in each channel).
//
// InvalidArgument, with advice, if nothing or everything looks like the object.
absl::StatusOr<Image> CutOutOf(const Image& image,
                               const std::array<float, 3>& colour);

}  // namespace dg4d

#endif  // DG4D_IMAGING_KNOWN_BACKGROUND_H_
