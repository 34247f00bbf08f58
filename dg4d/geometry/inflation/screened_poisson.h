#ifndef DG4D_GEOMETRY_INFLATION_SCREENED_POISSON_H_
#define DG4D_GEOMETRY_INFLATION_SCREENED_POISSON_H_

#include "dg4d/geometry/inflation/plane.h"

namespace dg4d::inflation {

// Solves (1 - lambda Laplacian) v = u on the set pixels of `domain`, v = 0
// elsewhere and beyond the border (5-point Laplacian), by conjugate gradients
// from `start` to a relative residual of 1e-4.
Plane<float> SolveScreenedPoisson(const Plane<float>& u, const Mask& domain,
                                  double lambda, const Plane<float>& start);

}  // namespace dg4d::inflation

#endif  // DG4D_GEOMETRY_INFLATION_SCREENED_POISSON_H_
