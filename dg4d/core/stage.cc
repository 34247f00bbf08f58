#include "dg4d/core/stage.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "dg4d/base/status.h"
#include "dg4d/scene/move_to_cpu.h"

namespace dg4d {

absl::Status Stage::CheckReady(const RunContext&) const {
  return absl::OkStatus();
}

absl::Status Stage::Run(RunContext& context, Scene& scene) {
  return CatchExceptions([&]() -> absl::Status {
    const StageContract contract = Contract();
    for (const Slot slot : contract.reads) {
      if (HasSlot(scene, slot)) continue;
      return absl::FailedPreconditionError(absl::StrCat(
          "needs '", SlotName(slot), "', which no earlier stage wrote"));
    }
    DG4D_RETURN_IF_ERROR(DoRun(context, scene));
    MoveToCpu(scene);
    for (const Slot slot : contract.writes) {
      if (HasSlot(scene, slot)) continue;
      return absl::InternalError(
          absl::StrCat("promised to write '", SlotName(slot), "' and did not"));
    }
    return absl::OkStatus();
  });
}

}  // namespace dg4d
