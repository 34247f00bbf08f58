#ifndef DG4D_TRAINING_DENSIFY_H_
#define DG4D_TRAINING_DENSIFY_H_

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dg4d/core/state_archive.h"
#include "dg4d/scene/gaussians.h"
#include "dg4d/training/adam.h"

namespace dg4d {

// Adaptive density (Kerbl et al. 2023, section 5.2): Gaussians that pull hard
// on where they stand on the screen are cloned if small and split if large;
// transparent and oversized ones go. The criterion on screen size is left out:
// it never acted in the original.
struct DensifyOptions {
  std::string statistics = "all_views";
  int64_t from_step = 0;
  int64_t until_step = 3000;
  int64_t interval = 100;
  double gradient_threshold = 0.5;
  double clone_below = 0.05;
  double prune_above = 0.05;
  double min_opacity = 0.01;
  int64_t max_count = 100'000;
  int64_t opacity_reset_interval = 700;
  double opacity_reset_to = 0.01;

  template <typename V>
  void Visit(V& v) {
    v("statistics", statistics, {"all_views", "last_view"},
      "Screen gradients of all guided views, or of a step's last one, as the "
      "original takes them.");
    v("from_step", from_step, "First step that counts.");
    v("until_step", until_step, "Last step that counts.");
    v("interval", interval, "Steps between densifications; 0: never.");
    v("gradient_threshold", gradient_threshold,
      "Mean norm of a Gaussian's screen gradient, per view and normalised "
      "device coordinate, from which on it is cloned or split.");
    v("clone_below", clone_below,
      "Largest standard deviation, in world units, up to which a Gaussian is "
      "cloned rather than split.");
    v("prune_above", prune_above,
      "Gaussians with a larger standard deviation are removed.");
    v("min_opacity", min_opacity, "Less opaque Gaussians are removed.");
    v("max_count", max_count, "Gaussians that are never exceeded.");
    v("opacity_reset_interval", opacity_reset_interval,
      "Steps between lowerings of all opacities; 0: never.");
    v("opacity_reset_to", opacity_reset_to, "What they are lowered to.");
  }
  absl::Status Validate() const;

  // Whether gradients of step `step` (1, 2, ...) count, and whether it ends
  // with a densification or a lowering of opacities.
  bool Counts(int64_t step) const;
  bool DensifiesAfter(int64_t step) const;
  bool ResetsOpacityAfter(int64_t step) const;
};

// How hard each Gaussian is pulled across the screen: the mean norm of its
// screen gradient over the views that see it.
class ScreenGradients {
 public:
  void Reset(int64_t count);

  // Adds `gradients` [B, N, 2] of B views in which Gaussians are seen where
  // `radii` [B, N] > 0, times `scale`.
  void Add(const at::Tensor& gradients, const at::Tensor& radii, double scale);

  at::Tensor Mean() const;  // [N]; 0 where never seen

  void VisitState(StateArchive& archive);

 private:
  at::Tensor sums_;    // [N]
  at::Tensor counts_;  // [N]
};

// What a densification does: rows to keep, in order, and rows to add after
// them.
struct Densification {
  at::Tensor kept;  // [M] int64
  Gaussians added;
  int64_t cloned = 0;
  int64_t split = 0;
  int64_t pruned = 0;  // of the kept and added ones together
};

// `mean_gradients` [N]. A clone is an exact copy. A split replaces a Gaussian
// by two, drawn from it, of 1/1.6 of its size. Then what is too transparent or
// too large goes. Where max_count does not suffice, the strongest gradients
// win.
Densification Densify(const Gaussians& gaussians,
                      const at::Tensor& mean_gradients,
                      const DensifyOptions& options, at::Generator& generator);

// The rows (int64) that are neither too transparent nor too large.
at::Tensor RowsToKeep(const Gaussians& gaussians, double min_opacity,
                      double prune_above);

// Opacity logits, none above that of `opacity`.
at::Tensor LowerOpacities(const at::Tensor& opacity_logits, double opacity);

// Adaptive density of the Gaussians in an Adam (AddGaussians of
// gaussian_parameters.h) over the steps of a stage.
class DensityControl {
 public:
  // For `count` Gaussians to begin with.
  DensityControl(const DensifyOptions& options, int64_t count);

  // Whether screen gradients of the step after `steps_done` count.
  bool Counts(int64_t steps_done) const {
    return options_.Counts(steps_done + 1);
  }
  ScreenGradients& gradients() { return gradients_; }

  // Densifies and lowers opacities if that is due after `steps_done` steps.
  // Returns whether rows changed. FailedPrecondition if no Gaussian is left.
  absl::StatusOr<bool> EndStep(int64_t steps_done, at::Generator& generator,
                               Adam& adam);

  void VisitState(StateArchive& archive) { gradients_.VisitState(archive); }

 private:
  DensifyOptions options_;
  ScreenGradients gradients_;
};

// Row by row; SH coefficients and all.
Gaussians Rows(const Gaussians& gaussians, const at::Tensor& rows);
Gaussians Concatenate(const Gaussians& a, const Gaussians& b);

}  // namespace dg4d

#endif  // DG4D_TRAINING_DENSIFY_H_
