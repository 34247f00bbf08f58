#include "dg4d/core/exporter.h"

#include "absl/strings/str_cat.h"
#include "dg4d/base/status.h"

namespace dg4d {
namespace {

absl::string_view Writers(Slot slot) {
  switch (slot) {
    case Slot::kReference:
      return "preprocess";
    case Slot::kVideo:
      return "file_video or procedural_video";
    case Slot::kProxy:
      return "procedural_video";
    case Slot::kGaussians:
      return "static_gaussians";
    case Slot::kGaussianFrames:
      return "dynamic_gaussians";
    case Slot::kMeshes:
      return "mesh_extraction";
  }
  return "";
}

}  // namespace

absl::Status Exporter::Export(const Scene& scene, const std::string& path,
                              RunContext& context) {
  return CatchExceptions([&]() -> absl::Status {
    for (const Slot slot : Reads()) {
      if (HasSlot(scene, slot)) continue;
      return absl::FailedPreconditionError(
          absl::StrCat("the scene has no '", SlotName(slot), "' to write to ",
                       path, "; a stage as ", Writers(slot), " makes it"));
    }
    return DoExport(scene, path, context);
  });
}

}  // namespace dg4d
