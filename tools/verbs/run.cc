#include <c10/core/DeviceGuard.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"
#include "dg4d/core/pipeline.h"
#include "gflags/gflags.h"
#include "tools/configs.h"
#include "tools/flags.h"
#include "tools/observers/metrics_log.h"
#include "tools/observers/progress.h"
#include "tools/observers/run_record.h"
#include "tools/provenance.h"
#include "tools/report/run_report.h"
#include "tools/verb.h"
#include "tools/viewer/watch.h"

DEFINE_string(image, "", "Picture of the object.");
DEFINE_string(video, "",
              "Video of the object, or folder of frames, that "
              "drives the motion.");
DEFINE_string(config, "image_to_4d", "Built-in configuration, or YAML file.");
DEFINE_string(from, "",
              "First stage to run; earlier ones are read from the "
              "output folder.");
DEFINE_string(until, "", "Last stage to run.");
DEFINE_bool(resume, false,
            "Go on where an earlier run of this output folder "
            "stopped.");
DEFINE_bool(view, false, "Show the run in a browser on this machine.");
DEFINE_int64(checkpoint_every, 50,
             "Steps between checkpoints of a stage; 0 "
             "writes one only when it stops.");

namespace dg4d {
namespace {

namespace fs = std::filesystem;

RunControl control;

// The first signal lets the step end; the second is the system's affair.
void StopOnSignals() {
  struct sigaction action = {};
  action.sa_handler = [](int) { control.state = RunControl::kStop; };
  action.sa_flags = SA_RESETHAND;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  // A full disk and a closed pipe are errors to report, not to die of.
  signal(SIGXFSZ, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
}

bool FlagIsGiven(const char* name) {
  return !gflags::GetCommandLineFlagInfoOrDie(name).is_default;
}

// With --video, the user's film takes the place of the procedural one.
void UseInputVideo(ConfigNode& config) {
  const ConfigNode* found = config.Find("stages");
  if (found == nullptr || !found->is_map()) return;
  for (auto& [key, stage] : config["stages"].entries) {
    const ConfigNode* plugin = stage.Find("plugin");
    if ((plugin ? plugin->scalar : key) != "procedural_video") continue;
    ConfigNode options;
    options.where = stage.where;
    if (const ConfigNode* frames = stage.Find("frames")) {
      options["frames"] = *frames;
    }
    key = "file_video";
    stage = options;
  }
}

absl::StatusOr<ConfigNode> ConfigFromFlags(
    const std::vector<std::string>& overrides) {
  DG4D_ASSIGN_OR_RETURN(ConfigNode config, LoadConfig(FLAGS_config));
  if (!FLAGS_video.empty()) UseInputVideo(config);
  Errors errors;
  for (const std::string& assignment : overrides) {
    errors.Add(ApplyOverride(assignment, config));
  }
  DG4D_RETURN_IF_ERROR(errors.ToStatus());
  if (config.Find("name") == nullptr) {
    config["name"] = ConfigNode::Scalar(fs::path(FLAGS_config).stem().string());
  }
  if (FlagIsGiven("seed")) {
    config["seed"] = ConfigNode::Scalar(absl::StrCat(FLAGS_seed));
  }
  return config;
}

absl::Status CheckInputs(const Pipeline& pipeline) {
  for (const std::string& path : {FLAGS_image, FLAGS_video}) {
    if (path.empty() || fs::exists(path)) continue;
    return absl::NotFoundError(absl::StrCat("there is no file ", path));
  }
  if (FLAGS_image.empty() && FLAGS_video.empty() && FLAGS_from.empty() &&
      pipeline.HasStagePlugin("preprocess")) {
    return absl::InvalidArgumentError(
        "what should be animated? Say --image=PICTURE or --video=VIDEO");
  }
  if (!FLAGS_video.empty() && !pipeline.HasStagePlugin("file_video")) {
    return absl::InvalidArgumentError(
        "the configuration has no stage file_video that would read --video");
  }
  return absl::OkStatus();
}

// Removes what an earlier run left in `directory`, and only that.
absl::Status ClearResults(const Pipeline& pipeline,
                          const std::string& directory) {
  if (!fs::exists(directory + "/run.yaml")) {
    return absl::FailedPreconditionError(
        absl::StrCat(directory,
                     " is not the output of a run (it has no run.yaml): it is "
                     "not overwritten; name another --output"));
  }
  std::vector<std::string> names = pipeline.export_paths();
  names.insert(names.end(),
               {"checkpoints", "run.json", "metrics.jsonl", "run.yaml",
                "exports", "camera_path.json", RunReport::kFileName});
  for (const std::string& name : names) {
    std::error_code error;
    fs::remove_all(directory + "/" + name, error);
    if (error) {
      return absl::PermissionDeniedError(absl::StrCat(
          "cannot remove ", directory, "/", name, ": ", error.message()));
    }
  }
  return absl::OkStatus();
}

// Whether a run that ended before its first stage did is all there is in
// `directory`: words about it, but no checkpoint and no file of the user's. One
// that has not ended has not written run.json yet.
bool HoldsNoResult(const std::string& directory) {
  const std::set<std::string> words = {"run.yaml", "run.json", "metrics.jsonl",
                                       RunReport::kFileName};
  std::error_code error;
  for (auto entry = fs::directory_iterator(directory, error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const bool is_empty =
        name == "checkpoints" && fs::is_empty(entry->path(), error);
    if (!is_empty && words.count(name) == 0) return false;
  }
  if (error || !fs::exists(directory + "/run.json", error)) return false;
  // Somebody may have worked on run.yaml by hand.
  const absl::StatusOr<std::string> yaml = ReadFile(directory + "/run.yaml");
  if (!yaml.ok()) return false;
  const absl::StatusOr<ConfigNode> parsed = ParseYaml(*yaml, "run.yaml");
  return parsed.ok() && *yaml == ToYaml(*parsed);
}

// Whether this run takes up what an earlier one left.
bool GoesOn() { return FLAGS_resume || !FLAGS_from.empty(); }

absl::Status PrepareOutput(const Pipeline& pipeline,
                           const std::string& directory) {
  std::error_code error;
  const bool is_there = fs::exists(directory, error);
  if (is_there && !fs::is_directory(directory)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--output=", directory, " is a file; name a folder"));
  }
  if (is_there && !fs::is_empty(directory, error) && !GoesOn()) {
    if (!FLAGS_overwrite && !HoldsNoResult(directory)) {
      return absl::FailedPreconditionError(
          absl::StrCat(directory,
                       " is not empty; say --resume to go on with it, "
                       "--overwrite to replace it, or name another --output"));
    }
    DG4D_RETURN_IF_ERROR(ClearResults(pipeline, directory));
  }
  return WriteFileAtomically(directory + "/run.yaml",
                             ToYaml(pipeline.resolved()));
}

absl::Status RunPipeline(const std::vector<std::string>& overrides) {
  DG4D_ASSIGN_OR_RETURN(const ConfigNode config, ConfigFromFlags(overrides));
  const Pipeline::Range range = {.from = FLAGS_from, .until = FLAGS_until};
  DG4D_ASSIGN_OR_RETURN(const Pipeline pipeline,
                        Pipeline::Create(config, {}, range));
  if (FLAGS_output.empty()) {
    return absl::InvalidArgumentError(
        "where should the results go? Say --output=FOLDER");
  }
  DG4D_RETURN_IF_ERROR(CheckInputs(pipeline));
  DG4D_ASSIGN_OR_RETURN(const c10::Device device, DeviceFromFlag());
  ApplyThreads();
  const std::string directory =
      fs::path(FLAGS_output).lexically_normal().string();
  std::unique_ptr<Watch> watch;
  if (FLAGS_view) {
    DG4D_ASSIGN_OR_RETURN(watch, StartWatch({.port = FLAGS_port,
                                             .directory = directory,
                                             .stages = pipeline.stage_keys(),
                                             .config = pipeline.resolved(),
                                             .control = &control}));
  }
  DG4D_RETURN_IF_ERROR(PrepareOutput(pipeline, directory));
  StopOnSignals();

  RunContext::Settings settings = {
      .devices = {device},
      .seed = pipeline.seed(),
      .input_image = FLAGS_image,
      .input_video = FLAGS_video,
      .weights = FLAGS_weights,
      .output_directory = directory,
      .checkpoint_every = FLAGS_checkpoint_every,
      .resume = FLAGS_resume,
      .control = &control,
  };
  MetricsLog metrics(directory + "/metrics.jsonl");
  RunRecord record(directory + "/run.json", settings, GoesOn());
  RunReport report(pipeline, settings, record);
  Progress progress(std::cerr, isatty(STDERR_FILENO));
  settings.observers = {&metrics, &record, &report};
  if (!FLAGS_quiet) settings.observers.push_back(&progress);
  if (watch != nullptr) {
    settings.observers.push_back(&watch->observer());
    std::cout << watch->url() << std::endl;
  }

  const c10::DeviceGuard guard(device);
  RunContext context(settings);
  Scene scene;
  scene.provenance = ProvenanceOf(record.json(), ToYaml(pipeline.resolved()));
  absl::Status status = pipeline.Run(scene, context, range);
  if (status.ok()) status = pipeline.Export(scene, directory, context);
  absl::Status recorded = record.Finish(status);
  recorded.Update(report.Finish(scene));
  if (watch != nullptr) watch->Finish(status);
  if (absl::IsCancelled(status)) {
    return absl::CancelledError(absl::StrCat(
        "stopped; the same command with --resume goes on from here"));
  }
  DG4D_RETURN_IF_ERROR(status);
  DG4D_RETURN_IF_ERROR(recorded);
  if (!FLAGS_quiet) std::cout << directory << "\n";
  return absl::OkStatus();
}

}  // namespace

const Verb& RunVerb() {
  static const auto& verb = *new Verb{
      .name = "run",
      .summary = "Makes an animated 3D asset from a picture or a video.",
      .usage = "--image=PICTURE --output=FOLDER [flags] [key=value ...]",
      .flags = {"image", "video", "output", "config", "weights", "seed",
                "device", "threads", "from", "until", "resume", "overwrite",
                "checkpoint_every", "view", "port", "quiet"},
      .notes =
          "key=value sets any option of the configuration by its dotted "
          "path:\n  stages.procedural_video.motion=dance "
          "stages.static_gaussians.iterations=100\nLater ones win. dg4d "
          "plugins lists all options.\n\nExit codes: 0 done, 1 failed, 2 "
          "wrong usage, 130 interrupted.\n",
      .run = &RunPipeline,
  };
  return verb;
}

}  // namespace dg4d
