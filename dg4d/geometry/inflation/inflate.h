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
  int size = 256;
  int texture_size = 1024;
  double thickness = 0.46;
  double hem_min_aspect = 0.6;
  bool allow_full_frame = false;

  template <typename V>
  void Visit(V& v) {
    v("size", size,
      "Pixels of the geometry and of the back, 32 to 512; a larger picture is "
      "reduced to it.");
    v("texture_size", texture_size,
      "The front keeps the picture's resolution up to this many pixels.");
    v("thickness", thickness,
      "Soft limit of the thickness, in halves of the picture.");
    v("hem_min_aspect", hem_min_aspect,
      "A skirt is open below if it is this much as high as wide; 0 finds more "
      "hems, also under the bellies of animals.");
    v("allow_full_frame", allow_full_frame,
      "Accept a picture that fills its frame: it becomes a rounded slab.");
  }
  absl::Status Validate() const;
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

// The two halves of Inflate, for callers that change what lies between: all but
// `back`, `surface` and `atlas`; then, from these and a `back`, the rest.
absl::StatusOr<Inflation> InflateHeights(const Image& picture,
                                         const Camera& camera,
                                         const InflationOptions& options);
void FinishSurface(const Image& picture, const InflationOptions& options,
                   Inflation& inflation);

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
