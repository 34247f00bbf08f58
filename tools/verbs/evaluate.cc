#include <c10/core/DeviceGuard.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dg4d/base/status.h"
#include "gflags/gflags.h"
#include "tools/evaluation/evaluation.h"
#include "tools/flags.h"
#include "tools/observers/progress.h"
#include "tools/verb.h"

DEFINE_int32(
    max_side, dg4d::EvaluationOptions::kMaxSide,
    "Larger pictures are shrunk to this side; procedural ones have it.");

namespace dg4d {
namespace {

absl::Status EvaluateSuite(const std::vector<std::string>& overrides) {
  if (FLAGS_output.empty()) {
    return absl::InvalidArgumentError(
        "where should the results go? Say --output=FOLDER");
  }
  if (FLAGS_max_side < 16) {
    return absl::InvalidArgumentError("--max_side must be at least 16");
  }
  const std::string suite = FLAGS_suite.empty() ? "procedural" : FLAGS_suite;
  std::vector<std::string> objects = ProceduralObjects();
  for (const std::string& name : OracleObjects()) objects.push_back(name);
  if (suite != "procedural" && suite != "oracle" &&
      std::find(objects.begin(), objects.end(), suite) == objects.end() &&
      !std::filesystem::is_directory(suite)) {
    return absl::NotFoundError(
        absl::StrCat("--suite=", suite,
                     " is neither \"procedural\", nor \"oracle\", nor one of "
                     "their objects (",
                     absl::StrJoin(objects, ", "), "), nor a folder"));
  }
  std::error_code ignored;
  if (std::filesystem::exists(FLAGS_output, ignored) &&
      !std::filesystem::is_empty(FLAGS_output, ignored) && !FLAGS_overwrite) {
    return absl::FailedPreconditionError(
        absl::StrCat(FLAGS_output,
                     " is not empty; say --overwrite to write into it, or "
                     "name another --output"));
  }
  for (const std::string& override : overrides) {
    if (override.find('=') != std::string::npos) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("'", override,
                     "' is no key=value, as "
                     "stages.static_gaussians.iterations=100"));
  }
  DG4D_ASSIGN_OR_RETURN(const c10::Device device, DeviceFromFlag());
  ApplyThreads();
  const c10::DeviceGuard guard(device);

  Progress progress(std::cerr, isatty(STDERR_FILENO));
  EvaluationOptions options = {
      .suite = suite,
      .output = std::filesystem::path(FLAGS_output).lexically_normal().string(),
      .max_side = FLAGS_max_side,
      .overrides = overrides,
      .run = {.devices = {device}, .seed = FLAGS_seed}};
  if (!FLAGS_quiet) options.run.observers.push_back(&progress);
  std::cout << TableHeader() << std::flush;
  DG4D_ASSIGN_OR_RETURN(const std::vector<Evaluation> results,
                        Evaluate(options, [](const Evaluation& evaluation) {
                          std::cout << TableRow(evaluation) << std::flush;
                        }));
  std::cout << "The same as JSON: " << options.output << "/results.json\n";
  return CheckFloors(options, results);
}

}  // namespace

const Verb& EvaluateVerb() {
  static const auto& verb = *new Verb{
      .name = "evaluate",
      .summary = "Measures how well objects of known looks are reconstructed.",
      .usage = "--output=FOLDER [--suite=SUITE] [key=value ...]",
      .flags = {"suite", "output", "max_side", "seed", "overwrite", "device",
                "threads", "quiet"},
      .notes =
          "Suite: procedural (the default), oracle, one of their objects, as\n"
          "dynamic_bending_tube, or a folder of posed pictures in the\n"
          "Blender/D-NeRF layout.\n"
          "oracle makes objects of one picture by score distillation, with a\n"
          "denoiser that knows them in the place of Zero123's networks.\n"
          "Else learns from the train split and is measured on the test "
          "split:\n"
          "PSNR and SSIM on white, IoU of the masks, flicker (how frame-to-\n"
          "frame changes differ from the true ones) and, for procedural\n"
          "scenes, the Chamfer distance of the mesh, in world units.\n"
          "Objects of the suites have a floor of PSNR; missing one is an "
          "error,\n"
          "unless --max_side or key=value makes it another measurement.\n"
          "key=value changes options of the stages, as in dg4d run.\n",
      .run = &EvaluateSuite,
  };
  return verb;
}

}  // namespace dg4d
