#ifndef DG4D_EXPORTERS_HTML_PAGE_H_
#define DG4D_EXPORTERS_HTML_PAGE_H_

#include <map>
#include <string>

namespace dg4d::html {

// `page` with each {{name}} replaced: by `values`, or by what all pages that
// draw scenes share, made of the files in player/:
//
//   shared_style    shared.css
//   view_controls   what is shown and how, as controls.js wants it
//   time_controls   when
//   worker          the worker's script, for <script id="worker">
//   shared_script   OrbitCamera, SceneView and Controls
//
// Values are not looked into. A name that neither has throws.
std::string FillPage(const std::string& page,
                     std::map<std::string, std::string> values);

}  // namespace dg4d::html

#endif  // DG4D_EXPORTERS_HTML_PAGE_H_
