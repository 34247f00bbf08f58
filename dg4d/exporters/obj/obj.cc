#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "dg4d/base/float_text.h"
#include "dg4d/base/staged_folder.h"
#include "dg4d/base/status.h"
#include "dg4d/core/exporter.h"
#include "dg4d/formats/image_io.h"
#include "dg4d/scene/mesh.h"
#include "dg4d/scene/mesh_sequence.h"

// Writes the meshes of a scene as numbered Wavefront OBJ files, as Blender's
// add-on Stop-motion-OBJ and other programs read them: one object a file, and a
// material and picture of its own for each, for programs tell those apart by
// name. import_sequence.py, written beside them, needs no add-on.
namespace dg4d::obj {
namespace {

constexpr char kImportScript[] =
#include "dg4d/exporters/obj/import_sequence.inc"
    ;
constexpr char kImportScriptName[] = "import_sequence.py";

void AppendLine(const char* keyword, const float* values, int count,
                std::string& text) {
  text += keyword;
  for (int i = 0; i < count; ++i) {
    text += ' ';
    AppendFloat(values[i], text);
  }
  text += '\n';
}

// Numbers from 1 for the vertices that triangles use, 0 for others, which
// programs drop in their own ways.
std::vector<int> NumberUsedVertices(const Mesh& mesh) {
  std::vector<int> number(mesh.vertex_count());
  const at::Tensor triangles = mesh.triangles.contiguous();
  const int32_t* corner = triangles.data_ptr<int32_t>();
  for (int64_t i = 0; i < triangles.numel(); ++i) number[corner[i]] = 1;
  int count = 0;
  for (int& n : number) n = n ? ++count : 0;
  return number;
}

void AppendFaces(const Mesh& mesh, const std::vector<int>& number,
                 bool has_normals, std::string& text) {
  const at::Tensor triangles = mesh.triangles.contiguous();
  const at::Tensor uv_triangles =
      mesh.uvs.defined() ? mesh.uv_triangles.contiguous() : at::Tensor();
  for (int64_t i = 0; i < triangles.numel(); ++i) {
    const int vertex = number[triangles.data_ptr<int32_t>()[i]];
    if (i % 3 == 0) text += 'f';
    absl::StrAppend(&text, " ", vertex);
    if (uv_triangles.defined()) {
      absl::StrAppend(&text, "/", uv_triangles.data_ptr<int32_t>()[i] + 1);
    } else if (has_normals) {
      text += '/';
    }
    if (has_normals) absl::StrAppend(&text, "/", vertex);
    if (i % 3 == 2) text += '\n';
  }
}

// The lines of an OBJ file that are the same for meshes of one topology.
struct SharedLines {
  std::vector<int> number;  // of each vertex, as NumberUsedVertices gives it
  std::string uvs;
  std::string faces;
};

SharedLines MakeSharedLines(const Mesh& mesh, bool with_normals) {
  SharedLines lines = {.number = NumberUsedVertices(mesh)};
  if (mesh.uvs.defined()) {
    const at::Tensor uvs = mesh.uvs.contiguous();
    for (int64_t i = 0; i < uvs.size(0); ++i) {
      const float* uv = uvs.data_ptr<float>() + 2 * i;
      const float upwards[2] = {uv[0], 1 - uv[1]};
      AppendLine("vt", upwards, 2, lines.uvs);
    }
  }
  AppendFaces(mesh, lines.number, with_normals, lines.faces);
  return lines;
}

std::string ObjText(const Mesh& mesh, const SharedLines& shared,
                    const std::string& name, bool with_normals) {
  std::string text = absl::StrCat("mtllib ", name, ".mtl\no ", name, "\n");
  const auto append_used = [&](const char* keyword, const at::Tensor& rows) {
    const at::Tensor values = rows.contiguous();
    for (size_t i = 0; i < shared.number.size(); ++i) {
      if (shared.number[i] == 0) continue;
      AppendLine(keyword, values.data_ptr<float>() + 3 * i, 3, text);
    }
  };
  append_used("v", mesh.vertices);
  if (with_normals) {
    append_used("vn", UnitNormals(mesh));
  }
  absl::StrAppend(&text, shared.uvs, "usemtl ", name, "\n", shared.faces);
  return text;
}

std::string MtlText(const std::string& name, const std::string& picture) {
  // No Tr: programs disagree about which end of it is opaque.
  std::string text = absl::StrCat("newmtl ", name, "\n",
                                  "Ka 1 1 1\nKd 1 1 1\nKs 0 0 0\nd 1\n"
                                  "illum 1\n");
  if (!picture.empty()) absl::StrAppend(&text, "map_Kd ", picture, "\n");
  return text;
}

}  // namespace

class Obj final : public Exporter {
 public:
  struct Options {
    std::string name = "mesh";
    bool normals = true;
    bool share_texture = false;

