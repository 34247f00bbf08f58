#include "tools/viewer/page.h"

#include "absl/strings/str_cat.h"
#include "dg4d/exporters/html/page.h"

namespace dg4d::viewer {
namespace {

// Follow each other in one scope, after what all pages share; each uses those
// before it.
constexpr const char* kScripts[] = {
    "connection.js", "curves.js",    "camera_path.js",   "path_panel.js",
    "overlays.js",   "run_panel.js", "exports_panel.js", "viewer.js"};

}  // namespace

std::string ViewerPage() {
  const auto& files = PageFiles();
  std::string script;
  for (const char* name : kScripts) absl::StrAppend(&script, files.at(name));
  return html::FillPage(files.at("viewer.html"),
                        {{"style", files.at("viewer.css")},
                         {"script", script},
                         {"nonce", "{{nonce}}"}});
}

}  // namespace dg4d::viewer
