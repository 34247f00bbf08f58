#include "dg4d/stages/static_gaussians/initial_gaussians.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <utility>

#include "dg4d/base/random.h"
#include "dg4d/kernels/knn.h"

namespace dg4d::static_gaussians {
namespace {

constexpr double kPi = 3.14159265358979323846;
// Keeps two points on one spot from becoming Gaussians without extent.
constexpr double kMinSquaredDistance = 1e-7;

at::Tensor MeanSquaredNeighbourDistances(const at::Tensor& points) {
  at::Tensor distances = at::empty({points.size(0)});
  MeanSquaredDistanceToNearest3Cpu(
      {.points = points.data_ptr<float>(), .count = points.size(0)},
      distances.data_ptr<float>());
  return distances;
}

}  // namespace

Gaussians RandomBallGaussians(const RandomBall& ball, int sh_degree,
                              at::Generator& generator) {
  const at::Tensor azimuth = Uniform({ball.count}, 0, 2 * kPi, generator);
  const at::Tensor cosine = Uniform({ball.count}, -1, 1, generator);
  const at::Tensor radius =
      Uniform({ball.count}, 0, 1, generator).pow(1.0 / 3) * ball.radius;
  const at::Tensor sine = (1 - cosine * cosine).clamp_min(0).sqrt();

  Gaussians gaussians;
  gaussians.means = at::stack({radius * sine * azimuth.cos(),
                               radius * sine * azimuth.sin(), radius * cosine},
                              1);
  gaussians.log_scales = MeanSquaredNeighbourDistances(gaussians.means)
                             .clamp_min(kMinSquaredDistance)
                             .log()
                             .mul(0.5)
                             .unsqueeze(1)
                             .repeat({1, 3});
  gaussians.quaternions = at::zeros({ball.count, 4});
  gaussians.quaternions.select(1, 0).fill_(1);
  gaussians.opacity_logits =
      at::full({ball.count, 1}, std::log(ball.opacity / (1 - ball.opacity)));
  // Mid grey; the noise keeps equal Gaussians from staying equal.
  gaussians.sh = Uniform({ball.count, 1, 3}, 0, 1.0 / 255, generator);
  return WithShDegree(std::move(gaussians), sh_degree);
}

Gaussians WithShDegree(Gaussians gaussians, int sh_degree) {
  const int64_t wanted = static_cast<int64_t>(sh_degree + 1) * (sh_degree + 1);
  const int64_t missing = wanted - gaussians.sh.size(1);
  if (missing < 0) {
    gaussians.sh = gaussians.sh.narrow(1, 0, wanted).contiguous();
  } else if (missing > 0) {
    gaussians.sh = at::cat(
        {gaussians.sh,
         at::zeros({gaussians.size(), missing, 3}, gaussians.sh.options())},
        1);
  }
  return gaussians;
}

}  // namespace dg4d::static_gaussians
