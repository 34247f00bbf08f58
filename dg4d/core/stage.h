#ifndef DG4D_CORE_STAGE_H_
#define DG4D_CORE_STAGE_H_

#include <vector>

#include "absl/status/status.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/run_context.h"
#include "dg4d/scene/scene.h"

namespace dg4d {

// What a stage needs to find in the Scene and what it leaves there.
struct StageContract {
  std::vector<Slot> reads;             // must be there
  std::vector<Slot> reads_if_present;  // makes use of
  std::vector<Slot> writes;            // always written
};

// A step of the line from picture to asset.
class Stage {
 public:
  static constexpr char kKind[] = "stage";
  virtual ~Stage() = default;

  // May depend on the options, but on nothing else.
  virtual StageContract Contract() const = 0;

  // Whether what the stage will need from outside, as network weights, is
  // there. Asked of all stages of a run before the first one runs; opens no
  // file of size.
  virtual absl::Status CheckReady(const RunContext& context) const;

  // Checks that what the contract reads is there, runs, and checks that what it
  // writes is. FailedPrecondition names a missing slot; Cancelled means that
  // the run was told to stop, and that a checkpoint was written if the stage
  // writes any. What the stage throws becomes a Status (CatchExceptions).
  absl::Status Run(RunContext& context, Scene& scene);

 protected:
  virtual absl::Status DoRun(RunContext& context, Scene& scene) = 0;
};

}  // namespace dg4d

#endif  // DG4D_CORE_STAGE_H_
