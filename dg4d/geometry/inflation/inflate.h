#ifndef DG4D_GEOMETRY_INFLATION_INFLATE_H_
#define DG4D_GEOMETRY_INFLATION_INFLATE_H_

#include "absl/status/statusor.h"
#include "dg4d/geometry/inflation/front_colours.h"
#include "dg4d/geometry/inflation/heights.h"
#include "dg4d/geometry/inflation/plane.h"
#include "dg4d/geometry/inflation/surface.h"
#include "dg4d/scene/camera.h"
#include "dg4d/scene/image.h"
#include "dg4d/scene/mesh.h"

namespace dg4d::inflation {

struct InflationOptions {
  // Geometry and back are computed at this size; a larger picture is reduced
  // to it (pixels, 32 to 512).
  int size = 256;
  // The front keeps the picture's own resolution up to this many pixels.
  int texture_size = 1024;
  // Soft limit of the height, in halves of the picture.
  double thickness = 0.46;
  double hem_min_aspect = 0.6;  // see FindHems
  // Whether a picture that fills its frame is accepted: it becomes a slab.
  bool allow_full_frame = false;
};

// A picture inflated to a closed, textured surface, and the maps it was built
// from. All planes are at the size of the geometry.
struct Inflation {
  Cutout cutout;
  RgbPlane front_colours;  // free of background, defined everywhere
  RgbPlane front;          // what the surface's front shows
  RgbPlane back;
  Heights heights;
  ReferenceFrame frame;
  Surface surface;
  Image atlas;  // RGB: the front's texture, and right of it the back's
};

// Inflates `picture` (square, RGBA) as `camera` sees it: a union of balls
// inscribed in the silhouette, cut flat where the object stands, open below
// hems; in front the picture itself, behind it what crosses the silhouette.
//
// InvalidArgument if the picture has no alpha, is not square, shows (almost)
// nothing or nothing but object, or if the camera does not face the origin.
absl::StatusOr<Inflation> Inflate(const Image& picture, const Camera& camera,
                                  const InflationOptions& options = {});

// The surface with its vertices at `vertices` (ReferenceFrame; one for each of
// the surface's) as a mesh in world space, textured with the atlas.
Mesh MeshOf(const Inflation& inflation,
            const std::vector<std::array<double, 3>>& vertices);
inline Mesh MeshOf(const Inflation& inflation) {
  return MeshOf(inflation, inflation.surface.vertices);
}

// Image to planes: the picture as a cutout of `size` x `size`, without specks.
Cutout MakeCutout(const Image& picture, int size);
Image ImageOf(const RgbPlane& plane);

}  // namespace dg4d::inflation

#endif  // DG4D_GEOMETRY_INFLATION_INFLATE_H_
