#ifndef DG4D_EXPORTERS_HTML_PAYLOAD_H_
#define DG4D_EXPORTERS_HTML_PAYLOAD_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace dg4d::html {

// Whole numbers that stand for real ones: value = low + step * number.
struct Quantizer {
  double low = 0;
  double step = 1;

  // The coarsest whose numbers reach from `low` to `high` and fit into
  // 16 bits, but no finer than `least_step`. Values between are then off by at
  // most step / 2.
  static Quantizer Between(double low, double high, double least_step = 0);
  uint32_t Number(double value) const;
};

// Arrays of whole numbers, packed for a page that unpacks them in a few lines
// of JavaScript (player/worker.js).
//
// An array is [rows, count, components] of numbers of 1, 2 or 4 bytes. Each is
// stored as its difference (modulo its size) from the number one row above, in
// the first row from its neighbour before, with the sign in the lowest bit
// (zigzag). Bytes are ordered by component, then by significance, lowest first,
// then by row and count; all arrays follow each other and are deflated together
// (RFC 1950).
class Payload {
 public:
  // Appends an array; `values` has rows * count * components numbers below
  // 256^bytes. Returns its index in Directory().
  int Add(const std::vector<uint32_t>& values, int64_t rows, int components,
          int bytes);

  // [{offset, rows, count, components, bytes}]; offsets into inflated bytes.
  const nlohmann::json& Directory() const { return directory_; }

  // All arrays, deflated. Equal arrays give equal bytes.
  std::string Deflate() const;

 private:
  std::string bytes_;
  nlohmann::json directory_ = nlohmann::json::array();
};

// RFC 4648, with padding.
std::string Base64(absl::string_view bytes);

}  // namespace dg4d::html

#endif  // DG4D_EXPORTERS_HTML_PAYLOAD_H_
