#ifndef DG4D_GEOMETRY_GAUSSIAN_SHELL_H_
#define DG4D_GEOMETRY_GAUSSIAN_SHELL_H_

#include <vector>

#include "dg4d/geometry/vec3.h"
#include "dg4d/scene/gaussians.h"

namespace dg4d {

// A point of a surface with its outward unit normal and a colour.
struct Surfel {
  Vec3 position;
  Vec3 normal;
  Vec3 rgb = {0.5, 0.5, 0.5};
};

// About evenly spaced points on a sphere (a Fibonacci spiral) about `centre`.
std::vector<Surfel> SphereSurfels(const Vec3& centre, double radius,
                                  double spacing);

// About evenly spaced points on a torus around the z axis.
std::vector<Surfel> TorusSurfels(double major_radius, double minor_radius,
                                 double spacing);

// For tests: a flat, nearly opaque Gaussian for each of `surfels`, which lie
// `spacing` apart; standard deviations 0.6 and 0.12 of the spacing.
Gaussians DiscGaussians(const std::vector<Surfel>& surfels, double spacing);

}  // namespace dg4d

#endif  // DG4D_GEOMETRY_GAUSSIAN_SHELL_H_
