#ifndef DG4D_TRAINING_OPTIMISATION_H_
#define DG4D_TRAINING_OPTIMISATION_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "dg4d/core/observer.h"
#include "dg4d/core/run_context.h"
#include "dg4d/core/state_archive.h"
#include "dg4d/scene/camera.h"
#include "dg4d/scene/scene.h"
#include "dg4d/training/adam.h"

namespace dg4d {

// What is optimised, and how a step is taken.
class Optimisation {
 public:
  virtual ~Optimisation() = default;

  // Takes the step after `steps_done` and returns what to report of it.
  // `progress` is the part of all steps that is done with this one: (0, 1].
  // Draws from the context's generator alone.
  virtual absl::StatusOr<Metrics> Step(int64_t steps_done, double progress) = 0;

  // All that a later step depends on and that steps change, but for their
  // number and the generator.
  virtual void VisitState(StateArchive& archive) = 0;

  // Puts what is optimised, as it is now, into `scene`.
  virtual void WriteTo(Scene& scene) const = 0;

  virtual const Adam& adam() const = 0;

  // Where the step that was taken looked from, beside the reference camera.
  virtual std::vector<Camera> Cameras() const { return {}; }

  // What the user should be told of the step that was taken.
  virtual std::vector<std::string> TakeWarnings() { return {}; }
};

// Takes `iterations` steps, or those that are left of a run that is resumed,
// and leaves the result in `scene`. After each step observers may look at it,
// checkpoints are written, and the run can be paused or stopped
// (RunContext::EndStep). Warnings tell what steps have to say and, at the end,
// of gradients that were not finite.
absl::Status Optimise(Optimisation& optimisation, int64_t iterations,
                      Scene& scene, RunContext& context);

// The sum of the losses of a step, scalars of one device, with one wait for it.
double SumOf(absl::Span<const at::Tensor> losses);

}  // namespace dg4d

#endif  // DG4D_TRAINING_OPTIMISATION_H_
