#ifndef DG4D_KERNELS_MESH_RASTER_MATH_H_
#define DG4D_KERNELS_MESH_RASTER_MATH_H_

#include <cstdint>

#include "dg4d/kernels/host_device.h"

namespace dg4d::mesh_raster {

// Everything here works on homogeneous pixel positions q = (x z, y z, z), as
// Olano & Greer 1997, "Triangle scan conversion using 2D homogeneous
// coordinates": no triangle needs clipping, not even one that passes the
// camera. With p = (x, y, 1) and the edge function opposite corner k
//   e_k(p) = (q_{k+1} x q_{k+2}) . p,   s = e_0 + e_1 + e_2,
//   d = q_0 . (q_1 x q_2)
// a point of the triangle seen at p has weights e_k / s and depth d / s.

template <typename Real>
struct Vector3 {
  Real x = 0, y = 0, z = 0;
};

// a b, rounded before anything is added to it, so that a GPU, which would fuse
// the sum, decides on the same pixels as the CPU.
DG4D_HOST_DEVICE inline float Product(float a, float b) {
#ifdef __CUDA_ARCH__
  return __fmul_rn(a, b);
#else
  return a * b;
#endif
}

DG4D_HOST_DEVICE inline double Product(double a, double b) {
#ifdef __CUDA_ARCH__
  return __dmul_rn(a, b);
#else
  return a * b;
#endif
}

template <typename Real>
DG4D_HOST_DEVICE inline Vector3<Real> operator+(const Vector3<Real>& a,
                                                const Vector3<Real>& b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z};
}

template <typename Real>
DG4D_HOST_DEVICE inline Vector3<Real>& operator+=(Vector3<Real>& a,
                                                  const Vector3<Real>& b) {
  return a = a + b;
}

template <typename Real>
DG4D_HOST_DEVICE inline Vector3<Real> operator*(Real s,
                                                const Vector3<Real>& a) {
  return {Product(s, a.x), Product(s, a.y), Product(s, a.z)};
}

template <typename Real>
DG4D_HOST_DEVICE inline Real Dot(const Vector3<Real>& a,
                                 const Vector3<Real>& b) {
  return Product(a.x, b.x) + Product(a.y, b.y) + Product(a.z, b.z);
}

template <typename Real>
DG4D_HOST_DEVICE inline Vector3<Real> Cross(const Vector3<Real>& a,
                                            const Vector3<Real>& b) {
  return {Product(a.y, b.z) - Product(a.z, b.y),
          Product(a.z, b.x) - Product(a.x, b.z),
          Product(a.x, b.y) - Product(a.y, b.x)};
}

// c = a x b: a' = b x c', b' = c' x a.
template <typename Real>
DG4D_HOST_DEVICE inline void CrossVjp(const Vector3<Real>& a,
                                      const Vector3<Real>& b,
                                      const Vector3<Real>& gradient,
                                      Vector3<Real>& a_gradient,
                                      Vector3<Real>& b_gradient) {
  a_gradient += Cross(b, gradient);
  b_gradient += Cross(gradient, a);
}

// The edge function through `a` and `b`, vertices of rows `a_row` and `b_row`.
// Computed from the lower row to the higher: both triangles at an edge get the
// same numbers but for the sign, also where products are fused with sums.
template <typename Real>
DG4D_HOST_DEVICE inline Vector3<Real> EdgeFunction(const Vector3<Real>& a,
                                                   int32_t a_row,
                                                   const Vector3<Real>& b,
                                                   int32_t b_row) {
  return a_row < b_row ? Cross(a, b) : Real(-1) * Cross(b, a);
}

// Its value at (x, y): the same numbers for the same pixel, whoever asks.
template <typename Real>
DG4D_HOST_DEVICE inline Real EdgeValue(const Vector3<Real>& edge, Real x,
                                       Real y) {
  return Product(edge.x, x) + (Product(edge.y, y) + edge.z);
}

// Whether a point exactly on `edge` (positive inside) is inside: if the edge is
// a left or top edge. Of an edge and its negative exactly one is.
template <typename Real>
DG4D_HOST_DEVICE inline bool OwnsItsPoints(const Vector3<Real>& edge) {
  return edge.x > 0 ||
         (edge.x == 0 && (edge.y > 0 || (edge.y == 0 && edge.z > 0)));
}

template <typename Real>
struct Triangle {
  Vector3<Real> edges[3];  // opposite corner k, positive inside
  Real determinant = 0;    // d above, made positive as the edges are
};

// False if the triangle cannot be seen: no area, or not finite.
template <typename Real>
DG4D_HOST_DEVICE inline bool SetUpTriangle(const Vector3<Real> corners[3],
                                           const int32_t rows[3],
                                           Triangle<Real>& triangle) {
  for (int k = 0; k < 3; ++k) {
    const int a = (k + 1) % 3, b = (k + 2) % 3;
    triangle.edges[k] = EdgeFunction(corners[a], rows[a], corners[b], rows[b]);
  }
  triangle.determinant = Dot(corners[0], triangle.edges[0]);
  if (triangle.determinant < 0) {
    triangle.determinant = -triangle.determinant;
    for (auto& edge : triangle.edges) edge = Real(-1) * edge;
  }
  // x - x is 0 but for infinity and NaN.
  const Real finite = triangle.determinant - triangle.determinant;
  return finite == 0 && triangle.determinant > 0;
}

// What is seen of a triangle at a pixel.
template <typename Real>
struct Fragment {
  Real barycentrics[2] = {};
  Real derivatives[2][2] = {};  // of barycentric i with respect to x, y
  Real depth = 0;
};

