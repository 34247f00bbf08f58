#ifndef DG4D_GEOMETRY_VEC3_H_
#define DG4D_GEOMETRY_VEC3_H_

#include <cmath>

namespace dg4d {

// A point or a direction in space.
struct Vec3 {
  double x = 0, y = 0, z = 0;

  double operator[](int axis) const {
    return axis == 0 ? x : axis == 1 ? y : z;
  }
  Vec3& operator+=(const Vec3& b) {
    x += b.x;
    y += b.y;
    z += b.z;
    return *this;
  }
};

inline Vec3 operator+(const Vec3& a, const Vec3& b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z};
}
inline Vec3 operator-(const Vec3& a, const Vec3& b) {
  return {a.x - b.x, a.y - b.y, a.z - b.z};
}
inline Vec3 operator-(const Vec3& a) { return {-a.x, -a.y, -a.z}; }
inline Vec3 operator*(const Vec3& a, double s) {
  return {a.x * s, a.y * s, a.z * s};
}
inline Vec3 operator*(double s, const Vec3& a) { return a * s; }
inline double Dot(const Vec3& a, const Vec3& b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}
inline Vec3 Cross(const Vec3& a, const Vec3& b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
inline double Norm(const Vec3& a) { return std::sqrt(Dot(a, a)); }
// The unit vector along `a`; zero stays zero.
inline Vec3 Normalized(const Vec3& a) {
  const double norm = Norm(a);
  return norm > 0 ? a * (1 / norm) : a;
}

}  // namespace dg4d

#endif  // DG4D_GEOMETRY_VEC3_H_
