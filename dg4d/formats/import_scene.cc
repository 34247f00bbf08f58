#include "dg4d/formats/import_scene.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"
#include "dg4d/formats/glb_file.h"
#include "dg4d/formats/gltf_meshes_io.h"
#include "dg4d/formats/gltf_splats_io.h"
#include "dg4d/formats/numbered_files.h"
#include "dg4d/formats/obj_io.h"
#include "dg4d/formats/spz_io.h"

namespace dg4d {

const char kImportableFiles[] =
    "the folder of a run, a PLY or SPZ of 3D Gaussians, an OBJ, a GLB, or a "
    "folder or pattern ('cat/frame_*.ply') of numbered ones";

namespace {

namespace fs = std::filesystem;

// What exporters `ply` and `spz` write, before the ending.
constexpr char kStaticStem[] = "static";
constexpr char kFramePattern[] = "frame_*";

enum class Kind { kPly, kSpz, kObj, kGlb };

// One thing to read: a file, or the frames of a sequence.
struct Input {
  std::string name;                // for messages
  std::vector<std::string> paths;  // of its frames, at least one
  std::string canonical;           // path; may be empty
};

const std::vector<std::string>& Endings() {
  static const auto& endings =
      *new std::vector<std::string>{".glb", ".obj", ".ply", ".spz"};
  return endings;
}

Input InputOf(const std::string& folder, const NumberedFiles& files) {
  Input input = {.name = absl::StrCat(folder, "/", files.pattern)};
  for (const std::string& name : files.names) {
    input.paths.push_back(absl::StrCat(folder, "/", name));
  }
  return input;
}

absl::StatusOr<Input> FindInFolder(const std::string& folder) {
  DG4D_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                        ListFiles(folder, Endings()));
  std::vector<NumberedFiles> groups = GroupByNumber(names);
  if (groups.empty()) {
    return absl::NotFoundError(
        absl::StrCat(folder, " holds nothing that can be read: expected ",
                     kImportableFiles));
  }
  for (const char* ending : {".ply", ".spz"}) {
    const std::string name = absl::StrCat(kStaticStem, ending);
    if (groups.size() != 2 ||
        (groups[0].pattern == name) == (groups[1].pattern == name)) {
      continue;
    }
    const NumberedFiles& moving = groups[groups[0].pattern == name ? 1 : 0];
    if (!absl::EndsWith(moving.pattern, ending)) continue;
    if (moving.names.size() > 1 ||
        MatchesPattern(moving.pattern, absl::StrCat(kFramePattern, ending))) {
      Input input = InputOf(folder, moving);
      input.canonical = absl::StrCat(folder, "/", name);
      return input;
    }
  }
  if (groups.size() == 1) return InputOf(folder, groups[0]);
  constexpr size_t kMostListed = 8;
  std::vector<std::string> listed;
  for (const NumberedFiles& group : groups) {
    if (listed.size() == kMostListed) {
      listed.push_back("...");
      break;
    }
    listed.push_back(
        group.names.size() == 1
            ? group.pattern
            : absl::StrCat(group.pattern, " (", group.names.size(), " files)"));
  }
  return absl::InvalidArgumentError(absl::StrCat(
      folder, " holds more than one thing: ", absl::StrJoin(listed, ", "),
      "; name one, as '", folder, "/", groups[0].pattern, "'"));
}

absl::StatusOr<Input> FindByPattern(const std::string& path) {
  const fs::path parent = fs::path(path).parent_path();
  const std::string folder = parent.empty() ? "." : parent.string();
  const std::string pattern = fs::path(path).filename().string();
  DG4D_ASSIGN_OR_RETURN(std::vector<std::string> names,
                        ListFiles(folder, {""}));
  names.erase(std::remove_if(names.begin(), names.end(),
                             [&pattern](const std::string& name) {
                               return !MatchesPattern(name, pattern);
                             }),
              names.end());
  if (names.empty()) {
    return absl::NotFoundError(absl::StrCat(
        "no file is named like ", path, " with a number in place of the '*'"));
  }
  Input input = {.name = path};
  for (const NumberedFiles& group : GroupByNumber(names)) {
    Input part = InputOf(folder, group);
    input.paths.insert(input.paths.end(), part.paths.begin(), part.paths.end());
  }
  return input;
}

absl::StatusOr<Input> FindInput(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (fs::is_directory(status)) return FindInFolder(path);
  if (!fs::exists(status) && absl::StrContains(path, '*')) {
    return FindByPattern(path);
  }
  return Input{.name = path, .paths = {path}};
}

absl::StatusOr<Kind> KindOf(absl::string_view bytes, const std::string& name) {
  if (absl::StartsWith(bytes, "ply")) return Kind::kPly;
  if (absl::StartsWith(bytes, "glTF")) return Kind::kGlb;
  // Plain, or packed by gzip.
  if (absl::StartsWith(bytes, "NGSP") || absl::StartsWith(bytes, "\x1f\x8b")) {
    return Kind::kSpz;
  }
  if (LooksLikeObj(bytes)) return Kind::kObj;
  return absl::InvalidArgumentError(absl::StrCat(
      name, " is of no kind that can be read: expected ", kImportableFiles));
}

absl::StatusOr<Gaussians> ReadGaussians(const std::string& path,
                                        const ImportOptions& options) {
  DG4D_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  DG4D_ASSIGN_OR_RETURN(const Kind kind, KindOf(bytes, path));
  switch (kind) {
    case Kind::kPly:
      return DecodeGaussiansPly(bytes, path, options.up);
    case Kind::kSpz:
      return DecodeGaussiansSpz(bytes, path);
    default:
      return absl::InvalidArgumentError(
          absl::StrCat(path, " holds no Gaussians, as the other files do"));
  }
}

// Moves the scene's Gaussians through `frames`, which `names` name.
absl::Status AddFrames(const std::string& name,
                       const std::vector<Gaussians>& frames,
                       const std::vector<std::string>& names,
                       ImportedScene& imported) {
  Scene& scene = imported.scene;
  std::vector<at::Tensor> means, quaternions, log_scales, opacity_logits;
  bool colours_move = false;
  for (size_t i = 0; i < frames.size(); ++i) {
    const Gaussians& frame = frames[i];
    if (frame.size() != scene.gaussians.size() ||
        frame.sh.sizes() != scene.gaussians.sh.sizes()) {
      return absl::InvalidArgumentError(absl::StrCat(
          names[i], " holds ", frame.size(), " Gaussians of degree ",
          frame.sh_degree(), ", and ", name, " begins with ",
          scene.gaussians.size(), " of degree ", scene.gaussians.sh_degree(),
          ": a sequence must hold the same Gaussians in each frame"));
    }
    colours_move |= !at::equal(frame.sh, scene.gaussians.sh);
    means.push_back(frame.means);
    quaternions.push_back(frame.quaternions);
    log_scales.push_back(frame.log_scales);
    opacity_logits.push_back(frame.opacity_logits);
    scene.gaussian_frames.times.push_back(static_cast<double>(i));
  }
  if (colours_move) {
    imported.notes.push_back(absl::StrCat(
        name,
        ": colours change from frame to frame; those of the first are kept"));
  }
  scene.gaussian_frames.means = at::stack(means);
  scene.gaussian_frames.quaternions = at::stack(quaternions);
  scene.gaussian_frames.log_scales = at::stack(log_scales);
  scene.gaussian_frames.opacity_logits = at::stack(opacity_logits);
  return absl::OkStatus();
}

absl::Status ImportGaussians(const Input& input, const ImportOptions& options,
                             ImportedScene& imported) {
  Scene& scene = imported.scene;
  std::vector<Gaussians> frames;
  for (const std::string& path : input.paths) {
    DG4D_ASSIGN_OR_RETURN(Gaussians frame, ReadGaussians(path, options));
    frames.push_back(std::move(frame));
  }
  if (input.canonical.empty()) {
    scene.gaussians = frames[0];
  } else {
    DG4D_ASSIGN_OR_RETURN(scene.gaussians,
                          ReadGaussians(input.canonical, options));
  }
  if (scene.gaussians.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(input.name, " holds no Gaussians"));
  }
  if (frames.size() == 1 && input.canonical.empty()) return absl::OkStatus();
  return AddFrames(input.name, frames, input.paths, imported);
}

