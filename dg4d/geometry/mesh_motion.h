#ifndef DG4D_GEOMETRY_MESH_MOTION_H_
#define DG4D_GEOMETRY_MESH_MOTION_H_

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <vector>

#include "dg4d/geometry/surface.h"

namespace dg4d {

// The nearest of a set of points, by a grid of cells.
class PointIndex {
 public:
  // `points` must outlive the index and stay as they are.
  explicit PointIndex(const std::vector<Vec3>& points);

  struct Neighbour {
    double squared_distance;
    int32_t point;
  };
  // The `count` points nearest to `query` (all, if there are fewer), nearest
  // first; of equally near ones, those of lower number.
  void Nearest(const Vec3& query, int count,
               std::vector<Neighbour>& result) const;

 private:
  std::array<int, 3> CellOf(const Vec3& point) const;

  const std::vector<Vec3>& points_;
  Vec3 lower_;
  double cell_ = 1;
  std::array<int, 3> cells_ = {1, 1, 1};
  IndexLists points_of_cell_;
};

struct MotionOptions {
  // How many points carry a vertex. Few follow fine motion, many are smooth.
  int carriers = 16;
  // Rounds of smoothing the displacements along the surface: they join what
  // different carriers say on both sides of a vertex.
  int smoothing = 3;
};

// Carries a surface by points that move, as skinning carries a skin by bones.
// At each time a vertex moves rigidly with the points that are nearest to it
// at the first: the least-squares rotation and translation under weights that
// fall to zero at the furthest carrier, so that they vary smoothly (moving
// least squares, Schaefer et al. 2006, Zhu & Gortler 2007).
class MotionTransfer {
 public:
  // `first` [N, 3]: where the points are when the surface is `surface`.
  MotionTransfer(const Surface& surface, const at::Tensor& first,
                 const MotionOptions& options);

  // The vertices when the points are at `means` [N, 3]. Exactly those of the
  // surface when they are at `first`.
  std::vector<Vec3> At(const at::Tensor& means) const;

 private:
  Vec3 Displacement(int64_t vertex, const std::vector<Vec3>& now) const;

  struct Carrier {
    int32_t point;
    float weight;  // they sum to 1
  };
  const MotionOptions options_;
  const std::vector<Vec3> vertices_;
  const std::vector<Vec3> first_;
  const IndexLists neighbours_;
  int carriers_ = 0;  // of each vertex
  std::vector<Carrier> carrier_lists_;
};

}  // namespace dg4d

#endif  // DG4D_GEOMETRY_MESH_MOTION_H_
