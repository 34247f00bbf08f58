#ifndef DG4D_STAGES_STATIC_GAUSSIANS_INITIAL_GAUSSIANS_H_
#define DG4D_STAGES_STATIC_GAUSSIANS_INITIAL_GAUSSIANS_H_

#include <ATen/core/Generator.h>

#include <cstdint>

#include "dg4d/scene/gaussians.h"

namespace dg4d::static_gaussians {

struct RandomBall {
  int64_t count = 5000;
  double radius = 0.5;  // world units
  double opacity = 0.1;
};

// Round grey Gaussians, uniform in a ball around the origin, each as large as
// its distance to its neighbours.
Gaussians RandomBallGaussians(const RandomBall& ball, int sh_degree,
                              at::Generator& generator);

// `gaussians` with the number of SH coefficients of `sh_degree`: zeros are
// added, or the highest ones dropped.
Gaussians WithShDegree(Gaussians gaussians, int sh_degree);

}  // namespace dg4d::static_gaussians

#endif  // DG4D_STAGES_STATIC_GAUSSIANS_INITIAL_GAUSSIANS_H_
