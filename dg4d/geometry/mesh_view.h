#ifndef DG4D_GEOMETRY_MESH_VIEW_H_
#define DG4D_GEOMETRY_MESH_VIEW_H_

#include <array>
#include <cstdint>
#include <vector>

#include "dg4d/geometry/surface.h"
#include "dg4d/geometry/vec3.h"
#include "dg4d/scene/camera.h"

namespace dg4d {

// Projects points as `camera` sees them.
class Projector {
 public:
  explicit Projector(const Camera& camera);

  // (x, y) in pixels, (0, 0) the top left corner of the picture, and the depth
  // along the viewing axis.
  Vec3 Project(const Vec3& point) const;
  const Vec3& position() const { return position_; }
  double focal() const { return focal_; }

 private:
  std::array<double, 16> camera_from_world_;
  Vec3 position_;
  double focal_, center_x_, center_y_;
};

// What each pixel centre of a view sees.
struct SurfaceView {
  int width = 0;
  int height = 0;
  std::vector<int32_t> triangles;  // [height, width], -1 where empty
  std::vector<float> depths;       // along the viewing axis; 0 where empty
};
SurfaceView ViewSurface(const Surface& surface, const Camera& camera);

// The triangle under each texel centre of a texture of size x size, and the
// place in it.
struct TexelMap {
  std::vector<int32_t> triangles;   // [size, size], -1 outside the charts
  std::vector<float> barycentrics;  // [size, size, 2], of corners 0 and 1
};
TexelMap MapTexels(const Mesh& mesh, int size);

}  // namespace dg4d

#endif  // DG4D_GEOMETRY_MESH_VIEW_H_
