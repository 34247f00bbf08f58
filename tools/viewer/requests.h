#ifndef TOOLS_VIEWER_REQUESTS_H_
#define TOOLS_VIEWER_REQUESTS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace dg4d::viewer {

// 32 hexadecimal digits from the system's entropy.
std::string MakeToken();

// Whether both are equal, in a time that does not tell where they differ.
bool EqualSecrets(absl::string_view a, absl::string_view b);

// The parts of a request's target "/file/a.png?token=ab": nothing is decoded,
// for no path and no token of ours needs it.
struct Target {
  std::string path;   // "/file/a.png"
  std::string token;  // "ab", or empty
};
Target ParseTarget(absl::string_view target);

// Whether a request with these headers comes from a page of this server or
// from no page. `host` must name this machine, by any port, as a forwarded one
// differs; a page of another site that had its own name lead here would send
// that name. `origin` must be empty or that of `host`.
bool ComesFromHere(absl::string_view host, absl::string_view origin);

// "text/html; charset=utf-8" for "a.html", and so on.
std::string ContentType(absl::string_view name);

}  // namespace dg4d::viewer

#endif  // TOOLS_VIEWER_REQUESTS_H_
