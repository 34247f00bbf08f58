#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "dg4d/base/staged_folder.h"
#include "dg4d/base/status.h"
#include "dg4d/base/version.h"
#include "dg4d/core/exporter.h"
#include "dg4d/exporters/usda/prims.h"
#include "dg4d/exporters/usda/texture_sheet.h"
#include "dg4d/exporters/usda/usda_text.h"
#include "dg4d/formats/image_io.h"
#include "dg4d/scene/mesh_sequence.h"

// Writes a scene as OpenUSD text, +y up as ours: NAME.usda with the meshes as
// one Mesh and the Gaussians as one ParticleField3DGaussianSplat, both with a
// value a frame, and NAME_texture.png beside it. One time code is one frame.
namespace dg4d::usda {
namespace {

namespace fs = std::filesystem;

// What is known of where a scene comes from, for the metadata of a layer;
// empty if nothing is.
std::string CustomLayerData(const Provenance& provenance) {
  const nlohmann::json known = ProvenanceJson(provenance);
  if (known.empty()) return "";
  std::string text =
      "\n    customLayerData = {\n        dictionary provenance = {";
  for (const auto& [key, value] : known.items()) {
    absl::StrAppend(&text, "\n            ");
    if (value.is_string()) {
      absl::StrAppend(&text, "string ", key, " = ",
                      Quoted(value.get<std::string>()));
    } else {
      absl::StrAppend(&text, "uint64 ", key, " = ", value.get<uint64_t>());
    }
  }
  return text + "\n        }\n    }";
}

}  // namespace

class Usda final : public Exporter {
 public:
  struct Options {
    std::string name = "asset";
    std::string texture = "png";
    bool meshes = true;
    bool gaussians = true;
    bool normals = true;

    template <typename V>
    void Visit(V& v) {
      v("name", name, "Name of the object, and of the files in a folder.");
      v("texture", texture, {"png", "jpeg"}, "How the texture is compressed.");
      v("meshes", meshes, "Whether meshes are written.");
      v("gaussians", gaussians, "Whether Gaussians are written.");
      v("normals", normals, "Whether normals are stored.");
    }
    absl::Status Validate() const {
      const bool is_identifier =
          !name.empty() && !std::isdigit(static_cast<unsigned char>(name[0])) &&
          std::all_of(name.begin(), name.end(), [](unsigned char c) {
            return c < 0x80 && (std::isalnum(c) || c == '_');
          });
      if (!is_identifier) {
        return absl::InvalidArgumentError(absl::StrCat(
            "name is '", name,
            "', but must be letters, digits and '_', and begin with no digit: "
            "OpenUSD's names are"));
      }
      if (!meshes && !gaussians) {
        return absl::InvalidArgumentError(
            "meshes and gaussians are both false: nothing is left to write");
      }
      return absl::OkStatus();
    }
  };

  explicit Usda(Options options) : options_(std::move(options)) {}

  std::vector<Slot> Reads() const override { return {}; }
  std::string DefaultPath() const override { return "usd"; }

 protected:
  absl::Status DoExport(const Scene& scene, const std::string& path,
                        RunContext& context) override;

 private:
  // The stage's metadata, for `frames` frames of `scene`.
  std::string Header(const Scene& scene, size_t frames, double fps) const;

  const Options options_;
};

std::string Usda::Header(const Scene& scene, size_t frames, double fps) const {
  std::string header =
      absl::StrCat("(", CustomLayerData(scene.provenance),
                   "\n    defaultPrim = ", Quoted(options_.name),
                   "\n    doc = \"Written by dg4d ", kVersion, "\"",
                   "\n    metersPerUnit = 1", "\n    upAxis = \"Y\"");
  if (frames > 1) {
    absl::StrAppend(&header,
                    "\n    startTimeCode = 0\n    endTimeCode = ", frames - 1,
                    absl::StrFormat("\n    timeCodesPerSecond = %.12g", fps),
                    absl::StrFormat("\n    framesPerSecond = %.12g", fps));
  }
  return header + "\n)\n";
}

absl::Status Usda::DoExport(const Scene& scene, const std::string& path,
                            RunContext& context) {
  const bool meshes = options_.meshes && !scene.meshes.empty();
  const bool gaussians = options_.gaussians && !scene.gaussians.empty();
  if (!meshes && !gaussians) {
    return absl::FailedPreconditionError(
        scene.gaussians.empty() && scene.meshes.empty()
            ? "the scene has neither 'meshes' nor 'gaussians' to write; stages "
              "as mesh_extraction and static_gaussians make them"
            : "the scene has nothing but what the options 'meshes' and "
              "'gaussians' leave out");
  }
  const double fps = FramesPerSecond(scene);
  DG4D_RETURN_IF_ERROR(CheckMeshSequence(scene.meshes, fps));
  const size_t frames =
      std::max<size_t>(meshes ? scene.meshes.size() : 1,
                       gaussians ? scene.gaussian_frames.size() : 1);
  if (frames > 1 && !(fps > 0 && std::isfinite(fps))) {
    return absl::InvalidArgumentError(
        absl::StrCat("the scene plays ", fps, " frames a second"));
  }
  // The folder that the files come to, and what they are called.
  const bool names_file = absl::EndsWithIgnoreCase(path, ".usda");
  const fs::path file =
      names_file ? fs::path(path) : fs::path(path) / (options_.name + ".usda");
  StagedFolder folder(file.has_parent_path() ? file.parent_path().string()
                                             : ".");
  const std::string root = absl::StrCat("/", options_.name);
  UsdaText text;
  text.Line(Header(scene, frames, fps));
  text.OpenPrim("Xform", options_.name, "kind = \"component\"");
  std::string picture;
  if (meshes) {
    std::vector<at::Tensor> uvs;
    if (!AreAllTexturedOrNone(scene.meshes)) {
      return absl::FailedPreconditionError(
          "some frames have a texture and some have none; export with exporter "
          "'gltf', which keeps a material a frame");
    }
    if (scene.meshes[0].textured()) {
      DG4D_ASSIGN_OR_RETURN(TextureSheet sheet, MakeTextureSheet(scene.meshes));
      const bool png = options_.texture == "png";
      DG4D_ASSIGN_OR_RETURN(
          const std::string bytes,
          png ? EncodePng(sheet.picture) : EncodeJpeg(sheet.picture));
      // Not CAT.png, which may be the picture that the user began with.
      picture =
          absl::StrCat(file.stem().string(), "_texture", png ? ".png" : ".jpg");
      if (absl::StrContains(picture, '@')) {
        return absl::InvalidArgumentError(absl::StrCat(
            path, ": OpenUSD refers to files between '@'; name it without"));
      }
      DG4D_RETURN_IF_ERROR(folder.Write(picture, bytes));
      uvs = std::move(sheet.uvs);
    }
    DG4D_RETURN_IF_ERROR(context.CheckCancelled());
    AddMeshPrim(scene.meshes, uvs, options_.normals, root, text);
    AddMaterialPrim(picture, root, text);
  }
  DG4D_RETURN_IF_ERROR(context.CheckCancelled());
  if (gaussians) DG4D_RETURN_IF_ERROR(AddGaussianPrim(scene, text));
  text.ClosePrim();
  DG4D_RETURN_IF_ERROR(folder.Write(file.filename().string(), text.text()));
  return folder.Commit([](const std::string&) { return false; });
}

DG4D_REGISTER(Exporter, Usda, "usda",
              "Meshes and Gaussians, moving, as OpenUSD text with the texture "
              "beside it.");

}  // namespace dg4d::usda
