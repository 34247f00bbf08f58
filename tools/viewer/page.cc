#include "tools/viewer/page.h"

#include "absl/strings/str_replace.h"

namespace dg4d::viewer {

std::string ViewerPage() {
  const auto& files = PageFiles();
  return absl::StrReplaceAll(files.at("viewer.html"),
                             {{"{{style}}", files.at("viewer.css")},
                              {"{{script}}", files.at("viewer.js")}});
}

}  // namespace dg4d::viewer
