#ifndef DG4D_BASE_VERSION_H_
#define DG4D_BASE_VERSION_H_

namespace dg4d {

inline constexpr char kVersion[] = "0.1.0";  // as in CHANGELOG.md

}  // namespace dg4d

#endif  // DG4D_BASE_VERSION_H_
