#ifndef DG4D_CORE_EXPORTER_H_
#define DG4D_CORE_EXPORTER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "dg4d/core/registry.h"
#include "dg4d/core/run_context.h"
#include "dg4d/scene/scene.h"

namespace dg4d {

// Writes a Scene as files that other programs open.
class Exporter {
 public:
  static constexpr char kKind[] = "exporter";
  virtual ~Exporter() = default;

  // Slots that must be there.
  virtual std::vector<Slot> Reads() const = 0;

  // What to do where `scene` lacks one of them, beside using another exporter,
  // for the end of a message: "; an option does without it", or nothing.
  virtual std::string Advice(const Scene& scene) const {
    (void)scene;
    return "";
  }

  // Where it writes in an output directory by default: "asset.glb", or a folder
  // as "meshes".
  virtual std::string DefaultPath() const = 0;

  // Checks that Reads() are there (FailedPrecondition names the slot, what
  // writes it, and the exporters that do without it) and writes the file or
  // folder `path`, whose parents are made. Files appear whole or not at all;
  // equal scenes give equal bytes.
  absl::Status Export(const Scene& scene, const std::string& path,
                      RunContext& context);

 protected:
  virtual absl::Status DoExport(const Scene& scene, const std::string& path,
                                RunContext& context) = 0;
};

}  // namespace dg4d

#endif  // DG4D_CORE_EXPORTER_H_
