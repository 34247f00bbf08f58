#include "tools/scene_input.h"

#include <filesystem>
#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dg4d/base/status.h"
#include "dg4d/formats/import_scene.h"
#include "gflags/gflags.h"
#include "tools/flags.h"
#include "tools/run_folder.h"

namespace dg4d {
namespace {

absl::StatusOr<ImportOptions> OptionsFromFlags() {
  ImportOptions options;
  if (FLAGS_input_fps < 0) {
    return absl::InvalidArgumentError("--input_fps must not be negative");
  }
  if (FLAGS_input_fps > 0) options.fps = FLAGS_input_fps;
  if (FLAGS_input_up == "+y") options.up = PlyUp::kPlusY;
  if (FLAGS_input_up == "-y") options.up = PlyUp::kMinusY;
  if (!FLAGS_input_up.empty() && !options.up) {
    return absl::InvalidArgumentError(
        absl::StrCat("--input_up=", FLAGS_input_up, ": expected +y or -y"));
  }
  return options;
}

}  // namespace

absl::StatusOr<Scene> LoadScene(const std::string& path) {
  DG4D_ASSIGN_OR_RETURN(const ImportOptions options, OptionsFromFlags());
  if (std::filesystem::exists(path + "/run.yaml")) return LoadRun(path);
  absl::StatusOr<ImportedScene> imported = ImportScene(path, options);
  // Bad files are no wrong usage: they exit with 1.
  if (absl::IsInvalidArgument(imported.status())) {
    return absl::FailedPreconditionError(imported.status().message());
  }
  DG4D_RETURN_IF_ERROR(imported.status());
  for (const std::string& note : imported->notes) {
    std::cerr << "note: " << note << "\n";
  }
  return std::move(imported->scene);
}

}  // namespace dg4d
