#ifndef DG4D_CORE_PIPELINE_H_
#define DG4D_CORE_PIPELINE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dg4d/core/config.h"
#include "dg4d/core/exporter.h"
#include "dg4d/core/options.h"
#include "dg4d/core/run_context.h"
#include "dg4d/core/stage.h"
#include "dg4d/scene/scene.h"

namespace dg4d {

// The line that a configuration describes:
//
//   name: cat               # of the configuration; may be missing
//   seed: 7                 # of every stage's randomness; 0 if missing
//   stages:                 # in order; keys are unique and seed the stages
//     preprocess: {size: 512}
//     static_gaussians: {iterations: 300}
//     polish: {plugin: texture_refinement, iterations: 50}
//   exporters:              # written at the end, below the output directory
//     gltf: {path: asset.glb, unlit: true}
//
// `plugin` defaults to the key, `path` to the exporter's own; all other keys
// are the plugin's options.
class Pipeline {
 public:
  struct Range {
    std::string from;   // first stage to run; empty: the first
    std::string until;  // last stage to run; empty: the last
  };

  // Reports all errors of names, options and order at once, as InvalidArgument;
  // nothing expensive happens before Run. `present` are slots that the scene
  // will have from the start.
  //
  // Only `range` of the line will run. Stages outside it need not be linked,
  // nor exporters if it is not the whole line: a program can so do its part of
  // a line that another, which has these plugins, began or will end. Their
  // options stay as they stand in `config`.
  static absl::StatusOr<Pipeline> Create(const ConfigNode& config,
                                         const std::vector<Slot>& present,
                                         const Range& range);
  static absl::StatusOr<Pipeline> Create(
      const ConfigNode& config, const std::vector<Slot>& present = {}) {
    return Create(config, present, Range());
  }

  // Runs the stages of `range`. The context's output directory keeps what each
  // wrote in checkpoints/. Stages before `range.from` are read from there
  // instead of run. A run that resumes also reads those that are finished, as
  // long as nothing they depend on (their options and their predecessors', the
  // seed, the input files) has changed; the rest runs anew, with a warning.
  // InvalidArgument says that `range` names no stages of the line; what stages
  // return comes back with their key, InvalidArgument as FailedPrecondition.
  absl::Status Run(Scene& scene, RunContext& context, const Range& range) const;
  absl::Status Run(Scene& scene, RunContext& context) const {
    return Run(scene, context, Range());
  }

  // Writes every export of the configuration below `directory` whose slots the
  // scene has and whose plugin is linked; a warning names the others.
  absl::Status Export(const Scene& scene, const std::string& directory,
                      RunContext& context) const;

  // What Run says before its first stage: FailedPrecondition with a line for
  // each stage that lacks something, and advice (Stage::CheckReady).
  absl::Status CheckReady(const RunContext& context) const;

  uint64_t seed() const { return seed_; }
  // The configuration with every default filled in.
  const ConfigNode& resolved() const { return resolved_; }
  std::vector<std::string> stage_keys() const;
  // Files and folders that Export writes, below its directory.
  std::vector<std::string> export_paths() const;
  // Whether a stage of the line is the plugin `plugin`.
  bool HasStagePlugin(absl::string_view plugin) const;

 private:
  struct StageEntry {
    std::string key;
    std::string plugin;
    std::unique_ptr<Stage> stage;  // null: not linked, and not to run
    ConfigNode resolved;
  };
  struct ExporterEntry {
    std::string key;
    std::string path;
    std::unique_ptr<Exporter> exporter;  // null: not linked
  };

  static void CreateStages(const ConfigNode& config, const Range& range,
                           Pipeline& pipeline, Errors& errors);
  static void CreateExporters(const ConfigNode& config, const Range& range,
                              Pipeline& pipeline, Errors& errors);
  void CheckContracts(const ConfigNode& config,
                      const std::vector<Slot>& present, Errors& errors) const;
  // The same of the stages from `from` to `until`. A stage's line is the first
  // of its message; what follows there is advice, and is said once.
  absl::Status CheckReady(size_t from, size_t until,
                          const RunContext& context) const;
  absl::StatusOr<size_t> IndexOf(const std::string& key) const;
  absl::Status RunStage(const StageEntry& entry, const std::string& fingerprint,
                        Scene& scene, RunContext& context) const;

  std::vector<StageEntry> stages_;
  std::vector<ExporterEntry> exporters_;
  uint64_t seed_ = 0;
  ConfigNode resolved_;
};

// Reads into `scene` what the stages of a run wrote below
// `output_directory`/checkpoints, as far as the run came: `keys` in order.
// NotFound if there is nothing.
absl::Status LoadStageCheckpoints(const std::string& output_directory,
                                  const std::vector<std::string>& keys,
                                  Scene& scene);

}  // namespace dg4d

#endif  // DG4D_CORE_PIPELINE_H_
