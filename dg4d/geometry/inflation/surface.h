#ifndef DG4D_GEOMETRY_INFLATION_SURFACE_H_
#define DG4D_GEOMETRY_INFLATION_SURFACE_H_

#include <array>
#include <vector>

#include "dg4d/geometry/inflation/heights.h"
#include "dg4d/geometry/inflation/plane.h"
#include "dg4d/scene/camera.h"

namespace dg4d::inflation {

// The frame in which surfaces are built and moved: that of the reference
// camera, x right, y up, z towards the camera, but with its origin where the
// camera's axis passes the origin of the world, the target.
struct ReferenceFrame {
  std::array<double, 3> right, up, back;  // in world space
  std::array<double, 3> origin;           // world
  double radius;  // from the camera to the target, world units
  int size;       // of the picture, pixels
  double pixel;   // world size of a pixel at the target

  std::array<double, 3> World(const std::array<double, 3>& p) const;
  // The point of height `z` (world units) on the ray of pixel (x, y).
  std::array<double, 3> OnRay(double x, double y, double z) const;
  // The pixel (x, y) that sees `p`.
  std::array<double, 2> Project(const std::array<double, 3>& p) const;
};
ReferenceFrame MakeReferenceFrame(const Camera& camera, int size);

// Two copies of the sheet of a cutout, one in front and one behind the plane
// through the target, joined by walls along the contour: a closed manifold.
struct Surface {
  // The first half is the front, the second half, in the same order, the back.
  std::vector<std::array<double, 3>> vertices;  // ReferenceFrame
  std::vector<std::array<double, 2>> pixels;    // of each vertex: x, y
  // Front, then back, then walls; counter-clockwise seen from outside.
  std::vector<std::array<int, 3>> triangles;
  int sheet_triangles = 0;  // how many the front has, and the back
  // How straight the back goes at each pixel: 1 straight back, 0 on the ray.
  Plane<float> straightness;

  int sheet_vertices() const { return static_cast<int>(vertices.size()) / 2; }
  bool IsWall(int triangle) const { return triangle >= 2 * sheet_triangles; }
};

// The point of the back of height `z` behind pixel (x, y), for a straightness
// there.
std::array<double, 3> BackPoint(const ReferenceFrame& frame, double x, double y,
                                double z, double straightness);

// `alpha` is that of the cutout from which `heights` were computed. The front
// lies on the rays of its pixels. The back lies straight behind where the
// silhouette hides it from the camera, and on the rays elsewhere.
Surface BuildSurface(const Plane<float>& alpha, const Heights& heights,
                     const ReferenceFrame& frame);

}  // namespace dg4d::inflation

#endif  // DG4D_GEOMETRY_INFLATION_SURFACE_H_
