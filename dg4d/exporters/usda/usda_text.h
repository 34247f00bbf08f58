#ifndef DG4D_EXPORTERS_USDA_USDA_TEXT_H_
#define DG4D_EXPORTERS_USDA_USDA_TEXT_H_

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace dg4d::usda {

// [(x, y, z), ...] of float `rows` [N, C], or [x, y, ...] if C is 1.
std::string FloatList(const at::Tensor& rows);
// [i, j, ...] of all of the int32 tensor `values`.
std::string IntList(const at::Tensor& values);
// A string of USD: `text` in quotes, with what must be escaped.
std::string Quoted(absl::string_view text);

// An attribute's value from a time on, in frames.
struct TimeSample {
  double time;
  std::string value;
};

// The text of a .usda file in the making.
class UsdaText {
 public:
  // "def Mesh "mesh" (METADATA) {"; `metadata` may be empty.
  void OpenPrim(absl::string_view type, absl::string_view name,
                absl::string_view metadata = "");
  void ClosePrim();
  // One line as it is, indented.
  void Line(absl::string_view line);
  // The attribute `declaration` ("point3f[] points"): one value if that is all
  // that `samples` have, else a value a time.
  void Attribute(absl::string_view declaration,
                 const std::vector<TimeSample>& samples,
                 absl::string_view metadata = "");

  const std::string& text() const { return text_; }

 private:
  std::string text_ = "#usda 1.0\n";
  int depth_ = 0;
};

}  // namespace dg4d::usda

#endif  // DG4D_EXPORTERS_USDA_USDA_TEXT_H_
