#include "dg4d/training/densify.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cross.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "dg4d/base/random.h"
#include "dg4d/training/gaussian_parameters.h"

namespace dg4d {
namespace {

constexpr int kChildren = 2;
// Children overlap: each is larger than its share of the parent.
constexpr double kChildScale = 1 / (0.8 * kChildren);

at::Tensor Indices(const at::Tensor& mask) {
  return at::nonzero(mask).squeeze(1);
}

at::Tensor LargestScale(const Gaussians& gaussians) {
  return gaussians.log_scales.amax(1).exp();
}

// v turned by q: v + 2w (u x v) + 2u x (u x v) for a unit q = (w, u).
at::Tensor Rotate(const at::Tensor& quaternions, const at::Tensor& vectors) {
  const at::Tensor unit =
      quaternions / quaternions.norm(2, 1, true).clamp_min(1e-12);
  const at::Tensor w = unit.narrow(1, 0, 1);
  const at::Tensor u = unit.narrow(1, 1, 3);
  const at::Tensor t = at::cross(u, vectors, 1) * 2;
  return vectors + w * t + at::cross(u, t, 1);
}

Gaussians Children(const Gaussians& parents, at::Generator& generator) {
  const at::Tensor rows =
      at::arange(parents.size(), parents.means.options().dtype(at::kLong));
  Gaussians children = Rows(parents, at::cat({rows, rows}));
  const at::Tensor noise =
      Normal({children.size(), 3}, generator).to(children.means.device());
  children.means = children.means + Rotate(children.quaternions,
                                           noise * children.log_scales.exp());
  children.log_scales = children.log_scales + std::log(kChildScale);
  return children;
}

}  // namespace

absl::Status DensifyOptions::Validate() const {
  if (interval < 0 || opacity_reset_interval < 0) {
    return absl::InvalidArgumentError(
        "interval and opacity_reset_interval must not be negative");
  }
  if (clone_below < 0 || prune_above <= 0) {
    return absl::InvalidArgumentError(
        "clone_below must not be negative and prune_above must be positive");
  }
  for (const double opacity : {min_opacity, opacity_reset_to}) {
    if (opacity < 0 || opacity >= 1) {
      return absl::InvalidArgumentError(
          "min_opacity and opacity_reset_to must be at least 0 and below 1");
    }
  }
  if (opacity_reset_interval > 0 && opacity_reset_to <= 0) {
    return absl::InvalidArgumentError(
        "opacity_reset_to must be positive: nothing transparent comes back");
  }
  if (max_count < 1) {
    return absl::InvalidArgumentError("max_count must be at least 1");
  }
  return absl::OkStatus();
}

bool DensifyOptions::Counts(int64_t step) const {
  return interval > 0 && step >= from_step && step <= until_step;
}

bool DensifyOptions::DensifiesAfter(int64_t step) const {
  return Counts(step) && step % interval == 0;
}

bool DensifyOptions::ResetsOpacityAfter(int64_t step) const {
  return opacity_reset_interval > 0 && step >= from_step &&
         step <= until_step && step % opacity_reset_interval == 0;
}

void ScreenGradients::Reset(int64_t count) {
  sums_ = at::zeros({count});
  counts_ = at::zeros({count});
}

void ScreenGradients::Add(const at::Tensor& gradients, const at::Tensor& radii,
                          double scale) {
  const at::Tensor seen = (radii > 0).to(at::kFloat);
  const at::Tensor norms = gradients.norm(2, 2).to(at::kFloat) * scale;
  sums_ = sums_.to(norms.device());
  counts_ = counts_.to(norms.device());
  // In place: a step that is recorded writes here whenever it is repeated.
  sums_.add_((norms * seen).sum(0));
  counts_.add_(seen.sum(0));
}

at::Tensor ScreenGradients::Mean() const {
  return sums_ / counts_.clamp_min(1);
}

void ScreenGradients::VisitState(StateArchive& archive) {
  archive("screen_gradients.sums", sums_);
  archive("screen_gradients.counts", counts_);
}

Gaussians Rows(const Gaussians& gaussians, const at::Tensor& rows) {
  return {.means = gaussians.means.index_select(0, rows),
          .quaternions = gaussians.quaternions.index_select(0, rows),
          .log_scales = gaussians.log_scales.index_select(0, rows),
          .opacity_logits = gaussians.opacity_logits.index_select(0, rows),
          .sh = gaussians.sh.index_select(0, rows)};
}

Gaussians Concatenate(const Gaussians& a, const Gaussians& b) {
  return {.means = at::cat({a.means, b.means}),
          .quaternions = at::cat({a.quaternions, b.quaternions}),
          .log_scales = at::cat({a.log_scales, b.log_scales}),
          .opacity_logits = at::cat({a.opacity_logits, b.opacity_logits}),
          .sh = at::cat({a.sh, b.sh})};
}

at::Tensor RowsToKeep(const Gaussians& gaussians, double min_opacity,
                      double prune_above) {
  const at::Tensor opaque =
      gaussians.opacity_logits.squeeze(1).sigmoid() >= min_opacity;
  return Indices(opaque & (LargestScale(gaussians) <= prune_above));
}

at::Tensor LowerOpacities(const at::Tensor& opacity_logits, double opacity) {
  return opacity_logits.clamp_max(std::log(opacity / (1 - opacity)));
}

Densification Densify(const Gaussians& gaussians,
                      const at::Tensor& mean_gradients,
                      const DensifyOptions& options, at::Generator& generator) {
  c10::NoGradGuard no_grad;
  at::Tensor wanted = mean_gradients >= options.gradient_threshold;
  const int64_t room =
      std::max<int64_t>(0, options.max_count - gaussians.size());
  if (wanted.sum().item<int64_t>() > room) {
    // Each clone and each split adds one. A stable order, so that equal
    // gradients do not depend on how they are sorted.
    const at::Tensor order =
        std::get<1>(at::sort(mean_gradients, /*stable=*/true, /*dim=*/0,
                             /*descending=*/true));
    wanted = at::zeros_like(wanted);
    wanted.index_fill_(0, order.narrow(0, 0, room), true);
    wanted = wanted & (mean_gradients >= options.gradient_threshold);
  }
  const at::Tensor small = LargestScale(gaussians) <= options.clone_below;
  const at::Tensor cloned = Indices(wanted & small);
  const at::Tensor split = Indices(wanted & small.logical_not());

  Densification result{.cloned = cloned.size(0), .split = split.size(0)};
  const at::Tensor survivors =
      Indices((wanted & small.logical_not()).logical_not());
  const Gaussians parents = Rows(gaussians, survivors);
  const at::Tensor kept =
      RowsToKeep(parents, options.min_opacity, options.prune_above);
  const Gaussians grown = Concatenate(
      Rows(gaussians, cloned), Children(Rows(gaussians, split), generator));
  const at::Tensor grown_kept =
      RowsToKeep(grown, options.min_opacity, options.prune_above);
  result.kept = survivors.index_select(0, kept);
  result.added = Rows(grown, grown_kept);
  result.pruned =
      survivors.size(0) - kept.size(0) + grown.size() - grown_kept.size(0);
  return result;
}

DensityControl::DensityControl(const DensifyOptions& options, int64_t count)
    : options_(options) {
  gradients_.Reset(count);
}

absl::StatusOr<bool> DensityControl::EndStep(int64_t steps_done,
                                             at::Generator& generator,
                                             Adam& adam) {
  const bool densifies = options_.DensifiesAfter(steps_done);
  if (densifies) {
    const Densification change =
        Densify(DetachedCopy(GaussiansIn(adam)), gradients_.Mean(), options_,
                generator);
    const int64_t count = change.kept.numel() + change.added.size();
    if (count == 0) {
      return absl::FailedPreconditionError(
          "every Gaussian was pruned: lower densify.min_opacity or raise "
          "densify.prune_above");
    }
    ChangeGaussians(change.kept, change.added, adam);
    gradients_.Reset(count);
  }
  if (options_.ResetsOpacityAfter(steps_done)) {
    adam.SetValue("opacity_logits",
                  LowerOpacities(adam["opacity_logits"].detach(),
                                 options_.opacity_reset_to));
    adam.ZeroMoments("opacity_logits");
  }
  return densifies;
}

}  // namespace dg4d