    template <typename V>
    void Visit(V& v) {
      v("name", name, "What file and object names begin with.");
      v("normals", normals, "Whether normals are written.");
      v("share_texture", share_texture,
        "Whether equal textures are written once. Stop-motion-OBJ needs one a "
        "frame.");
    }
    absl::Status Validate() const {
      const bool is_plain =
          std::all_of(name.begin(), name.end(), [](unsigned char c) {
            return std::isalnum(c) || c == '_' || c == '-';
          });
      if (is_plain && !name.empty()) return absl::OkStatus();
      return absl::InvalidArgumentError(absl::StrCat(
          "name is '", name,
          "', but must be letters, digits, '_' and '-': OBJ files name each "
          "other without quotes"));
    }
  };

  explicit Obj(Options options) : options_(std::move(options)) {}

  std::vector<Slot> Reads() const override { return {Slot::kMeshes}; }
  std::string DefaultPath() const override { return "meshes"; }

 protected:
  absl::Status DoExport(const Scene& scene, const std::string& path,
                        RunContext& context) override;

 private:
  // Writes the mesh's texture unless an earlier frame's can stand for it, and
  // returns its name; "" without texture. `png` is the frame before's, and
  // becomes this one's.
  absl::StatusOr<std::string> WriteTexture(const std::vector<Mesh>& meshes,
                                           int frame, std::string& png,
                                           StagedFolder& folder) const;
  std::string FrameName(int frame) const {
    return absl::StrFormat("%s_%04d", options_.name, frame + 1);
  }
  // Whether an earlier export of this name wrote the file.
  bool IsOurs(absl::string_view file) const;
  std::string ImportScript(double fps) const;

  const Options options_;
};

absl::StatusOr<std::string> Obj::WriteTexture(const std::vector<Mesh>& meshes,
                                              int frame, std::string& png,
                                              StagedFolder& folder) const {
  const Mesh& mesh = meshes[frame];
  if (!mesh.textured()) return std::string();
  const auto has_it = [&mesh](const Mesh& other) {
    return other.textured() && HaveOneTexture({mesh, other});
  };
  if (options_.share_texture) {
    const int owner =
        std::find_if(meshes.begin(), meshes.end(), has_it) - meshes.begin();
    if (owner < frame) return FrameName(owner) + ".png";
  }
  if (frame == 0 || !has_it(meshes[frame - 1])) {
    DG4D_ASSIGN_OR_RETURN(png, EncodePng(mesh.albedo));
  }
  const std::string name = FrameName(frame) + ".png";
  DG4D_RETURN_IF_ERROR(folder.Write(name, png));
  return name;
}

bool Obj::IsOurs(absl::string_view file) const {
  if (!absl::ConsumePrefix(&file, options_.name + "_")) return false;
  const absl::string_view number = file.substr(0, file.find('.'));
  const absl::string_view suffix = file.substr(number.size());
  return number.size() >= 4 &&
         std::all_of(number.begin(), number.end(),
                     [](unsigned char c) { return std::isdigit(c) != 0; }) &&
         (suffix == ".obj" || suffix == ".mtl" || suffix == ".png");
}

std::string Obj::ImportScript(double fps) const {
  std::string rate;
  AppendFloat(static_cast<float>(fps), rate);
  return absl::StrReplaceAll(
      kImportScript,
      {{"NAME = \"mesh\"\n", absl::StrCat("NAME = \"", options_.name, "\"\n")},
       {"FRAMES_PER_SECOND = 7.0\n",
        absl::StrCat("FRAMES_PER_SECOND = ", rate, "\n")}});
}

absl::Status Obj::DoExport(const Scene& scene, const std::string& path,
                           RunContext& context) {
  if (absl::EndsWithIgnoreCase(path, ".obj")) {
    return absl::InvalidArgumentError(absl::StrCat(
        "exporter 'obj' writes several files: name a folder for them instead "
        "of ",
        path));
  }
  const int frames = static_cast<int>(scene.meshes.size());
  const double fps = FramesPerSecond(scene);
  DG4D_RETURN_IF_ERROR(CheckMeshSequence(scene.meshes, fps));
  const bool one_topology = HaveOneTopology(scene.meshes);
  SharedLines shared;
  std::string png;
  StagedFolder folder(path);
  for (int frame = 0; frame < frames; ++frame) {
    DG4D_RETURN_IF_ERROR(context.CheckCancelled());
    const Mesh& mesh = scene.meshes[frame];
    if (frame == 0 || !one_topology) {
      shared = MakeSharedLines(mesh, options_.normals);
    }
    const std::string name = FrameName(frame);
    DG4D_ASSIGN_OR_RETURN(const std::string picture,
                          WriteTexture(scene.meshes, frame, png, folder));
    DG4D_RETURN_IF_ERROR(folder.Write(name + ".mtl", MtlText(name, picture)));
    DG4D_RETURN_IF_ERROR(folder.Write(
        name + ".obj", ObjText(mesh, shared, name, options_.normals)));
  }
  DG4D_RETURN_IF_ERROR(folder.Write(kImportScriptName, ImportScript(fps)));
  return folder.Commit(
      [this](const std::string& name) { return IsOurs(name); });
}

DG4D_REGISTER(Exporter, Obj, "obj",
              "Textured meshes as a numbered sequence of OBJ files, with a "
              "script that imports them into Blender.");

}  // namespace dg4d::obj
