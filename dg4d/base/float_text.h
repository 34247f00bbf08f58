#ifndef DG4D_BASE_FLOAT_TEXT_H_
#define DG4D_BASE_FLOAT_TEXT_H_

#include <charconv>
#include <string>

namespace dg4d {

// Appends the shortest digits that read back as the same float, the same in
// every locale: "0.1", "-3", "1e-20".
inline void AppendFloat(float value, std::string& text) {
  char buffer[32];
  const auto result = std::to_chars(buffer, buffer + sizeof(buffer), value);
  text.append(buffer, result.ptr);
}

}  // namespace dg4d

#endif  // DG4D_BASE_FLOAT_TEXT_H_