void AddNotes(const std::string& path, const std::vector<std::string>& notes,
              ImportedScene& imported) {
  for (const std::string& note : notes) {
    imported.notes.push_back(absl::StrCat(path, ": ", note));
  }
}

bool UsesSplats(absl::string_view glb) {
  const absl::StatusOr<GlbFile> file = GlbFile::Parse(glb);
  if (!file.ok()) return false;
  const nlohmann::json* used = JsonMember(file->json(), "extensionsUsed");
  return used != nullptr && used->is_array() &&
         std::find(used->begin(), used->end(), "KHR_gaussian_splatting") !=
             used->end();
}

absl::Status ImportSplats(const std::string& path, absl::string_view bytes,
                          const ImportOptions& options,
                          ImportedScene& imported) {
  DG4D_ASSIGN_OR_RETURN(const GltfSplats splats,
                        DecodeGltfSplats(bytes, path, options.fps));
  AddNotes(path, splats.notes, imported);
  imported.scene.gaussians = splats.frames[0];
  if (splats.frames.size() < 2) return absl::OkStatus();
  if (splats.fps > 0) imported.scene.video.fps = splats.fps;
  std::vector<std::string> names;
  for (size_t i = 0; i < splats.frames.size(); ++i) {
    names.push_back(absl::StrCat(path, ", frame ", i));
  }
  return AddFrames(path, splats.frames, names, imported);
}

