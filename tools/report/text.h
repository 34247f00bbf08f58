#ifndef TOOLS_REPORT_TEXT_H_
#define TOOLS_REPORT_TEXT_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace dg4d {

// Numbers as people read them.
std::string DurationText(
    double seconds);                    // "9.4 s", "1 min 15 s", "2 h 05 min"
std::string BytesText(int64_t bytes);   // "812 B", "11.2 kB", "1.5 MB"; 1000s
std::string MemoryText(int64_t bytes);  // "812 MiB", "1.5 GiB"; 1024s
std::string NumberText(double value);   // "9,341", "0.0125", "1.2e-05"
std::string CountText(int64_t n, absl::string_view one,
                      absl::string_view several);  // "1 file", "2,000 files"

// `text` with U+FFFD for each byte that is no UTF-8: names of files are bytes.
std::string ValidUtf8(absl::string_view text);

// `path` below the page's own folder as an address: never one with a scheme.
std::string RelativeAddress(absl::string_view path);

// `text` as one word of a shell's command.
std::string ShellWord(absl::string_view text);

}  // namespace dg4d

#endif  // TOOLS_REPORT_TEXT_H_
