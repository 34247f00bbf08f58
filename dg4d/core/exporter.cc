#include "dg4d/core/exporter.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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

bool HasAll(const Scene& scene, const std::vector<Slot>& slots) {
  return std::all_of(slots.begin(), slots.end(),
                     [&](Slot slot) { return HasSlot(scene, slot); });
}

// Which exporters can write `scene` as it is, or "" if there is nothing in it
// to write.
std::string Alternatives(const Scene& scene) {
  if (!HasSlot(scene, Slot::kGaussians) && !HasSlot(scene, Slot::kMeshes)) {
    return "";
  }
  std::vector<std::string> names;
  for (const std::string& name : Registry<Exporter>::Names()) {
    const auto exporter = Registry<Exporter>::Create(name, {});
    if (exporter.ok() && HasAll(scene, (*exporter)->Reads())) {
      names.push_back(name);
    }
  }
  return names.empty() ? ""
                       : absl::StrCat("; what it has can be written by ",
                                      absl::StrJoin(names, ", "));
}

}  // namespace

absl::Status Exporter::Export(const Scene& scene, const std::string& path,
                              RunContext& context) {
  return CatchExceptions([&]() -> absl::Status {
    for (const Slot slot : Reads()) {
      if (HasSlot(scene, slot)) continue;
      return absl::FailedPreconditionError(
          absl::StrCat("the scene has no '", SlotName(slot), "' to write to ",
                       path, "; a stage as ", Writers(slot), " makes it",
                       Advice(scene), Alternatives(scene)));
    }
    return DoExport(scene, path, context);
  });
}

}  // namespace dg4d
