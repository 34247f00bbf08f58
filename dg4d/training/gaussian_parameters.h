#ifndef DG4D_TRAINING_GAUSSIAN_PARAMETERS_H_
#define DG4D_TRAINING_GAUSSIAN_PARAMETERS_H_

#include <ATen/core/Tensor.h>

#include "dg4d/core/options.h"
#include "dg4d/scene/gaussians.h"
#include "dg4d/training/adam.h"

namespace dg4d {

// How fast the parameters of Gaussians learn; the options of every stage that
// fits Gaussians. Visit it from the stage's own Visit, so that the names stand
// beside the stage's others: `rates.Visit(v)`.
struct GaussianRates {
  Schedule means;  // differs from stage to stage
  Schedule sh = {1e-2, 1e-2, 1};
  Schedule opacity = {5e-2, 5e-2, 1};
  Schedule scales = {5e-3, 5e-3, 1};
  Schedule rotation = {5e-3, 5e-3, 1};

  template <typename V>
  void Visit(V& v) {
    v("means_rate", means, "Learning rate of positions, in world units.");
    v("sh_rate", sh,
      "Learning rate of colours; a twentieth for higher coefficients.");
    v("opacity_rate", opacity, "Learning rate of opacity logits.");
    v("scale_rate", scales, "Learning rate of logarithms of scales.");
    v("rotation_rate", rotation, "Learning rate of quaternions.");
  }
};

// Adds `gaussians` to `adam` as the parameters means, quaternions, log_scales,
// opacity_logits, sh_dc and, if they have higher coefficients, sh_rest, which
// learn at a twentieth of the rate (Kerbl et al. 2023).
void AddGaussians(const Gaussians& gaussians, const GaussianRates& rates,
                  Adam& adam);

// The Gaussians in `adam` as they are now; differentiable.
Gaussians GaussiansIn(const Adam& adam);

// Keeps rows `kept` (int64 [M], any order) of the Gaussians in `adam` and puts
// `added`, of the same degree, behind them.
void ChangeGaussians(const at::Tensor& kept, const Gaussians& added,
                     Adam& adam);

// Copies without gradients: plain data.
Gaussians DetachedCopy(const Gaussians& gaussians);

}  // namespace dg4d

#endif  // DG4D_TRAINING_GAUSSIAN_PARAMETERS_H_
