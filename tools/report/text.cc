#include "tools/report/text.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace dg4d {
namespace {

// `value` with three digits that count, or all before the point.
std::string ThreeDigits(double value) {
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return absl::StrFormat("%.*f", decimals, value);
}

std::string Scaled(int64_t bytes, double base, const char* const* units) {
  auto value = static_cast<double>(bytes);
  if (value < base) return absl::StrCat(bytes, " ", units[0]);
  do {
    value /= base;
    ++units;
  } while (value >= base && units[1] != nullptr);
  return absl::StrCat(ThreeDigits(value), " ", *units);
}

// The length of the UTF-8 sequence that `text` begins with; 0 if it is none.
size_t SequenceLength(absl::string_view text) {
  const auto byte = [&](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xC2 && first <= 0xDF   ? 2
                        : first >= 0xE0 && first <= 0xEF ? 3
                        : first >= 0xF0 && first <= 0xF4 ? 4
                                                         : 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what lies beyond Unicode.
  if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F) ||
      (first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F)) {
    return 0;
  }
  return length;
}

}  // namespace

std::string DurationText(double seconds) {
  if (seconds < 59.95) return absl::StrFormat("%.1f s", seconds);
  const auto whole = static_cast<int64_t>(seconds);
  if (whole < 3600) {
    return absl::StrFormat("%d min %02d s", whole / 60, whole % 60);
  }
  return absl::StrFormat("%d h %02d min", whole / 3600, whole / 60 % 60);
}

std::string BytesText(int64_t bytes) {
  static constexpr const char* kUnits[] = {"B",  "kB", "MB",
                                           "GB", "TB", nullptr};
  return Scaled(bytes, 1000, kUnits);
}

std::string MemoryText(int64_t bytes) {
  static constexpr const char* kUnits[] = {"B",   "KiB", "MiB",
                                           "GiB", "TiB", nullptr};
  return Scaled(bytes, 1024, kUnits);
}

std::string NumberText(double value) {
  if (!std::isfinite(value)) return std::isnan(value) ? "not a number" : "∞";
  if (value != std::round(value) || std::abs(value) >= 1e15) {
    return absl::StrFormat("%.4g", value);
  }
  std::string digits = absl::StrCat(static_cast<int64_t>(std::abs(value)));
  for (int i = static_cast<int>(digits.size()) - 3; i > 0; i -= 3) {
    digits.insert(i, 1, ',');
  }
  return value < 0 ? "−" + digits : digits;
}

std::string CountText(int64_t n, absl::string_view one,
                      absl::string_view several) {
  return absl::StrCat(NumberText(static_cast<double>(n)), " ",
                      n == 1 ? one : several);
}

std::string ValidUtf8(absl::string_view text) {
  std::string valid;
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    absl::StrAppend(&valid,
                    length > 0 ? text.substr(0, length) : "\xEF\xBF\xBD");
    text.remove_prefix(std::max<size_t>(1, length));
  }
  return valid;
}

std::string RelativeAddress(absl::string_view path) {
  std::string address = "./";
  for (const char c : path) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '/' ||
        c == '-' || c == '.' || c == '_') {
      address += c;
    } else {
      absl::StrAppendFormat(&address, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return address;
}

std::string ShellWord(absl::string_view text) {
  const bool plain =
      !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
               absl::string_view("_-./=:,+@").find(c) !=
                   absl::string_view::npos;
      });
  if (plain) return std::string(text);
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

}  // namespace dg4d
