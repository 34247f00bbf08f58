#ifndef DG4D_EXPORTERS_HTML_PLAYER_FILES_H_
#define DG4D_EXPORTERS_HTML_PLAYER_FILES_H_

#include <map>
#include <string>

namespace dg4d::html {

// The files of player/ by name, as compiled into the program.
const std::map<std::string, std::string>& PlayerFiles();

}  // namespace dg4d::html

#endif  // DG4D_EXPORTERS_HTML_PLAYER_FILES_H_
