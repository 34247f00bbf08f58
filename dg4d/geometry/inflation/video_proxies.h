#ifndef DG4D_GEOMETRY_INFLATION_VIDEO_PROXIES_H_
#define DG4D_GEOMETRY_INFLATION_VIDEO_PROXIES_H_

#include <vector>

#include "absl/status/statusor.h"
#include "dg4d/geometry/inflation/inflate.h"
#include "dg4d/scene/camera.h"
#include "dg4d/scene/image.h"
#include "dg4d/scene/mesh.h"

namespace dg4d::inflation {

// A proxy for each frame of a film whose motion is not known otherwise. Frame 0
// is `reference`, inflated. Later frames take contour and front from their own
// picture; thickness and back come from frame 0 by optical flow (Kroeger et al.
// 2016), so that they do not flicker. Where the flow does not lead back to the
// object (a cut, something new), a frame is inflated by itself.
//
// Meshes differ in topology and texture; later frames have textures of
// options.size. Errors as Inflate, naming the frame.
absl::StatusOr<std::vector<Mesh>> InflateVideo(const Image& reference,
                                               const std::vector<Image>& frames,
                                               const Camera& camera,
                                               const InflationOptions& options);

}  // namespace dg4d::inflation

#endif  // DG4D_GEOMETRY_INFLATION_VIDEO_PROXIES_H_
