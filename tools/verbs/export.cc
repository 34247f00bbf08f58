#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dg4d/base/status.h"
#include "dg4d/core/config.h"
#include "dg4d/core/exporter.h"
#include "dg4d/core/options.h"
#include "dg4d/core/registry.h"
#include "gflags/gflags.h"
#include "tools/flags.h"
#include "tools/scene_input.h"
#include "tools/verb.h"

DEFINE_string(exporter, "",
              "Name of the exporter; dg4d plugins exporter lists "
              "them.");
DEFINE_string(to, "", "File or folder to write.");

namespace dg4d {
namespace {

absl::Status ExportRun(const std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments[0].find('=') != std::string::npos) {
    return absl::InvalidArgumentError(
        "which run or files? Say dg4d export INPUT --exporter=NAME --to=FILE");
  }
  if (FLAGS_exporter.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("say --exporter=NAME, one of: ",
                     absl::StrJoin(Registry<Exporter>::Names(), ", ")));
  }
  if (FLAGS_to.empty()) {
    return absl::InvalidArgumentError("where to? Say --to=FILE");
  }
  ConfigNode options = ConfigNode::Map();
  Errors errors;
  for (size_t i = 1; i < arguments.size(); ++i) {
    errors.Add(ApplyOverride(arguments[i], options));
  }
  DG4D_RETURN_IF_ERROR(errors.ToStatus());
  auto exporter = Registry<Exporter>::Create(FLAGS_exporter, options);
  if (!exporter.ok()) {  // a wrong name is wrong usage too
    return absl::InvalidArgumentError(exporter.status().message());
  }
  ApplyThreads();
  DG4D_ASSIGN_OR_RETURN(const Scene scene, LoadScene(arguments[0]));
  RunContext context;
  DG4D_RETURN_IF_ERROR((*exporter)->Export(scene, FLAGS_to, context));
  std::cout << FLAGS_to << "\n";
  return absl::OkStatus();
}

}  // namespace

const Verb& ExportVerb() {
  static const auto& verb = *new Verb{
      .name = "export",
      .summary = "Writes the result of a run, or files, in another format.",
      .usage = "INPUT --exporter=NAME --to=FILE [key=value ...]",
      .flags = {"exporter", "to", "input_fps", "input_up", "threads"},
      .notes =
          "key=value sets an option of the exporter.\n"
          "INPUT is the folder of a run; Gaussians as PLY, SPZ or GLB; meshes "
          "as "
          "OBJ or\nGLB; or a folder or pattern, as 'cat/frame_*.ply', of "
          "numbered files. What a file\nis, its content decides "
          "(docs/formats.md).\n",
      .run = &ExportRun,
  };
  return verb;
}

}  // namespace dg4d
