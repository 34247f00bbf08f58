#ifndef TOOLS_REPORT_PAGE_FILES_H_
#define TOOLS_REPORT_PAGE_FILES_H_

#include <map>
#include <string>

namespace dg4d {

// page.html and page.css, which Bazel compiles into the program.
const std::map<std::string, std::string>& PageFiles();

}  // namespace dg4d

#endif  // TOOLS_REPORT_PAGE_FILES_H_