//   b_k = e_k / s,   db_k/dx = (de_k/dx - b_k ds/dx) / s,   z = d / s
template <typename Real>
DG4D_HOST_DEVICE inline Fragment<Real> FragmentAt(
    const Triangle<Real>& triangle, Real x, Real y) {
  const Vector3<Real> sum =
      triangle.edges[0] + triangle.edges[1] + triangle.edges[2];
  const Real inverse = 1 / EdgeValue(sum, x, y);
  Fragment<Real> fragment;
  for (int k = 0; k < 2; ++k) {
    const Vector3<Real>& edge = triangle.edges[k];
    const Real b = EdgeValue(edge, x, y) * inverse;
    fragment.barycentrics[k] = b;
    fragment.derivatives[k][0] = (edge.x - b * sum.x) * inverse;
    fragment.derivatives[k][1] = (edge.y - b * sum.y) * inverse;
  }
  fragment.depth = triangle.determinant * inverse;
  return fragment;
}

// Adds to the gradients of the three corners. `gradient` is of FragmentAt's
// result; the sign that SetUpTriangle may flip cancels in it.
template <typename Real>
DG4D_HOST_DEVICE inline void FragmentVjp(const Vector3<Real> corners[3], Real x,
                                         Real y, const Fragment<Real>& gradient,
                                         Vector3<Real> corner_gradients[3]) {
  Vector3<Real> edges[3];
  for (int k = 0; k < 3; ++k) {
    edges[k] = Cross(corners[(k + 1) % 3], corners[(k + 2) % 3]);
  }
  const Vector3<Real> sum = edges[0] + edges[1] + edges[2];
  const Vector3<Real> p = {x, y, 1};
  const Real inverse = 1 / Dot(sum, p);
  const Real depth = Dot(corners[0], edges[0]) * inverse;

  Vector3<Real> edge_gradients[3];
  Vector3<Real> sum_gradient;
  Real s_gradient = -gradient.depth * depth * inverse;
  for (int k = 0; k < 2; ++k) {
    const Real b = Dot(edges[k], p) * inverse;
    const Real bx = (edges[k].x - b * sum.x) * inverse;
    const Real by = (edges[k].y - b * sum.y) * inverse;
    const Real gx = gradient.derivatives[k][0] * inverse;
    const Real gy = gradient.derivatives[k][1] * inverse;
    const Real gb = gradient.barycentrics[k] * inverse - gx * sum.x * inverse -
                    gy * sum.y * inverse;
    edge_gradients[k] = gb * p;
    edge_gradients[k].x += gx;
    edge_gradients[k].y += gy;
    sum_gradient.x -= gx * b;
    sum_gradient.y -= gy * b;
    s_gradient -= gb * b + gx * bx + gy * by;
  }
  sum_gradient += s_gradient * p;
  for (auto& edge_gradient : edge_gradients) edge_gradient += sum_gradient;

  const Real determinant_gradient = gradient.depth * inverse;
  edge_gradients[0] += determinant_gradient * corners[0];
  corner_gradients[0] += determinant_gradient * edges[0];
  for (int k = 0; k < 3; ++k) {
    const int a = (k + 1) % 3, b = (k + 2) % 3;
    CrossVjp(corners[a], corners[b], edge_gradients[k], corner_gradients[a],
             corner_gradients[b]);
  }
}

// Gradients of an attribute that has `corners` [3] at a triangle's corners and
// is interpolated at `fragment`, from that of its value and those of its slopes
// [2] along x and y: writes those of the corners [3] and adds the fragment's to
// `gradient`.
DG4D_HOST_DEVICE inline void InterpolationVjp(const double corners[3],
                                              const Fragment<double>& fragment,
                                              double value_gradient,
                                              const double slope_gradients[2],
                                              double corner_gradients[3],
                                              Fragment<double>& gradient) {
  corner_gradients[2] = value_gradient;
  for (int k = 0; k < 2; ++k) {
    const double difference = corners[k] - corners[2];
    corner_gradients[k] = fragment.barycentrics[k] * value_gradient;
    gradient.barycentrics[k] += difference * value_gradient;
    for (int axis = 0; axis < 2; ++axis) {
      corner_gradients[k] +=
          fragment.derivatives[k][axis] * slope_gradients[axis];
      gradient.derivatives[k][axis] += difference * slope_gradients[axis];
    }
    corner_gradients[2] -= corner_gradients[k];
  }
}

// The pixel position of a world point: rows of `view_from_world` [3, 4], with
// the principal point at (cx, cy).
template <typename Real>
DG4D_HOST_DEVICE inline Vector3<Real> Project(const Real* view_from_world,
                                              Real fx, Real fy, Real cx,
                                              Real cy, const Real* point) {
  Real view[3];
  for (int i = 0; i < 3; ++i) {
    const Real* row = view_from_world + 4 * i;
    view[i] =
        row[0] * point[0] + row[1] * point[1] + row[2] * point[2] + row[3];
  }
  return {fx * view[0] + cx * view[2], fy * view[1] + cy * view[2], view[2]};
}

template <typename Real>
DG4D_HOST_DEVICE inline Vector3<Real> ProjectVjp(const Real* view_from_world,
                                                 Real fx, Real fy, Real cx,
                                                 Real cy,
                                                 const Real* gradient) {
  const Real view[3] = {fx * gradient[0], fy * gradient[1],
                        cx * gradient[0] + cy * gradient[1] + gradient[2]};
  const Real* m = view_from_world;
  return {m[0] * view[0] + m[4] * view[1] + m[8] * view[2],
          m[1] * view[0] + m[5] * view[1] + m[9] * view[2],
          m[2] * view[0] + m[6] * view[1] + m[10] * view[2]};
}

}  // namespace dg4d::mesh_raster

#endif  // DG4D_KERNELS_MESH_RASTER_MATH_H_
