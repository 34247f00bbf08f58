#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "dg4d/base/files.h"
#include "dg4d/base/status.h"
#include "dg4d/base/version.h"
#include "dg4d/core/exporter.h"
#include "dg4d/exporters/html/page.h"
#include "dg4d/exporters/html/payload.h"
#include "dg4d/exporters/html/player_files.h"
#include "dg4d/exporters/html/player_scene.h"
#include "dg4d/formats/image_io.h"

// Writes a scene as one .html file that plays it: Gaussians and meshes, with
// everything that it needs inside. It opens from disk and asks no network for
// anything, which a Content-Security-Policy in it enforces.
namespace dg4d::html {
namespace {

constexpr int kPosterSize = 384;

// Text for between tags or quotes.
std::string EscapeHtml(const std::string& text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

// JSON for inside <script>, which a "<" in it might end.
std::string ScriptJson(const nlohmann::json& json) {
  return absl::StrReplaceAll(json.dump(), {{"<", "\\u003c"}});
}

// An <img> of the picture that the scene was made from, or nothing.
absl::StatusOr<std::string> Poster(const Image& reference) {
  if (reference.empty()) return std::string();
  const int side = std::max(reference.height(), reference.width());
  Image picture = reference;
  if (side > kPosterSize) {
    picture =
        Resize(reference, std::max(1, reference.height() * kPosterSize / side),
               std::max(1, reference.width() * kPosterSize / side));
  }
  DG4D_ASSIGN_OR_RETURN(const std::string png, EncodePng(picture));
  return absl::StrCat(
      "<img id=\"poster\" alt=\"The picture that this was made from\" "
      "src=\"data:image/png;base64,",
      Base64(png), "\">");
}

}  // namespace

class Html final : public Exporter {
 public:
  struct Options {
    std::string title = "4D asset";
    bool gaussians = true;
    bool meshes = true;
    bool loop = true;
    bool poster = true;
    std::string texture = "jpeg";

    template <typename V>
    void Visit(V& v) {
      v("title", title, "Title of the page.");
      v("gaussians", gaussians, "Whether the Gaussians are in the page.");
      v("meshes", meshes, "Whether the meshes are in the page.");
      v("loop", loop,
        "Whether the motion leads back to the first frame at the end.");
      v("poster", poster,
        "Whether the picture is in the page, shown until the scene is drawn.");
      v("texture", texture, {"jpeg", "png"}, "How textures are compressed.");
    }
    absl::Status Validate() const {
      if (gaussians || meshes) return absl::OkStatus();
      return absl::InvalidArgumentError(
          "gaussians and meshes are both false, which leaves an empty page");
    }
  };

  explicit Html(Options options) : options_(std::move(options)) {}

  // Either will do: see MakePlayerScene.
  std::vector<Slot> Reads() const override { return {}; }
  std::string DefaultPath() const override { return "player.html"; }

 protected:
  absl::Status DoExport(const Scene& scene, const std::string& path,
                        RunContext& context) override {
    DG4D_ASSIGN_OR_RETURN(
        PlayerScene player,
        MakePlayerScene(scene, {.gaussians = options_.gaussians,
                                .meshes = options_.meshes,
                                .loop = options_.loop,
                                .png_textures = options_.texture == "png"}));
    DG4D_RETURN_IF_ERROR(context.CheckCancelled());
    std::string poster;
    if (options_.poster) {
      DG4D_ASSIGN_OR_RETURN(poster, Poster(scene.reference));
    }
    const auto& files = PlayerFiles();
    return WriteFileAtomically(
        path,
        FillPage(files.at("player.html"),
                 {{"version", kVersion},
                  {"title", EscapeHtml(options_.title)},
                  {"style", files.at("player.css")},
                  {"poster", poster},
                  {"provenance", ScriptJson(ProvenanceJson(scene.provenance))},
                  {"header", ScriptJson(player.header)},
                  {"payload", Base64(player.payload)},
                  {"script", files.at("player.js")}}));
  }

 private:
  const Options options_;
};

DG4D_REGISTER(Exporter, Html, "html",
              "One page that plays Gaussians and meshes in a browser, without "
              "a network.");

}  // namespace dg4d::html
