#ifndef TOOLS_EVALUATION_EVALUATION_H_
#define TOOLS_EVALUATION_EVALUATION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "dg4d/core/run_context.h"

namespace dg4d {

// How well the stages reconstruct objects whose truth is known: they learn from
// the train split of posed pictures and are measured on the test split.
struct EvaluationOptions {
  // "procedural": the scenes of dg4d/testing/synthetic_scene.h, at rest and in
  // motion, or the name of one of these objects. "oracle": the same at rest, as
  // guidance zero123 makes them of one picture with a denoiser that knows them
  // (oracle.h), or the name of one of these. Else a folder in the
  // Blender/D-NeRF layout, static if all its times are equal.
  std::string suite = "procedural";
  // Pictures, results.json and, for procedural scenes, their data go here.
  std::string output;
  static constexpr int kMaxSide = 128;
  int max_side = kMaxSide;  // pixels; larger pictures are shrunk
  // key=value, applied to the line of stages that is run: see
  // EvaluationConfig. Those of stages that a line has not are passed over.
  std::vector<std::string> overrides;
  RunContext::Settings run;  // device, seed, control, observers
};

// Means over the test views, where not said otherwise.
struct Evaluation {
  std::string name;
  bool dynamic = false;
  int frames = 1;
  int train_views = 0;
  int test_views = 0;
  int64_t gaussians = 0;
  double psnr = 0;        // dB, on white
  double worst_psnr = 0;  // of any test view
  // What psnr is to come up to; for objects of the built-in suites.
  std::optional<double> floor;
  double ssim = 0;
  double mask_iou = 0;
  // What frame-to-frame changes differ from the truth's; where one test camera
  // sees several times.
  std::optional<double> flicker;
  // World units, of the extracted mesh, a mean over times; where the true
  // surface is known.
  std::optional<double> chamfer;
  std::vector<std::pair<std::string, double>> stage_seconds;
  double seconds = 0;          // of all stages
  double peak_memory_mib = 0;  // of the program so far
};

// The line of stages for data of `frames` times (1: static), the first of them
// seen from `first_views` cameras, in `folder`, as YAML.
std::string EvaluationConfig(const std::string& folder, int frames,
                             int first_views, int max_side);

// "static_" or "dynamic_" and the name of a scene, for each.
std::vector<std::string> ProceduralObjects();
// The same with "oracle_".
std::vector<std::string> OracleObjects();

// Runs the suite. `done` is called after each object.
absl::StatusOr<std::vector<Evaluation>> Evaluate(
    const EvaluationOptions& options,
    absl::FunctionRef<void(const Evaluation&)> done);

// FailedPrecondition naming the objects below their floors; OK where `options`
// are not those that the floors are for: overrides or another size are the
// user's experiments.
absl::Status CheckFloors(const EvaluationOptions& options,
                         absl::Span<const Evaluation> evaluations);

// A line a row, and the line above them.
std::string TableHeader();
std::string TableRow(const Evaluation& evaluation);
// One JSON object: {"suite": ..., "results": [...]}.
std::string ToJson(const std::string& suite,
                   absl::Span<const Evaluation> evaluations);

}  // namespace dg4d

#endif  // TOOLS_EVALUATION_EVALUATION_H_