absl::Status ImportGlb(const Input& input, absl::string_view bytes,
                       const ImportOptions& options, ImportedScene& imported) {
  if (input.paths.size() > 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        input.name, ": a .glb is a sequence of its own; name one of them"));
  }
  const std::string& path = input.paths[0];
  if (UsesSplats(bytes)) {
    return ImportSplats(path, bytes, options, imported);
  }
  DG4D_ASSIGN_OR_RETURN(GltfMeshes read,
                        DecodeGltfMeshes(bytes, path, {.fps = options.fps}));
  imported.scene.meshes = std::move(read.meshes);
  if (read.fps > 0) imported.scene.video.fps = read.fps;
  AddNotes(path, read.notes, imported);
  return absl::OkStatus();
}

absl::Status ImportFiles(const Input& input, const ImportOptions& options,
                         ImportedScene& imported) {
  DG4D_ASSIGN_OR_RETURN(std::string bytes, ReadFile(input.paths[0]));
  DG4D_ASSIGN_OR_RETURN(const Kind kind, KindOf(bytes, input.paths[0]));
  if (kind != Kind::kGlb) bytes.clear();
  if (options.up && kind != Kind::kPly) {
    return absl::InvalidArgumentError(absl::StrCat(
        input.name, " is +y up by definition: only PLY files can be told"));
  }
  switch (kind) {
    case Kind::kPly:
    case Kind::kSpz:
      return ImportGaussians(input, options, imported);
    case Kind::kGlb:
      return ImportGlb(input, bytes, options, imported);
    case Kind::kObj: {
      DG4D_ASSIGN_OR_RETURN(imported.scene.meshes,
                            ReadObjSequence(input.paths, imported.notes));
      return absl::OkStatus();
    }
  }
  return absl::InternalError("a kind of file without a reader");
}

// How far from the origin all but the last fiftieth of the scene reaches: scans
// have floaters far out.
double Extent(const Scene& scene) {
  std::vector<float> distances;
  const auto add = [&distances](const at::Tensor& points) {
    const at::Tensor lengths =
        at::linalg_vector_norm(points, 2, at::IntArrayRef{-1}).contiguous();
    const float* length = lengths.data_ptr<float>();
    distances.insert(distances.end(), length, length + lengths.numel());
  };
  if (!scene.gaussian_frames.empty()) {
    add(scene.gaussian_frames.means);
  } else if (!scene.gaussians.empty()) {
    add(scene.gaussians.means);
  }
  for (const Mesh& mesh : scene.meshes) add(mesh.vertices);
  if (distances.empty()) return 0;
  const auto most = distances.begin() + (distances.size() - 1) * 49 / 50;
  std::nth_element(distances.begin(), most, distances.end());
  return *most;
}

Camera FrontCamera(const Scene& scene) {
  // Objects of runs reach to about 0.9 from the origin.
  constexpr double kLeastUsual = 0.3, kMostUsual = 1, kMargin = 1.1;
  const double extent = Extent(scene);
  Camera camera;
  Orbit orbit;
  const bool is_usual = extent >= kLeastUsual && extent <= kMostUsual;
  if (!is_usual && extent > 0 && std::isfinite(extent)) {
    orbit.radius = kMargin * extent / std::sin(camera.fov_y / 2);
    camera.near *= orbit.radius / Orbit().radius;
    camera.far *= orbit.radius / Orbit().radius;
  }
  return OrbitCamera(orbit, camera);
}

}  // namespace

absl::StatusOr<ImportedScene> ImportScene(const std::string& path,
                                          const ImportOptions& options) {
  if (options.fps && !(*options.fps > 0 && *options.fps <= 1000)) {
    return absl::InvalidArgumentError(absl::StrCat(
        *options.fps, " frames a second: expected more than 0, at most 1000"));
  }
  DG4D_ASSIGN_OR_RETURN(const Input input, FindInput(path));
  ImportedScene imported;
  DG4D_RETURN_IF_ERROR(ImportFiles(input, options, imported));
  imported.scene.video.fps = options.fps.value_or(imported.scene.video.fps);
  imported.scene.reference_camera = FrontCamera(imported.scene);
  return imported;
}

}  // namespace dg4d
