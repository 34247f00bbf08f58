#ifndef TOOLS_VIEWER_ZIP_H_
#define TOOLS_VIEWER_ZIP_H_

#include <string>

#include "absl/status/status.h"

namespace dg4d::viewer {

// Writes the files of `folder`, which has no others below it, as the .zip file
// `path`, whole or not at all: NAME/FILE in the order of their names, where
// NAME is the folder's. They are stored as they are, for what is exported is
// packed already or is to be read in a hurry, and without their times, so that
// equal folders give equal bytes. Links and hidden files are left out.
absl::Status WriteZip(const std::string& folder, const std::string& path);

}  // namespace dg4d::viewer

#endif  // TOOLS_VIEWER_ZIP_H_
