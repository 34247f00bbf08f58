#include "dg4d/exporters/html/page.h"

#include "absl/strings/str_cat.h"
#include "dg4d/exporters/html/player_files.h"

namespace dg4d::html {
namespace {

// Follow each other in one scope; each uses those before it.
constexpr const char* kScripts[] = {
    "camera.js", "shaders.js",  "gl.js",         "splats.js",
    "meshes.js", "gestures.js", "scene_view.js", "controls.js"};

}  // namespace

std::string FillPage(const std::string& page,
                     std::map<std::string, std::string> values) {
  const auto& files = PlayerFiles();
  values.insert({{"shared_style", files.at("shared.css")},
                 {"view_controls", files.at("view_controls.html")},
                 {"time_controls", files.at("time_controls.html")},
                 {"worker", files.at("worker.js")}});
  std::string& script = values["shared_script"];
  for (const char* name : kScripts) absl::StrAppend(&script, files.at(name));

  std::string filled;
  size_t end = 0;
  for (size_t begin; (begin = page.find("{{", end)) != std::string::npos;) {
    filled.append(page, end, begin - end);
    end = page.find("}}", begin) + 2;
    filled += values.at(page.substr(begin + 2, end - begin - 4));
  }
  return filled.append(page, end, std::string::npos);
}

}  // namespace dg4d::html
