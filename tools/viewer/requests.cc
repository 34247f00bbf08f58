#include "tools/viewer/requests.h"

#include <sys/random.h>

#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace dg4d::viewer {

std::string MakeToken() {
  std::string bytes(16, '\0');
  // Blocks until the kernel has entropy; up to 256 bytes come at once.
  if (getrandom(bytes.data(), bytes.size(), 0) !=
      static_cast<ssize_t>(bytes.size())) {
    std::abort();  // a viewer without a secret would be open to all
  }
  return absl::BytesToHexString(bytes);
}

bool EqualSecrets(absl::string_view a, absl::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
    difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  }
  return difference == 0;
}

Target ParseTarget(absl::string_view target) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(target, absl::MaxSplits('?', 1));
  Target result = {.path = std::string(parts.first)};
  for (absl::string_view field : absl::StrSplit(parts.second, '&')) {
    if (absl::ConsumePrefix(&field, "token=")) {
      result.token = std::string(field);
      break;
    }
  }
  return result;
}

bool ComesFromHere(absl::string_view host, absl::string_view origin) {
  absl::string_view port = host;
  if (!absl::ConsumePrefix(&port, "127.0.0.1") &&
      !absl::ConsumePrefix(&port, "localhost")) {
    return false;
  }
  if (!port.empty()) {
    if (port[0] != ':' || port.size() > 6) return false;
    for (const char digit : port.substr(1)) {
      if (!absl::ascii_isdigit(digit)) return false;
    }
  }
  return origin.empty() || origin == absl::StrCat("http://", host);
}

std::string ContentType(absl::string_view name) {
  constexpr std::pair<const char*, const char*> kTypes[] = {
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".html", "text/html; charset=utf-8"},
      {".json", "application/json"},
      {".glb", "model/gltf-binary"},
      {".zip", "application/zip"}};
  for (const auto& [ending, type] : kTypes) {
    if (absl::EndsWith(name, ending)) return type;
  }
  return "application/octet-stream";
}

}  // namespace dg4d::viewer
