#ifndef TOOLS_VIEWER_PAGE_H_
#define TOOLS_VIEWER_PAGE_H_

#include <map>
#include <string>

namespace dg4d::viewer {

// The files of page/ by name, as compiled into the program.
const std::map<std::string, std::string>& PageFiles();

// The page that the server hands out, put together from PageFiles() and the
// player's scripts (dg4d/exporters/html/player), with {{nonce}} where the
// server is to put one.
std::string ViewerPage();

}  // namespace dg4d::viewer

#endif  // TOOLS_VIEWER_PAGE_H_
