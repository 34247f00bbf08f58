#include "dg4d/training/gaussian_parameters.h"

#include <ATen/ops/cat.h>

namespace dg4d {
namespace {

constexpr double kShRestShare = 1.0 / 20;

// The coefficients of `sh` [N, K, 3] after the first.
at::Tensor RestOf(const at::Tensor& sh) {
  return sh.narrow(1, 1, sh.size(1) - 1);
}

}  // namespace

void AddGaussians(const Gaussians& gaussians, const GaussianRates& rates,
                  Adam& adam) {
  adam.Add("means", gaussians.means, rates.means);
  adam.Add("quaternions", gaussians.quaternions, rates.rotation);
  adam.Add("log_scales", gaussians.log_scales, rates.scales);
  adam.Add("opacity_logits", gaussians.opacity_logits, rates.opacity);
  adam.Add("sh_dc", gaussians.sh.narrow(1, 0, 1), rates.sh);
  if (gaussians.sh.size(1) == 1) return;
  Schedule rest_rate = rates.sh;
  rest_rate.from *= kShRestShare;
  rest_rate.to *= kShRestShare;
  adam.Add("sh_rest", RestOf(gaussians.sh), rest_rate);
}

Gaussians GaussiansIn(const Adam& adam) {
  return {.means = adam["means"],
          .quaternions = adam["quaternions"],
          .log_scales = adam["log_scales"],
          .opacity_logits = adam["opacity_logits"],
          .sh = adam.Has("sh_rest")
                    ? at::cat({adam["sh_dc"], adam["sh_rest"]}, 1)
                    : adam["sh_dc"]};
}

void ChangeGaussians(const at::Tensor& kept, const Gaussians& added,
                     Adam& adam) {
  const auto change = [&](const char* name, const at::Tensor& rows) {
    adam.KeepRows(name, kept);
    adam.AppendRows(name, rows);
  };
  change("means", added.means);
  change("quaternions", added.quaternions);
  change("log_scales", added.log_scales);
  change("opacity_logits", added.opacity_logits);
  change("sh_dc", added.sh.narrow(1, 0, 1));
  if (adam.Has("sh_rest")) change("sh_rest", RestOf(added.sh));
}

Gaussians DetachedCopy(const Gaussians& gaussians) {
  return {.means = gaussians.means.detach().clone(),
          .quaternions = gaussians.quaternions.detach().clone(),
          .log_scales = gaussians.log_scales.detach().clone(),
          .opacity_logits = gaussians.opacity_logits.detach().clone(),
          .sh = gaussians.sh.detach().clone()};
}

}  // namespace dg4d
