#ifndef DG4D_TRAINING_GUIDANCE_SET_H_
#define DG4D_TRAINING_GUIDANCE_SET_H_

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "dg4d/core/guidance.h"
#include "dg4d/core/plugin_spec.h"
#include "dg4d/scene/camera.h"
#include "dg4d/training/view_sampler.h"

namespace dg4d {

// Views that are rendered together and the guidances that judge them.
struct GuidedBatch {
  struct Judge {
    size_t guidance;  // number in the set
    Draws draws;
  };

  Views views;       // the stage renders rgb, alpha and depth into it
  double share = 1;  // of the views that its judges see in this step
  std::vector<Judge> judges;
};

// The cameras of all views of `batches`.
std::vector<Camera> CamerasOf(absl::Span<const GuidedBatch> batches);

// The guidances of a stage, which act together: the loss is their weighted sum.
//
// A step plans its batches, renders each, and adds up their losses; calling
// backward() after each batch keeps memory at one batch's worth:
//
//   for (GuidedBatch& batch : guidances.Plan(sampler, frames, progress, gen)) {
//     Render(batch.views);
//     guidances.Loss(batch).backward();
//   }
class GuidanceSet {
 public:
  static absl::StatusOr<GuidanceSet> Create(
      const std::vector<WeightedPlugin<Guidance>>& specs);

  // Of all guidances; errors name them.
  absl::Status CheckReady(const RunContext& context) const;

  // Of each guidance in turn; an error names it.
  absl::Status Prepare(const Scene& scene, RunContext& context);

  size_t size() const { return members_.size(); }
  bool empty() const { return members_.empty(); }
  Guidance& operator[](size_t index) const { return *members_[index].guidance; }

  // Those of the first guidance that knows a surface.
  std::optional<Gaussians> InitialGaussians() const;

  // What to render in a step that shows `frames`, with all its random numbers.
  // Guidances that want the same pattern share views, those content with any
  // view join the first of the others; each with cameras of its own gets its
  // own batch, with no frame after `last_frame`. Batches have at most the
  // sampler's max_views_per_batch views, which changes no view and no number.
  std::vector<GuidedBatch> Plan(
      const ViewSampler& sampler, absl::Span<const double> frames,
      double progress, at::Generator& generator,
      double last_frame = std::numeric_limits<double>::infinity()) const;

  // A scalar: each judge's loss by its weight and the batch's share.
  at::Tensor Loss(const GuidedBatch& batch) const;

  // Guidance::CanBeRecorded of all.
  bool CanBeRecorded() const;

  // Of all guidances; they name them.
  std::vector<std::string> TakeWarnings() const;

 private:
  struct Member {
    std::string name;
    double weight;
    std::unique_ptr<Guidance> guidance;
  };
  std::vector<Member> members_;
};

}  // namespace dg4d

#endif  // DG4D_TRAINING_GUIDANCE_SET_H_
