#ifndef TOOLS_VERSION_H_
#define TOOLS_VERSION_H_

namespace dg4d {

inline constexpr char kVersion[] = "0.1.0";  // as in CHANGELOG.md

}  // namespace dg4d

#endif  // TOOLS_VERSION_H_
