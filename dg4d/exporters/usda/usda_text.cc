#include "dg4d/exporters/usda/usda_text.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "dg4d/base/float_text.h"

namespace dg4d::usda {

std::string FloatList(const at::Tensor& rows) {
  const at::Tensor values = rows.contiguous();
  const int64_t columns = values.size(1);
  const float* value = values.data_ptr<float>();
  std::string text = "[";
  for (int64_t row = 0; row < values.size(0); ++row) {
    if (row > 0) text += ", ";
    if (columns > 1) text += '(';
    for (int64_t column = 0; column < columns; ++column) {
      if (column > 0) text += ", ";
      AppendFloat(*value++, text);
    }
    if (columns > 1) text += ')';
  }
  return text + "]";
}

std::string IntList(const at::Tensor& values) {
  const at::Tensor list = values.contiguous();
  const int32_t* value = list.data_ptr<int32_t>();
  std::string text = "[";
  for (int64_t i = 0; i < list.numel(); ++i) {
    absl::StrAppend(&text, i > 0 ? ", " : "", value[i]);
  }
  return text + "]";
}

std::string Quoted(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return quoted + "\"";
}

void UsdaText::Line(absl::string_view line) {
  text_.append(4 * depth_, ' ');
  absl::StrAppend(&text_, line, "\n");
}

void UsdaText::OpenPrim(absl::string_view type, absl::string_view name,
                        absl::string_view metadata) {
  Line(absl::StrCat("def ", type, " ", Quoted(name),
                    metadata.empty() ? "" : absl::StrCat(" (", metadata, ")")));
  Line("{");
  ++depth_;
}

void UsdaText::ClosePrim() {
  --depth_;
  Line("}");
}

void UsdaText::Attribute(absl::string_view declaration,
                         const std::vector<TimeSample>& samples,
                         absl::string_view metadata) {
  const std::string about =
      metadata.empty() ? "" : absl::StrCat(" (", metadata, ")");
  const bool is_still = std::all_of(samples.begin(), samples.end(),
                                    [&](const TimeSample& sample) {
                                      return sample.value == samples[0].value;
                                    });
  if (is_still) {
    Line(absl::StrCat(declaration, " = ", samples[0].value, about));
    return;
  }
  if (!about.empty()) Line(absl::StrCat(declaration, about));
  Line(absl::StrCat(declaration, ".timeSamples = {"));
  for (const TimeSample& sample : samples) {
    text_.append(4 * (depth_ + 1), ' ');
    absl::StrAppend(&text_, absl::StrFormat("%.12g", sample.time), ": ",
                    sample.value, ",\n");
  }
  Line("}");
}

}  // namespace dg4d::usda
