#ifndef DG4D_KERNELS_MESH_ANTIALIAS_MATH_H_
#define DG4D_KERNELS_MESH_ANTIALIAS_MATH_H_

#include <cstdint>

#include "dg4d/kernels/host_device.h"
#include "dg4d/kernels/mesh_raster_math.h"

namespace dg4d::mesh_raster {

// One image's projected triangles.
template <typename Real>
struct Surface {
  const Real* positions;     // [V, 3]
  const int32_t* triangles;  // [T, 3]
  const int32_t* neighbors;  // [T, 3]

  DG4D_HOST_DEVICE Vector3<double> Position(int32_t row) const {
    const Real* q = positions + 3 * int64_t{row};
    return {double(q[0]), double(q[1]), double(q[2])};
  }
  DG4D_HOST_DEVICE bool SetUp(int32_t id, Triangle<double>& triangle) const {
    const int32_t* rows = triangles + 3 * int64_t{id};
    const Vector3<double> corners[3] = {Position(rows[0]), Position(rows[1]),
                                        Position(rows[2])};
    return SetUpTriangle(corners, rows, triangle);
  }
  // The corner of `id` that is neither row `a` nor row `b`.
  DG4D_HOST_DEVICE int CornerBeside(int32_t id, int32_t a, int32_t b) const {
    const int32_t* rows = triangles + 3 * int64_t{id};
    for (int k = 0; k < 2; ++k) {
      if (rows[k] != a && rows[k] != b) return k;
    }
    return 2;
  }
};

enum class WalkEnd { kNowhere, kAtOther, kAtSilhouette };

struct Walk {
  WalkEnd end = WalkEnd::kNowhere;
  int32_t edge_rows[2] = {};  // the silhouette edge's vertices
  Vector3<double> edge;       // its function
  double t = 0;               // where it crosses, of the way from a to b
};

// Follows the surface seen at pixel centre a, from its triangle `id` there,
// towards pixel centre b, until it folds away or ends (a silhouette), comes to
// triangle `other`, or lies under b. Crossing an edge e happens at
//   t = e(a) / (e(a) - e(b)).
template <typename Real>
DG4D_HOST_DEVICE inline Walk WalkToSilhouette(const Surface<Real>& surface,
                                              int32_t id, int32_t other,
                                              double ax, double ay, double bx,
                                              double by) {
  // Triangles between the centres of two pixels; more means that the mesh is
  // far too fine for the image to be smoothed by its edges.
  constexpr int kMostTriangles = 64;
  Walk walk;
  int entry = -1;
  for (int step = 0; step < kMostTriangles; ++step) {
    Triangle<double> triangle;
    if (!surface.SetUp(id, triangle)) return walk;
    int exit = -1;
    double exit_t = 0;
    for (int k = 0; k < 3; ++k) {
      if (k == entry) continue;
      const double at_b = EdgeValue(triangle.edges[k], bx, by);
      // As the z-buffer sees it: b may lie on an edge that is not its owner's.
      if (at_b > 0 || (at_b == 0 && OwnsItsPoints(triangle.edges[k]))) continue;
      const double at_a = EdgeValue(triangle.edges[k], ax, ay);
      double t = at_a > 0 ? at_a / (at_a - at_b) : 0.0;
      if (t < walk.t) t = walk.t;
      if (exit < 0 || t < exit_t) {
        exit = k;
        exit_t = t;
      }
    }
    if (exit < 0) return walk;
    walk.t = exit_t;
    const int32_t* rows = surface.triangles + 3 * int64_t{id};
    const int32_t a = rows[(exit + 1) % 3], b = rows[(exit + 2) % 3];
    const int32_t next = surface.neighbors[3 * int64_t{id} + exit];
    if (next >= 0) {
      entry = surface.CornerBeside(next, a, b);
      const int32_t beyond = surface.triangles[3 * int64_t{next} + entry];
      // Beside the edge, not on the triangle's own side, the surface goes on.
      if (Dot(triangle.edges[exit], surface.Position(beyond)) <= 0) {
        if (next == other) {
          walk.end = WalkEnd::kAtOther;
          return walk;
        }
        id = next;
        continue;
      }
    }
    walk.end = WalkEnd::kAtSilhouette;
    walk.edge_rows[0] = a;
    walk.edge_rows[1] = b;
    walk.edge = triangle.edges[exit];
    return walk;
  }
  return walk;
}

// Two adjacent pixels and what is seen there.
struct PixelPair {
  double x, y;     // centre of the first
  int axis;        // the second is one pixel further along x (0) or y (1)
  int32_t ids[2];  // triangles, -1 where empty
  double depths[2];
};

struct PairCrossing {
  bool found = false;
  bool first_is_nearer = false;
  Walk walk;
};

// The silhouette between two pixels, if one acts along their axis.
template <typename Real>
DG4D_HOST_DEVICE inline PairCrossing FindCrossing(const Surface<Real>& surface,
                                                  const PixelPair& pair) {
  PairCrossing crossing;
  const double x[2] = {pair.x, pair.axis == 0 ? pair.x + 1 : pair.x};
  const double y[2] = {pair.y, pair.axis == 1 ? pair.y + 1 : pair.y};
  int front = pair.ids[0] < 0                    ? 1
              : pair.ids[1] < 0                  ? 0
              : pair.depths[0] <= pair.depths[1] ? 0
                                                 : 1;
  // The nearer surface may go on behind the other (ground before a foot), whose
  // silhouette it then is.
  for (int attempt = 0; attempt < 2; ++attempt, front = 1 - front) {
    if (pair.ids[front] < 0) return crossing;
    const int back = 1 - front;
    const Walk walk = WalkToSilhouette(surface, pair.ids[front], pair.ids[back],
                                       x[front], y[front], x[back], y[back]);
    if (walk.end == WalkEnd::kAtOther) return crossing;
    if (walk.end == WalkEnd::kNowhere) continue;
    const double along_x = walk.edge.x < 0 ? -walk.edge.x : walk.edge.x;
    const double along_y = walk.edge.y < 0 ? -walk.edge.y : walk.edge.y;
    if ((along_x >= along_y) == (pair.axis == 0)) {
      crossing = {.found = true, .first_is_nearer = front == 0, .walk = walk};
    }
    return crossing;
  }
  return crossing;
}

// How much of the first pixel's colour the second blends; negative: how much of
// the second's the first blends. In [-1/2, 1/2].
DG4D_HOST_DEVICE inline double PairWeight(const PairCrossing& crossing) {
  const double t = crossing.walk.t;
  return crossing.first_is_nearer ? t - 0.5 : 0.5 - t;
}

// Adds the gradient of PairWeight to those of the edge's two vertices.
template <typename Real>
DG4D_HOST_DEVICE inline void PairWeightVjp(
    const Surface<Real>& surface, const PixelPair& pair,
    const PairCrossing& crossing, double weight_gradient,
    Vector3<double> vertex_gradients[2]) {
  const int front = crossing.first_is_nearer ? 0 : 1;
  const Vector3<double> first = {pair.x, pair.y, 1};
  const Vector3<double> second = {pair.x + (pair.axis == 0 ? 1 : 0),
                                  pair.y + (pair.axis == 1 ? 1 : 0), 1};
  const Vector3<double>& a = front == 0 ? first : second;
  const Vector3<double>& b = front == 0 ? second : first;
  const Vector3<double> from = surface.Position(crossing.walk.edge_rows[0]);
  const Vector3<double> to = surface.Position(crossing.walk.edge_rows[1]);
  // t = e(a) / (e(a) - e(b)):
  //   dt/de(a) = -e(b) / (e(a) - e(b))^2,   dt/de(b) = e(a) / (e(a) - e(b))^2
  const Vector3<double> edge = Cross(from, to);
  const double at_a = Dot(edge, a), at_b = Dot(edge, b);
  const double difference = at_a - at_b;
  if (!(difference * difference > 0)) return;
  const double scale = (front == 0 ? weight_gradient : -weight_gradient) /
                       (difference * difference);
  const Vector3<double> edge_gradient =
      (-scale * at_b) * a + (scale * at_a) * b;
  CrossVjp(from, to, edge_gradient, vertex_gradients[0], vertex_gradients[1]);
}

}  // namespace dg4d::mesh_raster

#endif  // DG4D_KERNELS_MESH_ANTIALIAS_MATH_H_
